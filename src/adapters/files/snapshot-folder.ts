// Where the files lie and what their names say: which are complete, which partial, and of which file. A name is checked
// before it becomes a path, since it may come from another node.
import { chmodSync, mkdirSync } from "node:fs";
import fs from "node:fs/promises";
import { dirname, join, resolve } from "node:path";
import type { LogPosition } from "../../core/log-position.ts";
import type { SnapshotFile, StoredSnapshot } from "../../ports/snapshot-store.ts";
import { failedFile, isMissing, refused } from "./snapshot-errors.ts";

const completeName = /^[A-Za-z0-9][A-Za-z0-9._-]{0,180}\.snapshot$/;
const partialSuffixes = [".writing", ".receiving"] as const;

/** Where a data directory keeps them. */
export const snapshotsIn = (dataDir: string): string => join(resolve(dataDir), "snapshots");

export class SnapshotFolder {
  readonly path: string;

  /** Creates what is missing, for one user alone. Throws `GraftError("storage")`. */
  constructor(dataDir: string) {
    this.path = snapshotsIn(dataDir);
    try {
      mkdirSync(this.path, { recursive: true, mode: 0o700 });
      chmodSync(this.path, 0o700);
    } catch (cause) {
      throw failedFile(this.path, "Preparing the folder", cause);
    }
  }

  /** The path of a complete file. Throws for what is not the name of one. */
  pathOf(file: string): string {
    if (completeName.test(file)) return join(this.path, file);
    throw refused(this.path, `${JSON.stringify(file)} is not the name of a snapshot`);
  }

  /** Where a file grows before it is complete. */
  partialPath(file: string, suffix: (typeof partialSuffixes)[number]): string {
    return `${this.pathOf(file)}${suffix}`;
  }

  /**
   * Makes the folder again if it was removed while the node runs. Never the data directory: what else was in it is gone as well.
   * `settle` makes the folder's name durable.
   */
  async ensure(): Promise<void> {
    try {
      await fs.mkdir(this.path, { mode: 0o700 });
    } catch (error) {
      if (!(error instanceof Error && "code" in error && error.code === "EEXIST")) throw error;
    }
  }

  /** Gives a partial file, whose content is on disk, its name; both names survive a power failure. */
  async settle(partial: string, file: string): Promise<void> {
    await fs.rename(partial, this.pathOf(file));
    await this.sync();
  }

  /** Makes the names in it survive a power failure, and its own, which may be as new as they are. */
  async sync(): Promise<void> {
    await syncFolder(this.path);
    await syncFolder(dirname(this.path));
  }

  list(): Promise<StoredSnapshot[]> {
    return listSnapshots(this.path);
  }

  /** Removes the complete and partial files for which `isKept` does not speak, by their path and the file's name. */
  async sweep(isKept: (path: string, file: string) => boolean): Promise<void> {
    for (const { file, isComplete } of await this.list()) {
      const paths = isComplete ? [this.pathOf(file)] : partialSuffixes.map((suffix) => this.partialPath(file, suffix));
      for (const path of paths) if (!isKept(path, file)) await fs.rm(path, { force: true });
    }
  }
}

/** What lies in a folder of snapshots. */
export async function listSnapshots(folder: string): Promise<StoredSnapshot[]> {
  const found: StoredSnapshot[] = [];
  for (const name of (await fs.readdir(folder)).toSorted()) {
    const suffix = partialSuffixes.find((partial) => name.endsWith(partial));
    const file = suffix === undefined ? name : name.slice(0, -suffix.length);
    if (!completeName.test(file)) continue;
    const bytes = await sizeOf(join(folder, name));
    if (bytes !== null) found.push({ file, bytes, isComplete: suffix === undefined });
  }
  return found;
}

/** Unique for its content, and in the order of the positions. */
export const nameOf = ({ index, term }: LogPosition, checksum: SnapshotFile["checksum"]): string =>
  `${String(index).padStart(12, "0")}-${term}-${checksum.toString(16)}.snapshot`;

/** Makes the names in it survive a power failure. */
export async function syncFolder(path: string): Promise<void> {
  const folder = await fs.open(path, "r");
  try {
    await folder.sync();
  } finally {
    await folder.close();
  }
}

/** Null when it has been removed in the meantime. */
async function sizeOf(path: string): Promise<number | null> {
  try {
    return (await fs.stat(path)).size;
  } catch (error) {
    if (isMissing(error)) return null;
    throw error;
  }
}
