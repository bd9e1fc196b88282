// How does a script run? As a whole or not at all, and so that its outcome follows from the database, the script and replicated values alone: not
// from what this connection did before.
import type { Database } from "bun:sqlite";
import { Rejected } from "graft";
import { areSmall, rowidEnd } from "./assignments.ts";
import { answerOf } from "./failures.ts";
import { defineFunctions, nothingRuns, type ScriptState, type Surroundings } from "./functions.ts";
import { rowsOf, writtenRowsOf } from "./rows.ts";
import { type SchemaFacts, schemaFacts, type TableLayout } from "./schema.ts";
import { type Examined, type Given, type Prepared, Scripts } from "./scripts.ts";
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

/** No row has it. */
const noRowid = -(2n ** 63n) + 1n;

export class ScriptRunner {
  readonly #db: Database;
  readonly #scripts: Scripts;
  readonly #state: ScriptState = { surroundings: nothingRuns, changes: 0, lastInsertRowid: null };
  readonly #functions: Disposable;
  readonly #noChange: Prepared;
  readonly #forgetRowid: Prepared;
  readonly #layouts = new Map<string, TableLayout>();
  #facts: SchemaFacts | null = null;
  #hasLargeRowid = false;

  constructor(db: Database) {
    this.#db = db;
    this.#scripts = new Scripts(db);
    this.#functions = defineFunctions(db, this.#state);
    this.#noChange = db.prepare("SELECT 1");
    this.#forgetRowid = db.prepare("INSERT OR REPLACE INTO temp.graft_rowids (id) VALUES (?)");
  }

  /** Throws `Rejected` for what is refused. */
  examined(sql: string): readonly Examined[] {
    return this.#scripts.examined(sql);
  }

  /** In a transaction. Throws `Rejected` if the script fails: nothing of it has happened then. */
  execute(script: readonly Examined[], bindings: Bindings, surroundings: Surroundings): ExecuteResult {
    return this.#within(surroundings, () => {
      const [only, ...others] = script;
      const isAtomic = others.length === 0 && this.#isAtomic(only!, bindings);
      return isAtomic ? this.#runAll(script, bindings) : this.#allOrNothing(script, bindings);
    });
  }

  query(query: Examined, bindings: Bindings, surroundings: Surroundings): readonly Row[] {
    return this.#within(surroundings, () => {
      const { rowidNames } = this.#schema;
      const prepared = this.#scripts.prepare(query, { casts: bindings.casts, rowidNames });
      if (query.statement.kind === "read" && !prepared.readonly) throw new Rejected(wouldWrite);
      return rowsOf(prepared, argumentsOf(prepared, bindings), surroundings.onTurn);
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

  get #schema(): SchemaFacts {
    return (this.#facts ??= schemaFacts(this.#db, this.#layouts));
  }

  #within<Result>(surroundings: Surroundings, run: () => Result): Result {
    Object.assign(this.#state, { surroundings, changes: 0, lastInsertRowid: null });
    try {
      return run();
    } catch (error) {
      throw answerOf(error);
    } finally {
      this.#state.surroundings = nothingRuns;
    }
  }

  /** SQLite takes back a statement that fails, but for these. A savepoint costs more than most statements. */
  #isAtomic(only: Examined, bindings: Bindings): boolean {
    if (only.isReturning || only.mayFailHalfway || only.statement.kind === "schema") return false;
    return !this.#schema.mayFailHalfway && !this.#isWatched(only, bindings);
  }

  #allOrNothing(script: readonly Examined[], bindings: Bindings): ExecuteResult {
    const changesSchema = script.some(({ statement }) => statement.kind === "schema");
    this.#db.run("SAVEPOINT graft_script");
    try {
      const result = this.#runAll(script, bindings);
      if (changesSchema) this.#settleSchema();
      this.#db.run("RELEASE graft_script");
      return result;
    } catch (error) {
      if (this.#db.inTransaction) {
        this.#db.run("ROLLBACK TO graft_script");
        this.#db.run("RELEASE graft_script");
      }
      if (changesSchema) this.#settleSchema();
      throw error;
    }
  }

  /** SQLite reads it again, so that it has it in memory as after a restart: the order of indexes and triggers follows from that. */
  #settleSchema(): void {
    this.schemaChanged();
    this.#db.run("PRAGMA writable_schema = RESET");
    this.#facts = schemaFacts(this.#db, this.#layouts);
  }

  #runAll(script: readonly Examined[], bindings: Bindings): ExecuteResult {
    let [changes, rows]: [number, readonly Row[]] = [0, []];
    for (const each of script) {
      const step = this.#run(each, bindings);
      this.#state.changes = step.changes;
      changes += step.changes;
      rows = step.rows ?? rows;
    }
    const { lastInsertRowid } = this.#state;
    return { changes, lastInsertRowid: lastInsertRowid === null ? null : valueOf(lastInsertRowid), rows };
  }

  #run(each: Examined, bindings: Bindings): Step {
    const { kind } = each.statement;
    if (kind === "explain") throw new Rejected("EXPLAIN QUERY PLAN is a query, and no command");
    const prepared = this.#scripts.prepare(each, { casts: bindings.casts, rowidNames: null });
    const given = argumentsOf(prepared, bindings);
    if (kind === "read") {
      if (!prepared.readonly) throw new Rejected(wouldWrite);
      return { changes: 0, rows: rowsOf(prepared, given, this.#state.surroundings.onTurn) };
    }
    if (kind === "schema") {
      prepared.run(...given);
      this.schemaChanged();
      return { changes: 0, rows: null };
    }
    return this.#isWatched(each, bindings)
      ? this.#watched(() => this.#write(each, prepared, given))
      : this.#write(each, prepared, given);
  }

  #write(each: Examined, prepared: Prepared, given: Given): Step {
    const isInsert = each.statement.kind === "insert";
    if (isInsert && this.#mayInsertNone(each)) this.#forgetRowid.run(noRowid);
    if (!each.isReturning) {
      const { changes, lastInsertRowid } = prepared.run(...given);
      if (isInsert && changes > 0) this.#inserted(BigInt(lastInsertRowid));
      return { changes, rows: null };
    }
    const rows = writtenRowsOf(prepared, given);
    if (isInsert && rows.length > 0) this.#inserted(BigInt(this.#noChange.run().lastInsertRowid));
    return { changes: rows.length, rows };
  }

  #inserted(rowid: bigint): void {
    if (rowid !== noRowid) this.#state.lastInsertRowid = rowid;
  }

  /** It may change rows, and SQLite would say the rowid of an insert before this script. */
  #mayInsertNone({ hasConflictClause }: Examined): boolean {
    const { hasTriggers, hasWithoutRowid } = this.#schema;
    return hasConflictClause || hasTriggers || hasWithoutRowid;
  }

  /** It may make a rowid that is not plain to see in it. */
  #isWatched({ statement: { kind }, assignments }: Examined, bindings: Bindings): boolean {
    if (kind === "read" || kind === "schema" || kind === "explain") return false;
    const { hasTriggers, rowidColumns } = this.#schema;
    if (hasTriggers) return true;
    if (kind === "insert") return !assignments.isPlainInsert || !areSmall(bindings);
    for (const name of assignments.set) if (rowidColumns.has(name)) return true;
    return false;
  }

  #watched(write: () => Step): Step {
    const db = this.#db;
    this.#hasLargeRowid = false;
    db.onInsert = db.onUpdate = (_db, _table, rowid) => {
      if (rowid >= rowidEnd) this.#hasLargeRowid = true;
    };
    try {
      const step = write();
      if (!this.#hasLargeRowid) return step;
    } finally {
      db.onInsert = db.onUpdate = null;
    }
    throw new Rejected(`a rowid of ${rowidEnd} or more is refused: SQLite would choose the next ones by chance`);
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
