// Where the file lives and who may read it: a folder of mode 0700, files of mode 0600, both on disk before they count.
import {
  chmodSync,
  closeSync,
  existsSync,
  fsyncSync,
  mkdirSync,
  openSync,
  renameSync,
  rmSync,
  writeFileSync,
} from "node:fs";
import { dirname, join, resolve } from "node:path";
import { GraftError } from "../../errors.ts";
import { reasonOf } from "./storage-errors.ts";

/** The path of the database of a data directory. */
export const databaseFile = (dataDir: string): string => join(resolve(dataDir), "graft.sqlite");

/**
 * Creates the folder when it is missing and returns the database's path, where there may be no file yet. An existing folder
 * keeps its mode, the files in it do not. Throws `GraftError("storage")`.
 */
export function prepareDataDirectory(dataDir: string): string {
  const file = databaseFile(dataDir);
  const restoring = join(dirname(file), "restoring");
  if (!existsSync(file) && existsSync(restoring)) {
    throw new GraftError(
      "storage",
      `A backup was being restored into ${dirname(file)}, and that did not come to its end, or is still under way. Nothing ` +
        `was changed: a node that starts here would begin without the data. Empty the directory and restore again.`,
    );
  }
  try {
    const created = mkdirSync(dirname(file), { recursive: true, mode: 0o700 });
    if (created !== undefined) syncFoldersUpTo(dirname(file), dirname(created));
    // SQLite gives the files beside it the mode of the database itself, but only when it creates them.
    const files = [file, `${file}-wal`, ...["graft.mark", "graft.lock"].map((name) => join(dirname(file), name))];
    for (const path of files) if (existsSync(path)) chmodSync(path, 0o600);
    // A restore has put the database in its place and ended before it removed this. Left here, it would keep the node from starting
    // when the database has been set aside.
    if (existsSync(restoring)) rmSync(restoring, { recursive: true, force: true });
  } catch (cause) {
    throw new GraftError(
      "storage",
      `The data directory ${dirname(file)} cannot be used: ${reasonOf(cause)}. Nothing was written. Let the user that ` +
        `runs this node own it, or name another one as data_dir.`,
      { cause },
    );
  }
  return file;
}

/** Makes the names of new files in the folder of this one survive a power failure. */
export const syncNamesBeside = (file: string): void => syncFoldersUpTo(dirname(file), dirname(file));

/**
 * An empty file where there is none, for SQLite to open. Only a file that is not there is opened here: closing a descriptor
 * of a database that this process has open drops the locks that SQLite holds on it.
 */
export function createPrivateFile(file: string): void {
  if (existsSync(file)) return;
  try {
    closeSync(openSync(file, "wx", 0o600));
  } catch (error) {
    // Another process was quicker; which of the two may have the file is decided by its lock.
    if (!(error instanceof Error && "code" in error && error.code === "EEXIST")) throw error;
  }
}

/** A file that is there whole, and survives a power cut, or is not there. */
export function writeDurably(path: string, content: Uint8Array | string): void {
  const partial = `${path}.writing`;
  const descriptor = openSync(partial, "w", 0o600);
  try {
    writeFileSync(descriptor, content);
    fsyncSync(descriptor);
  } finally {
    closeSync(descriptor);
  }
  renameSync(partial, path);
  syncNamesBeside(path);
}

/**
 * Makes the content of a file, or the names in a folder, survive a power cut. Do not call it for a database that this process has
 * open: closing the descriptor releases the locks of SQLite.
 */
export function syncPath(path: string): void {
  const descriptor = openSync(path, "r");
  try {
    fsyncSync(descriptor);
  } finally {
    closeSync(descriptor);
  }
}

function syncFoldersUpTo(from: string, to: string): void {
  for (let folder = from; ; folder = dirname(folder)) {
    syncPath(folder);
    if (folder === to || folder === dirname(folder)) return;
  }
}
