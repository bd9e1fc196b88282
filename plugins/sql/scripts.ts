// What is known of texts that come again and again? Their statements, and what SQLite has compiled of them. Both are forgotten all at once: what
// comes often is soon there again.
import type { Database, Statement } from "bun:sqlite";
import { alteredTable } from "./altered-tables.ts";
import { mustExpandLittle, type ViewSizes } from "./expansion.ts";
import { isPlainInsert } from "./plain-inserts.ts";
import { rewritten, type RewritingOptions, withoutSchemaView, withSchemaView } from "./rewriting.ts";
import { isTableOfRows } from "./selects.ts";
import { type SqlStatement, statementsOf } from "./statements.ts";
import { isWord } from "./tokens.ts";
import type { Bound } from "./values.ts";

/** Longer scripts are most often rows that are loaded, and do not come again. */
const scriptLengthMax = 4096;
/** Characters of the texts that are known. Their tokens take about a hundred times as many bytes. */
const scriptsLengthMax = 256 * 1024;
const preparedLengthMax = 1024 * 1024;

export interface Examined {
  readonly statement: SqlStatement;
  readonly isPlainInsert: boolean;
  readonly isReturning: boolean;
  readonly hasConflictClause: boolean;
  /** Whether SQLite compiles what it names. Most of what creates something is only kept as a text. */
  readonly compilesViews: boolean;
  /** The table whose rows are to be asked when it has run. */
  readonly alters: string | null;
}

export interface PrepareOptions extends RewritingOptions {
  readonly views: ViewSizes;
}

export type Given = (Bound | Record<string, Bound>)[];
export type Prepared = Statement<Record<string, Bound>, Given>;

export interface Compiled {
  readonly statement: Prepared;
  /** Of the columns of its rows, as SQLite names them for what the client wrote. */
  readonly names: readonly string[];
}

export class Scripts {
  readonly #db: Database;
  readonly #scripts = new Map<string, readonly Examined[]>();
  readonly #prepared = new Map<string, Compiled>();
  /** What most statements come to that are known: then their texts need not be made again. */
  #latest = new WeakMap<
    Examined,
    { readonly compiled: Compiled; readonly rowidNames: RewritingOptions["rowidNames"] }
  >();
  #scriptsLength = 0;
  #preparedLength = 0;

  constructor(db: Database) {
    this.#db = db;
  }

  /** Throws `Rejected` for what is refused. */
  examined(sql: string): readonly Examined[] {
    const known = this.#scripts.get(sql);
    if (known !== undefined) return known;
    const script = statementsOf(sql).map(examinedOf);
    if (sql.length > scriptLengthMax) return script;
    this.#scriptsLength += sql.length;
    if (this.#scriptsLength > scriptsLengthMax) {
      this.#scripts.clear();
      this.#scriptsLength = sql.length;
    }
    this.#scripts.set(sql, script);
    return script;
  }

  /** Throws what SQLite throws, and `Rejected` for what it could not compile in a bounded time. */
  prepare(examined: Examined, options: PrepareOptions): Compiled {
    const { casts, rowidNames } = options;
    if (casts.size > 0) return this.#compiledOnce(examined, options);
    const latest = this.#latest.get(examined);
    if (latest !== undefined && latest.rowidNames === rowidNames) return latest.compiled;
    const compiled = this.#compiledOnce(examined, options);
    this.#latest.set(examined, { compiled, rowidNames });
    return compiled;
  }

  #compiledOnce({ statement, isReturning }: Examined, options: PrepareOptions): Compiled {
    const text = rewritten(statement, options);
    const shown = withSchemaView(statement);
    const key = `${text}\0${shown === text ? "" : shown}`;
    const known = this.#prepared.get(key);
    if (known !== undefined) return known;
    mustExpandLittle(statement.tokens, options.views);
    if (this.#preparedLength + key.length > preparedLengthMax) this.forgetPrepared();
    this.#preparedLength += key.length;
    const compiled = this.#compiled(text, shown, statement.kind === "read", isReturning);
    this.#prepared.set(key, compiled);
    return compiled;
  }

  /** SQLite names a column by its text, and so would show what it was rewritten to. */
  #compiled(text: string, shown: string, isRead: boolean, isReturning: boolean): Compiled {
    const statement = isRead ? this.#withColumns(text) : this.#db.prepare<Record<string, Bound>, Given>(text);
    const { columnNames } = statement;
    if (!isRead && !isReturning) return { statement, names: columnNames };
    if (shown === text) return { statement, names: columnNames.map(withoutSchemaView) };
    const asWritten = isRead ? this.#withColumns(shown) : this.#db.prepare(shown);
    const names = asWritten.columnNames.map(withoutSchemaView);
    asWritten.finalize();
    return { statement, names };
  }

  /** The schema is another one: so may be the columns of a result. */
  forgetPrepared(): void {
    for (const { statement } of this.#prepared.values()) statement.finalize();
    this.#prepared.clear();
    this.#latest = new WeakMap();
    this.#preparedLength = 0;
  }

  /** Of columns with the same name, SQLite numbers all but the first in a subquery: `id`, `id:1`. */
  #withColumns(text: string): Prepared {
    const prepared = this.#db.prepare<Record<string, Bound>, Given>(text);
    const { columnNames } = prepared;
    if (new Set(columnNames).size === columnNames.length) return prepared;
    prepared.finalize();
    return this.#db.prepare(`SELECT * FROM (${text})`);
  }
}

function examinedOf(statement: SqlStatement): Examined {
  const { tokens } = statement;
  return {
    statement,
    isPlainInsert: isPlainInsert(tokens),
    isReturning: tokens.some((token) => isWord(token, "RETURNING")),
    hasConflictClause: tokens.some((token) => isWord(token, "CONFLICT")),
    compilesViews: statement.kind !== "schema" || isWord(tokens[0], "ALTER") || isTableOfRows(tokens),
    alters: alteredTable(tokens),
  };
}
