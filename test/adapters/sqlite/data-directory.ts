// A data directory for one test, what is in its file, and ways to tamper with it while no store has it open.
import { Database } from "bun:sqlite";
import { randomBytes } from "node:crypto";
import { mkdtempSync, readdirSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { openSqliteLogStore } from "../../../src/adapters/sqlite/log-store.ts";
import type { Mark } from "../../../src/adapters/sqlite/mark.ts";
import { MarkFile, readMark } from "../../../src/adapters/sqlite/mark-file.ts";
import { type ErrorCode, GraftError } from "../../../src/errors.ts";
import type { LogStore } from "../../../src/ports/log-store.ts";

export interface DataDirectory {
  readonly dataDir: string;
  readonly file: string;
  readonly open: () => LogStore;
  /** Runs SQL on the closed file by a connection of its own; for a query, its rows. */
  readonly sql: (statement: string) => unknown[];
  /** The folders into which damaged files were moved, the earliest first. */
  readonly setAside: () => readonly string[];
  readonly remove: () => void;
}

export function createDataDirectory(): DataDirectory {
  const folder = mkdtempSync(join(tmpdir(), "graft-sqlite-"));
  const dataDir = join(folder, "data");
  const file = join(dataDir, "graft.sqlite");
  return {
    dataDir,
    file,
    open: () => openSqliteLogStore({ dataDir, randomBytes }),
    sql(statement) {
      using db = new Database(file);
      return db.prepare(statement).all();
    },
    setAside: () =>
      readdirSync(dataDir)
        .filter((name) => name.startsWith("damaged-"))
        .toSorted()
        .map((name) => join(dataDir, name)),
    remove: () => rmSync(folder, { recursive: true }),
  };
}

/** The mark is the only thing that is changed. */
export function changeMark(dataDir: string, change: (mark: Mark) => Mark): void {
  const path = join(dataDir, "graft.mark");
  const before = readMark(path);
  if (before.kind !== "mark") throw new Error(`no mark, but ${before.kind}`);
  const file = MarkFile.open(path, before);
  file.writeSynced(change(before.mark));
  file.close();
}

/** The message of the storage error that `work` ends with; the test fails when it ends otherwise. */
export const storageError = (work: () => unknown): string => errorOf("storage", work);

/** The same for an error that says that the data is damaged. */
export const damageError = (work: () => unknown): string => errorOf("damaged", work);

function errorOf(code: ErrorCode, work: () => unknown): string {
  try {
    work();
  } catch (error) {
    if (error instanceof GraftError && error.code === code) return error.message;
    throw error;
  }
  throw new Error(`an error of the code ${code} was expected, and there was none`);
}
