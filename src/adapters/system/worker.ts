// The thread that writes the last words of a process, while the thread that has failed stands still: last-write.ts.
import { writeSync } from "node:fs";
import type { LastWrite } from "./last-write.ts";

declare const self: Worker;

/** A descriptor that does not block and is full says so at once: the next attempt comes after this. */
const FULL_RETRY_MS = 5;

self.onmessage = ({ data: { fileDescriptor, bytes, isOver } }: MessageEvent<LastWrite>) => {
  try {
    for (let written = 0; written < bytes.length;)
      written += writePart(fileDescriptor, bytes.subarray(written), isOver);
  } finally {
    Atomics.store(isOver, 0, 1);
    Atomics.notify(isOver, 0);
  }
};

/** How much of it was taken. Throws when the sink is gone. */
function writePart(fileDescriptor: number, bytes: Uint8Array, isOver: Int32Array): number {
  try {
    return writeSync(fileDescriptor, bytes);
  } catch (error) {
    if (!(error instanceof Error && "code" in error && error.code === "EAGAIN")) throw error;
    Atomics.wait(isOver, 0, 0, FULL_RETRY_MS);
    return 0;
  }
}
