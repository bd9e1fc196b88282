// The room on the disk that holds a folder, as the operating system says. Blocks reserved for the superuser do not count.
import { statfsSync } from "node:fs";
import { GraftError } from "../../errors.ts";
import type { DiskSpace } from "../../ports/disk-space.ts";

export function diskSpaceOf(folder: string): DiskSpace {
  return {
    measure() {
      try {
        const { bavail, blocks, bsize } = statfsSync(folder);
        return { freeBytes: bavail * bsize, totalBytes: blocks * bsize };
      } catch (cause) {
        const reason = cause instanceof Error ? cause.message : String(cause);
        throw new GraftError(
          "storage",
          `The system does not say how much space is free on the disk of ${folder}: ${reason}. Nothing was lost. Look at the ` +
            "disk's health and its mount, then start the node again.",
          { cause },
        );
      }
    },
  };
}
