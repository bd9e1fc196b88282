// How does a script run? As a whole or not at all, and so that its outcome follows from the database, the script and replicated values alone: not
// from what this connection did before.
import type { Database } from "bun:sqlite";
import { Rejected } from "graft";
import { mustBeRestorable } from "./altered-tables.ts";
import { answerOf } from "./failures.ts";
import { defineFunctions, nothingRuns, type ScriptState, type Surroundings } from "./functions.ts";
import { areSmall, rowidEnd } from "./plain-inserts.ts";
import { machineWhy } from "./refused-names.ts";
import { rowsOf } from "./rows.ts";
import { guardSequences, largeRowid } from "./sequence-guards.ts";
import { type SchemaFacts, schemaFacts, type TableLayout } from "./schema.ts";
import { type Compiled, type Examined, type Given, type Prepared, type PrepareOptions, Scripts } from "./scripts.ts";
import { type Bindings, type Bound, type Row, type SqlValue, valueOf } from "./values.ts";

export interface ExecuteResult {
  /** Rows that the statements inserted, updated and deleted. Triggers and foreign keys do not count. */
  readonly changes: number;
  /** Of the last row that the script inserted; null: it inserted none, or none with a rowid. */
  readonly lastInsertRowid: SqlValue;
  /** Of the last statement that gives rows. */
  readonly rows: readonly Row[];
}

/** What a statement came to. */
interface Step {
  readonly changes: number;
  readonly rows: readonly Row[] | null;
}

const nothingKnown: Pick<PrepareOptions, "rowidNames" | "views"> = { rowidNames: null, views: new Map() };

/** Characters of the schema that a script may make the state machine read again. It does so before ALTER TABLE, and where a change of rows follows a change of the schema. */
const rereadMax = 10_000_000;

/** Stands for none. A row that has it is inserted as any other, and only its number is not told. */
const noRowid = -(2n ** 63n) + 1n;

export class ScriptRunner {
  readonly #db: Database;
  readonly #scripts: Scripts;
  readonly #state: ScriptState = { surroundings: nothingRuns, changes: 0, lastInsertRowid: null };
  readonly #functions: Disposable;
  readonly #noChange: Prepared;
  readonly #forgetRowid: Prepared;
  /** Of the savepoint around a script. Compiled once: then it costs less than a tenth of an insert. */
  readonly #begin: Prepared;
  readonly #release: Prepared;
  readonly #rollback: Prepared;
  readonly #layouts = new Map<string, TableLayout>();
  #facts: SchemaFacts | null = null;
  #hasLargeRowid = false;
  /** Of this script; null: it has not changed the schema. Then it depends on this connection whether the schema is known. */
  #reread: number | null = null;

  constructor(db: Database) {
    this.#db = db;
    this.#scripts = new Scripts(db);
    this.#functions = defineFunctions(db, this.#state);
    this.#noChange = db.prepare("SELECT 1");
    this.#forgetRowid = db.prepare("INSERT OR REPLACE INTO temp.graft_rowids (id) VALUES (?)");
    this.#begin = db.prepare("SAVEPOINT graft_script");
    this.#release = db.prepare("RELEASE graft_script");
    this.#rollback = db.prepare("ROLLBACK TO graft_script");
  }

  /** Throws `Rejected` for what is refused. */
  examined(sql: string): readonly Examined[] {
    return this.#scripts.examined(sql);
  }

  /** In a transaction. Throws `Rejected` if the script fails: nothing of it has happened then. */
  execute(script: readonly Examined[], bindings: Bindings, surroundings: Surroundings): ExecuteResult {
    return this.#within(surroundings, () => {
      // Before the savepoint: what guards would go with a script that fails.
      void this.#schema;
      const [only, ...others] = script;
      const isPlain = others.length === 0 && this.#isPlain(only!, bindings);
      return isPlain ? this.#runAll(script, bindings) : this.#allOrNothing(script, bindings);
    });
  }

  query(query: Examined, bindings: Bindings, surroundings: Surroundings): readonly Row[] {
    return this.#within(surroundings, () => {
      const { rowidNames, views } = this.#schema;
      const compiled = this.#scripts.prepare(query, { casts: bindings.casts, rowidNames, views });
      const { statement } = compiled;
      if (query.statement.kind === "read" && !statement.readonly) throw new Rejected(wouldWrite);
      return rowsOf(compiled, argumentsOf(statement, bindings), surroundings.onTurn);
    });
  }

  /** What is known of it is to be asked again. */
  schemaChanged(): void {
    this.#facts = null;
    this.#scripts.forgetPrepared();
  }

  close(): void {
    this.#scripts.forgetPrepared();
    this.#functions[Symbol.dispose]();
  }

  /** Asked for before each write: the guards must be there. */
  get #schema(): SchemaFacts {
    if (this.#facts !== null) return this.#facts;
    const facts = schemaFacts(this.#db, this.#layouts);
    guardSequences(this.#db, facts.sequences);
    this.#facts = facts;
    if (this.#reread !== null && (this.#reread += facts.length) > rereadMax)
      throw new Rejected(
        "the script alters tables, or changes the schema and rows by turns, too often: send it in parts",
      );
    return facts;
  }

  #within<Result>(surroundings: Surroundings, run: () => Result): Result {
    this.#state.surroundings = surroundings;
    this.#state.changes = 0;
    this.#state.lastInsertRowid = null;
    this.#reread = null;
    try {
      return run();
    } catch (error) {
      throw answerOf(error);
    } finally {
      this.#state.surroundings = nothingRuns;
    }
  }

  /** Nothing can go wrong half-way: one row is there or not. Of all other statements SQLite may leave a part when they fail. */
  #isPlain({ statement: { kind }, isPlainInsert }: Examined, bindings: Bindings): boolean {
    if (kind === "read") return true;
    const { hasTriggers, hasConflictClauses } = this.#schema;
    return isPlainInsert && !hasTriggers && !hasConflictClauses && areSmall(bindings);
  }

  #allOrNothing(script: readonly Examined[], bindings: Bindings): ExecuteResult {
    const changesSchema = script.some(({ statement }) => statement.kind === "schema");
    this.#begin.run();
    try {
      const result = this.#watched(() => this.#runAll(script, bindings));
      if (changesSchema) this.#settleSchema();
      this.#release.run();
      return result;
    } catch (error) {
      if (this.#db.inTransaction) {
        this.#rollback.run();
        this.#release.run();
      }
      this.#facts = null;
      if (changesSchema) this.#settleSchema();
      throw error;
    }
  }

  /** Rowids are watched, which also triggers, foreign keys and defaults make. What follows upon a large one is chance, errors too. */
  #watched<Result>(run: () => Result): Result {
    const db = this.#db;
    db.onInsert = db.onUpdate = (_db, _table, rowid) => {
      if (rowid >= rowidEnd) this.#hasLargeRowid = true;
    };
    try {
      return run();
    } catch (error) {
      this.#mustBeSmall();
      throw error;
    } finally {
      db.onInsert = db.onUpdate = null;
      this.#hasLargeRowid = false;
    }
  }

  /** Throws `Rejected` if a row has come to a large rowid. */
  #mustBeSmall(): void {
    if (this.#hasLargeRowid) throw new Rejected(largeRowid);
  }

  /** SQLite reads it again, so that it has it in memory as after a restart: the order of indexes and triggers follows from that. */
  #settleSchema(): void {
    this.schemaChanged();
    this.#reread = null;
    this.#db.run("PRAGMA writable_schema = RESET");
    void this.#schema;
  }

  #runAll(script: readonly Examined[], bindings: Bindings): ExecuteResult {
    let [changes, rows]: [number, readonly Row[]] = [0, []];
    for (const each of script) {
      const step = this.#run(each, bindings);
      this.#mustBeSmall();
      this.#state.changes = step.changes;
      changes += step.changes;
      rows = step.rows ?? rows;
    }
    const { lastInsertRowid } = this.#state;
    return { changes, lastInsertRowid: lastInsertRowid === null ? null : valueOf(lastInsertRowid), rows };
  }

  #run(each: Examined, bindings: Bindings): Step {
    const { kind, machineFunction } = each.statement;
    if (machineFunction !== null) throw new Rejected(`${machineFunction}() in a command is refused: ${machineWhy}`);
    if (kind === "explain") throw new Rejected("EXPLAIN QUERY PLAN is a query, and no command");
    if (kind !== "read" && kind !== "schema") this.#beforeChange(each);
    const { rowidNames, views } = each.compilesViews ? this.#schema : nothingKnown;
    const compiled = this.#scripts.prepare(each, { casts: bindings.casts, rowidNames, views });
    const given = argumentsOf(compiled.statement, bindings);
    if (kind === "read") {
      if (!compiled.statement.readonly) throw new Rejected(wouldWrite);
      return { changes: 0, rows: rowsOf(compiled, given, this.#state.surroundings.onTurn) };
    }
    if (kind === "schema") {
      compiled.statement.run(...given);
      if (each.alters !== null) mustBeRestorable(this.#db, each.alters);
      this.schemaChanged();
      this.#reread ??= 0;
      return { changes: 0, rows: null };
    }
    return this.#write(each, compiled, given);
  }

  /** SQLite would say the rowid of an insert before this script for an insert that changes rows alone. */
  #beforeChange({ statement: { kind }, hasConflictClause }: Examined): void {
    const { hasTriggers, hasWithoutRowid } = this.#schema;
    const mayInsertNone = hasConflictClause || hasTriggers || hasWithoutRowid;
    if (kind === "insert" && mayInsertNone) this.#forgetRowid.run(noRowid);
  }

  #write(each: Examined, compiled: Compiled, given: Given): Step {
    const isInsert = each.statement.kind === "insert";
    if (!each.isReturning) {
      const { changes, lastInsertRowid } = compiled.statement.run(...given);
      if (isInsert && changes > 0) this.#inserted(BigInt(lastInsertRowid));
      return { changes, rows: null };
    }
    const rows = rowsOf(compiled, given, () => {});
    if (isInsert && rows.length > 0) this.#inserted(BigInt(this.#noChange.run().lastInsertRowid));
    return { changes: rows.length, rows };
  }

  #inserted(rowid: bigint): void {
    if (rowid !== noRowid) this.#state.lastInsertRowid = rowid;
  }
}

export const wouldWrite = "a query only reads, and this would write: send it as a command";

/** Throws `Rejected` for values too few or too many. Names were looked at before. */
function argumentsOf({ paramsCount }: Prepared, { values }: Bindings): Given {
  if (!isList(values)) return paramsCount === 0 ? [] : [{ ...values }];
  if (values.length === paramsCount) return [...values];
  throw new Rejected(`the statement has ${paramsCount} parameters, and ${values.length} values were given`);
}

const isList = (values: Bindings["values"]): values is readonly Bound[] => Array.isArray(values);
