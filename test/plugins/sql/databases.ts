// Databases of the SQL state machine in folders of their own, which are removed after each test.
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { Rejected } from "graft";
import { type CommandValues, SqlDatabase, type SqlLimits, sqlLimits } from "../../../plugins/sql/database.ts";
import type { Item } from "../../../plugins/sql/snapshot.ts";
import type { Row, SqlParams } from "../../../plugins/sql/values.ts";

/** 2023-11-14 22:13:20.123 */
const timeMs = 1_700_000_000_123;

/** The same numbers for every database. */
function chance(): () => number {
  let drawn = 0;
  return () => (++drawn * 0.317) % 1;
}

export class TestDatabase {
  readonly folder: string;
  #db: SqlDatabase;
  #random = chance();
  /** Numbers that were drawn. */
  draws = 0;
  /** Of the next statements. */
  timeMs = timeMs;

  constructor(limits: SqlLimits) {
    this.folder = mkdtempSync(join(tmpdir(), "graft-sql-"));
    this.#db = SqlDatabase.open(this.folder, limits);
  }

  get db(): SqlDatabase {
    return this.#db;
  }

  get values(): CommandValues {
    return { timeMs: this.timeMs, random: () => this.#draw() };
  }

  #draw(): number {
    this.draws++;
    return this.#random();
  }

  /** As a database that has drawn so many. */
  skipDraws(count: number): void {
    while (this.draws < count) this.#draw();
  }

  execute(sql: string, params: SqlParams | null = null): ReturnType<SqlDatabase["execute"]> {
    return this.#db.execute(sql, params, this.values);
  }

  query(sql: string, params: SqlParams | null = null): readonly Row[] {
    return this.#db.query(sql, params, this.values);
  }

  /** What a command or query is refused with. Throws if it is not. */
  refusal(run: (database: TestDatabase) => unknown): string {
    try {
      run(this);
    } catch (error) {
      if (error instanceof Rejected) return error.message;
      throw error;
    }
    throw new Error("it was not refused");
  }

  /** The content, after a commit. */
  items(): readonly Item[] {
    this.#db.commit([]);
    return [...this.#db.snapshot()];
  }

  /** As after a restart of the node. What was not committed is gone. */
  reopen(): void {
    this.#db.close();
    this.#db = SqlDatabase.open(this.folder);
  }

  close(): void {
    this.#db.close();
    rmSync(this.folder, { recursive: true });
  }
}

const open: TestDatabase[] = [];

/** To be called after each test of a file, and within a test that opens many. A hook in this module would be that of one file only. */
export function closeAll(): void {
  for (const database of open.splice(0)) database.close();
}

export function openDatabase(limits = sqlLimits): TestDatabase {
  const database = new TestDatabase(limits);
  open.push(database);
  return database;
}

/** Another database, with the content of this one. */
export function copyOf(database: TestDatabase): TestDatabase {
  const copy = openDatabase();
  for (const item of database.items()) copy.db.restore(item);
  copy.db.commit([]);
  return copy;
}
