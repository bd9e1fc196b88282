// The database of one node: what a command does to it, what a query reads from it, and what of it is durable. How a script runs is running.ts,
// what a snapshot consists of snapshot.ts.
import type { Database } from "bun:sqlite";
import { join } from "node:path";
import { Rejected } from "graft";
import { DamageMark } from "./failures.ts";
import { openFile } from "./open-file.ts";
import { Restoring } from "./restoring.ts";
import { type ExecuteResult, ScriptRunner, wouldWrite } from "./running.ts";
import { clientSchema, quoted } from "./schema.ts";
import type { Examined } from "./scripts.ts";
import { FrozenView, type Item } from "./snapshot.ts";
import { type Bindings, bindingsOf, noBindings, type Row, type SqlParams } from "./values.ts";

/** Replicated values. */
export interface CommandValues {
  readonly timeMs: number;
  random(): number;
}

export type SqlRecord = readonly [key: string, value: Uint8Array];
export type SqlRecordChange = readonly [key: string, value: Uint8Array | null];

export interface SqlLimits {
  /** Turns of loops that may be endless, in one command. The same on every node, unlike time. */
  readonly commandTurnsMax: number;
  readonly queryMsMax: number;
}

export const sqlLimits: SqlLimits = { commandTurnsMax: 10_000_000, queryMsMax: 4000 };
/** Turns between two looks at the clock. */
const turnsPerLook = 1024;
const fileName = "sql.sqlite";

export class SqlDatabase {
  readonly #db: Database;
  readonly #path: string;
  readonly #damage: DamageMark;
  readonly #limits: SqlLimits;
  readonly #runner: ScriptRunner;
  readonly #views = new Set<FrozenView>();
  #restoring: Restoring | null = null;
  /** A transaction holds what is not committed yet. */
  #hasBegun = false;

  private constructor(folder: string, limits: SqlLimits) {
    this.#limits = limits;
    this.#path = join(folder, fileName);
    this.#damage = new DamageMark(folder);
    this.#damage.mustBeAbsent();
    this.#db = openFile(this.#path);
    this.#runner = new ScriptRunner(this.#db);
  }

  /** The database in this folder, or an empty one. Throws if it cannot be used. */
  static open(folder: string, limits = sqlLimits): SqlDatabase {
    return new SqlDatabase(folder, limits);
  }

  /** Runs a script as a whole. Throws `Rejected` if it is refused or fails: nothing of it has happened then. */
  execute(sql: string, params: SqlParams | null, values: CommandValues): ExecuteResult {
    const script = this.#runner.examined(sql);
    const bindings = bindingsFor(script, params);
    const surroundings = {
      timeMs: values.timeMs,
      random: () => values.random(),
      onTurn: turns(this.#limits.commandTurnsMax),
    };
    return this.#noted(() => {
      this.#beginCommand();
      return this.#runner.execute(script, bindings, surroundings);
    });
  }

  /** Reads. Throws `Rejected` for a statement that would write, and for an answer that is too large or takes too long. */
  query(sql: string, params: SqlParams | null, { timeMs }: Pick<CommandValues, "timeMs">): readonly Row[] {
    const script = this.#runner.examined(sql);
    const [only] = script;
    if (script.length > 1)
      throw new Rejected("a query is one statement, and this has more: send a script as a command");
    const { kind } = only!.statement;
    if (kind !== "read" && kind !== "explain") throw new Rejected(wouldWrite);
    const bindings = bindingsFor(script, params);
    const onTurn = untilTime(this.#limits.queryMsMax);
    return this.#noted(() => this.#runner.query(only!, bindings, { timeMs, random: null, onTurn }));
  }

  /** Of the last commit. */
  snapshot(): FrozenView {
    return this.#noted(() => {
      const view = new FrozenView(this.#path, this.#damage, () => this.#views.delete(view));
      this.#views.add(view);
      return view;
    });
  }

  /** Into a database that is empty or was cleared. */
  restore(item: Item): void {
    this.#noted(() => {
      this.#restoring ??= this.#beginRestoring();
      this.#restoring.take(item);
    });
  }

  /** Of the last commit. */
  records(): readonly SqlRecord[] {
    type Pair = { readonly key: string; readonly value: Uint8Array };
    const pairs = this.#noted(() =>
      this.#db.query<Pair, []>("SELECT key, value FROM graft_records ORDER BY key").all(),
    );
    return pairs.map(({ key, value }) => [key, value]);
  }

  /** Makes durable what was done since the last commit, together with these records. Null removes a record. */
  commit(changes: readonly SqlRecordChange[]): void {
    this.#noted(() => {
      if (changes.length > 0) this.#begin();
      for (const [key, value] of changes) this.#setRecord(key, value);
      this.#restoring?.end();
      if (this.#hasBegun) this.#db.run("COMMIT");
      this.#hasBegun = false;
      if (this.#restoring !== null) this.#endRestoring();
    });
  }

  /** Removes everything, records too. Durable with the next commit. */
  clear(): void {
    // Nothing of it is needed.
    this.#hasBegun = false;
    this.#noted(() => {
      this.#restoring = this.#beginRestoring();
      const rows = clientSchema(this.#db, ["table", "view"]);
      for (const { type, name } of rows.toReversed()) this.#db.run(`DROP ${type} main.${quoted(name)}`);
      this.#db.run("DELETE FROM graft_records");
    });
  }

  /** What was not committed is gone. */
  close(): void {
    for (const view of this.#views) view.return();
    this.#runner.close();
    this.#db.close(true);
  }

  /** A database that was cleared, and into which nothing is restored, begins as an empty one: then it is durable at once that it is empty. */
  #beginCommand(): void {
    if (this.#restoring?.hasBegun === true) throw new Error("a snapshot was restored, and not committed");
    if (this.#restoring !== null) this.commit([]);
    this.#begin();
  }

  #begin(): void {
    if (this.#hasBegun) return;
    this.#db.run("BEGIN IMMEDIATE");
    this.#hasBegun = true;
  }

  /** What was not committed goes. Foreign keys can be switched off only outside of a transaction. */
  #beginRestoring(): Restoring {
    if (this.#db.inTransaction) this.#db.run("ROLLBACK");
    this.#hasBegun = false;
    this.#runner.schemaChanged();
    this.#db.run("PRAGMA foreign_keys = OFF");
    this.#db.run("PRAGMA ignore_check_constraints = ON");
    this.#begin();
    return new Restoring(this.#db);
  }

  #endRestoring(): void {
    this.#restoring = null;
    this.#db.run("PRAGMA ignore_check_constraints = OFF");
    this.#db.run("PRAGMA foreign_keys = ON");
    this.#db.run("PRAGMA writable_schema = RESET");
    this.#runner.schemaChanged();
  }

  #setRecord(key: string, value: Uint8Array | null): void {
    if (value === null) this.#db.query("DELETE FROM graft_records WHERE key = ?").run(key);
    else this.#db.query("INSERT OR REPLACE INTO graft_records (key, value) VALUES (?, ?)").run(key, value);
  }

  /** A file that is damaged is not opened again. */
  #noted<Result>(run: () => Result): Result {
    try {
      this.#mustBeWhole();
      return run();
    } catch (error) {
      this.#damage.note(error);
      this.#mustBeWhole(error);
      throw error;
    }
  }

  /** After some errors, also those of a query, SQLite takes back the whole transaction. Then the state machine stops, opens the file again and replays. */
  #mustBeWhole(cause?: unknown): void {
    if (!this.#hasBegun || this.#db.inTransaction) return;
    throw new Error("SQLite took back commands that were applied and not committed", { cause });
  }
}

/** Throws `Rejected` if values and parameters do not fit each other. How many values are positional, SQLite knows. */
function bindingsFor(script: readonly Examined[], params: SqlParams | null): Bindings {
  const bindings = params === null ? noBindings : bindingsOf(params);
  const { values } = bindings;
  if (Array.isArray(values)) {
    if (values.length > 0 && script.length > 1)
      throw new Rejected("a script of several statements takes parameters by name, such as :id");
    return bindings;
  }
  const names = new Set(script.flatMap(({ statement }) => [...statement.names]));
  const missing = [...names].filter((name) => !Object.hasOwn(values, name));
  const unknown = Object.keys(values).filter((name) => !names.has(name));
  if (missing.length > 0) throw new Rejected(`no value was given for the parameter ${missing.join(", ")}`);
  if (unknown.length > 0) throw new Rejected(`there is no parameter ${unknown.join(", ")}`);
  if (script.some(({ statement }) => statement.hasPositional))
    throw new Rejected("values were given by name, and a parameter has none: write :name");
  return bindings;
}

/** The same on every node. */
function turns(max: number): () => void {
  let count = 0;
  return () => {
    if (++count > max) throw new Rejected(`the command took more than ${max} turns of loops: do less in one command`);
  };
}

function untilTime(maxMs: number): () => void {
  const startMs = performance.now();
  let count = 0;
  return () => {
    if (++count % turnsPerLook > 0 || performance.now() - startMs <= maxMs) return;
    throw new Rejected(`the query took more than ${maxMs / 1000} s: ask for less, or help it with an index`);
  };
}
