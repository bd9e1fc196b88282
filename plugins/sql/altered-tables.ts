// Can a snapshot be restored of what ALTER TABLE leaves? A restore inserts each row anew. Then SQLite computes every generated column, and takes no NULL
// where a column is NOT NULL. ALTER TABLE asks the rows that are there only now and then, so they are asked here, with the functions of the connection.
import type { Database } from "bun:sqlite";
import { Rejected } from "graft";
import { tableName } from "./expansion.ts";
import { answerOf } from "./failures.ts";
import { quoted } from "./schema.ts";
import { isSign, isWord, type Token } from "./tokens.ts";

interface Column {
  readonly name: string;
  readonly notnull: bigint;
  readonly hidden: bigint;
}

/** The table whose rows a statement may leave as no restore could insert them; null: it is none. A new name changes no row. */
export function alteredTable(tokens: readonly Token[]): string | null {
  if (!isWord(tokens[0], "ALTER") || !isWord(tokens[1], "TABLE")) return null;
  const at = isSign(tokens[3], ".") ? 4 : 2;
  const name = tokens[at];
  return name === undefined || isWord(tokens[at + 1], "RENAME") ? null : tableName(name);
}

/** Throws `Rejected` if a row is there that no restore could insert. */
export function mustBeRestorable(db: Database, table: string): void {
  const all = db.query<Column, [string]>(`SELECT name, "notnull", hidden FROM pragma_table_xinfo(?)`).all(table);
  const asked = all.filter(({ notnull, hidden }) => Number(notnull) > 0 || Number(hidden) > 0);
  const counts = asked.length === 0 ? [] : nullsOf(db, table, asked);
  const at = asked.findIndex(({ notnull }, nth) => Number(notnull) > 0 && Number(counts[nth] ?? 0) > 0);
  if (at === -1) return;
  throw refused(`the column ${asked[at]!.name} of ${table} is NOT NULL, and a row that is there would have NULL in it`);
}

type Count = bigint | null;

/** In each column. One scan asks for all of them; only if it fails, it is asked which one it was. */
function nullsOf(db: Database, table: string, columns: readonly Column[]): readonly Count[] {
  try {
    return countNulls(db, table, columns);
  } catch (error) {
    if (!(answerOf(error) instanceof Rejected)) throw error;
    for (const column of columns) mustBeComputable(db, table, column);
    throw error;
  }
}

function mustBeComputable(db: Database, table: string, column: Column): void {
  try {
    countNulls(db, table, [column]);
  } catch (error) {
    const answer = answerOf(error);
    if (!(answer instanceof Rejected)) throw error;
    throw refused(
      `the column ${column.name} of ${table} cannot be computed for a row that is there: ${answer.message}`,
    );
  }
}

/** SQLite takes `IS NULL` for false where a column is NOT NULL, and does not look. */
function countNulls(db: Database, table: string, columns: readonly Column[]): readonly Count[] {
  const sums = columns.map(({ name }) => `sum(typeof(${quoted(name)}) = 'null')`);
  const statement = db.prepare<unknown, []>(`SELECT ${sums.join(", ")} FROM main.${quoted(table)} NOT INDEXED`);
  try {
    return statement.values()[0] as Count[];
  } finally {
    statement.finalize();
  }
}

const refused = (why: string): Rejected => new Rejected(`ALTER TABLE is refused: ${why}`);
