// Who may touch the files of a data directory? One process. The lock is that of SQLite on an empty file of its own, because
// the database's lock is not enough: the WAL is read and damaged files are set aside before the database is opened.
import { Database } from "bun:sqlite";
import { join, resolve } from "node:path";
import { createPrivateFile, databaseFile } from "./data-directory.ts";
import { inUse, isSqliteError } from "./storage-errors.ts";

/** How long a process that is just ending is waited for before its lock counts as taken, ms. */
export const lockTimeoutMs = 250;

/** Held until `release`, or until the process ends. */
export interface DirectoryLock {
  release(): void;
}

/** Throws `GraftError("storage")` when another process, or this one, holds the directory. */
export function lockDirectory(dataDir: string): DirectoryLock {
  const path = join(resolve(dataDir), "graft.lock");
  createPrivateFile(path);
  const db = new Database(path, { readwrite: true, create: false });
  try {
    db.run(`PRAGMA busy_timeout = ${lockTimeoutMs}`);
    // Nothing is ever written, so nothing has to be rolled back after a crash.
    db.run("PRAGMA journal_mode = MEMORY");
    db.run("PRAGMA locking_mode = EXCLUSIVE");
    db.run("BEGIN EXCLUSIVE");
  } catch (cause) {
    db.close();
    throw isSqliteError(cause, "SQLITE_BUSY") ? inUse(databaseFile(dataDir), cause) : cause;
  }
  return { release: () => db.close(true) };
}
