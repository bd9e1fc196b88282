// What is known of texts that come again and again? Their statements, and what SQLite has compiled of them. Both are forgotten all at once: what
// comes often is soon there again.
import type { Database, Statement } from "bun:sqlite";
import { isPlainInsert } from "./plain-inserts.ts";
import { rewritten, type RewritingOptions } from "./rewriting.ts";
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
}

export type Given = (Bound | Record<string, Bound>)[];
export type Prepared = Statement<Record<string, Bound>, Given>;

export class Scripts {
  readonly #db: Database;
  readonly #scripts = new Map<string, readonly Examined[]>();
  readonly #prepared = new Map<string, Prepared>();
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

  /** Throws what SQLite throws. */
  prepare({ statement }: Examined, options: RewritingOptions): Prepared {
    const text = rewritten(statement, options);
    const known = this.#prepared.get(text);
    if (known !== undefined) return known;
    if (this.#preparedLength + text.length > preparedLengthMax) this.forgetPrepared();
    this.#preparedLength += text.length;
    const prepared =
      statement.kind === "read" ? this.#withColumns(text) : this.#db.prepare<Record<string, Bound>, Given>(text);
    this.#prepared.set(text, prepared);
    return prepared;
  }

  /** The schema is another one: so may be the columns of a result. */
  forgetPrepared(): void {
    for (const prepared of this.#prepared.values()) prepared.finalize();
    this.#prepared.clear();
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
  };
}
