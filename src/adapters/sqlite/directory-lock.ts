// Who may touch the files of a data directory? One process. The lock is that of SQLite on an empty file of its own, because
// the database's lock is not enough: the WAL is read and damaged files are set aside before the database is opened.
import { Database } from "bun:sqlite";
import { accessSync, constants } from "node:fs";
import { join, resolve } from "node:path";
import { GraftError } from "../../errors.ts";
import { createPrivateFile, databaseFile } from "./data-directory.ts";
import { inUse, isDamage, isSqliteError, unusable } from "./storage-errors.ts";

/** How long a process that is just ending is waited for before its lock counts as taken, ms. */
export const lockTimeoutMs = 250;

/** Held until `release`, or until the process ends. */
export interface DirectoryLock {
  release(): void;
}

/** Throws `GraftError("storage")` when another process, or this one, holds the directory, or the file cannot be locked. */
export function lockDirectory(dataDir: string): DirectoryLock {
  const path = join(resolve(dataDir), "graft.lock");
  let db: Database | null = null;
  try {
    createPrivateFile(path);
    // A file that may only be read SQLite locks for reading alone, without a word.
    accessSync(path, constants.W_OK);
    db = new Database(path, { readwrite: true, create: false });
    db.run(`PRAGMA busy_timeout = ${lockTimeoutMs}`);
    // Nothing is ever written, so nothing has to be rolled back after a crash.
    db.run("PRAGMA journal_mode = MEMORY");
    db.run("PRAGMA locking_mode = EXCLUSIVE");
    db.run("BEGIN EXCLUSIVE");
    const held = db;
    return { release: () => held.close(true) };
  } catch (cause) {
    db?.close();
    if (isSqliteError(cause, "SQLITE_BUSY")) throw inUse(databaseFile(dataDir), cause);
    throw isDamage(cause) ? notEmpty(path, cause) : unusable(path, cause);
  }
}

const notEmpty = (path: string, cause: unknown): GraftError =>
  new GraftError(
    "storage",
    `${path} is not empty, and Graft writes nothing into it, so the disk or another program has. The data is not affected. ` +
      `Make sure that no process uses this data directory, remove that one file, and start the node again.`,
    { cause },
  );
