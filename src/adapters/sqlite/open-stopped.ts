// How is the log of a node that does not run looked at, without a trace? Read-only, beside no other process: what is found
// may be evidence. How a node opens it is open-database.ts.
import { Database } from "bun:sqlite";
import { existsSync, rmSync } from "node:fs";
import { dirname } from "node:path";
import { GraftError } from "../../errors.ts";
import { databaseFile } from "./data-directory.ts";
import { markFile, readMark } from "./mark-file.ts";
import { formatOf, namesUnknownWriter, unknownFormat } from "./open-database.ts";
import { damaged, isDamage, isSqliteError, reasonOf, unusable } from "./storage-errors.ts";

export interface StoppedLog {
  readonly file: string;
  readonly db: Database;
}

/**
 * Runs `work` on the log of a stopped node, which cannot start meanwhile. What `work` throws is thrown. Throws
 * `GraftError("storage")` when there is none, a process uses it, its format is unknown, or the disk fails.
 */
export function lookAtStopped<T>(dataDir: string, work: (log: StoppedLog) => T): T {
  const file = databaseFile(dataDir);
  if (!existsSync(file)) {
    mustHaveNoMark(file);
    throw new GraftError(
      "storage",
      `There is no log in ${dirname(file)}: it is not the data directory of a node, or its node has never been started. ` +
        `Nothing was changed. Name the data_dir of its configuration.`,
    );
  }
  const besides = [`${file}-wal`, `${file}-shm`].filter((path) => !existsSync(path));
  let db: Database | null = null;
  let isHeld = false;
  try {
    // SQLite reads such a file, and the node would not start with it. Looked at first: closing a file drops the locks on it.
    const isUnwritable = namesUnknownWriter(file);
    db = new Database(file, { readonly: true, strict: true });
    // One view of it all; from the first reading on no node can start.
    db.run("BEGIN");
    const format = formatOf(db);
    isHeld = true;
    if (format.kind === "other") throw unknownFormat(file, format.finding);
    if (format.kind === "empty") throw new GraftError("storage", `${file} is empty: its node has never been started.`);
    if (isUnwritable) throw damaged(file, "the database itself", "its header names a format that it never had");
    return work({ file, db });
  } catch (error) {
    throw error instanceof GraftError ? error : explain(file, error);
  } finally {
    // SQLite has made these to read by. They go while the connection stands, when no node can be using them.
    if (isHeld) for (const path of besides) rmSync(path, { force: true });
    // What has not been read to its end would hold the lock on until it is collected.
    db?.close(true);
  }
}

/** Where a mark is there has been a node. */
function mustHaveNoMark(file: string): void {
  if (readMark(markFile(dirname(file))).kind === "none") return;
  throw new GraftError("damaged", `${file} is missing, although its node has been started.`);
}

function explain(file: string, cause: unknown): GraftError {
  if (isSqliteError(cause, "SQLITE_BUSY")) {
    return new GraftError(
      "storage",
      `A node is running with ${file}. Nothing was changed. Stop it first (graft stop), or name another data directory.`,
      { cause },
    );
  }
  if (isDamage(cause)) return damaged(file, "the database itself", reasonOf(cause));
  return unusable(dirname(file), cause);
}
