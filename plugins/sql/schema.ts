// What must be known of the schema that SQLite has at present? Whether it says things on which the cost or the outcome of a statement depends, and
// under which name the rows of each table are numbered.
import type { Database } from "bun:sqlite";
import { Rejected } from "graft";
import { mustExpandLittle, type ViewSizes, viewSizes } from "./expansion.ts";
import { foldedName, isWord, tokensOf } from "./tokens.ts";

export interface SchemaFacts {
  /** A constraint says what an insert does to rows that are there. */
  readonly hasConflictClauses: boolean;
  readonly hasTriggers: boolean;
  readonly hasWithoutRowid: boolean;
  /** By the name of a table with AUTOINCREMENT: the column that is its rowid. */
  readonly sequences: ReadonlyMap<string, string>;
  /** By the name of a table, as names are compared: under which name it has its rowid, or else a column. */
  readonly rowidNames: ReadonlyMap<string, string>;
  readonly views: ViewSizes;
  /** Characters that were read for this. */
  readonly length: number;
}

interface SchemaRow {
  readonly type: string;
  readonly name: string;
  readonly sql: string;
}

interface ColumnRow {
  readonly name: string;
  readonly pk: bigint;
  readonly hidden: bigint;
}

export interface TableLayout {
  readonly rowidName: string | null;
  /** The column that is the rowid; null: there is none. */
  readonly rowidColumn: string | null;
  /** Those that hold a value of their own, and none that is generated. */
  readonly columns: readonly string[];
}

const knownMax = 10_000;

/** SQLite gives 2000 columns at most, and a snapshot reads two for each column of a table and for its rowid. */
const columnsMax = 999;

/** A snapshot holds the text of a table, index, view or trigger in one piece, and SQLite rewrites it when something is renamed. */
const textLengthMax = 1024 * 1024;

/** Where no column is called so, they are 1 and 0. An index keeps what they were before such a column was there. */
const literalNames: ReadonlySet<string> = new Set(["true", "false"]);

/** Names of a rowid that are always there, but for columns that are called so. */
const rowidWords = ["rowid", "_rowid_", "oid"];

/** What clients have created, in that order. */
export function clientSchema(db: Database, types: readonly string[]): readonly SchemaRow[] {
  const rows = db
    .query<SchemaRow, []>("SELECT type, name, sql FROM sqlite_schema WHERE sql IS NOT NULL ORDER BY rowid")
    .all();
  return rows.filter(({ type, name }) => types.includes(type) && !/^(?:sqlite_|graft_)/i.test(name));
}

/** `known`: layouts from earlier calls, by the text of their table; those of tables that are gone are forgotten now and then. Throws `Rejected` for what no copy could be made of. */
export function schemaFacts(db: Database, known: Map<string, TableLayout>): SchemaFacts {
  const schema = clientSchema(db, ["table", "index", "view", "trigger"]);
  const long = schema.find(({ sql }) => sql.length > textLengthMax);
  if (long !== undefined) throw new Rejected(`the text of ${long.name} has more than ${textLengthMax} characters`);
  const tables = schema.filter(({ type }) => type === "table");
  const layouts = tables.map(({ name, sql }) => [foldedName(name), knownLayout(db, name, sql, known)] as const);
  const sequences = new Map<string, string>();
  for (const [nth, { name, sql }] of tables.entries()) {
    const { rowidColumn } = layouts[nth]![1];
    if (rowidColumn !== null && /\bautoincrement\b/i.test(sql)) sequences.set(name, rowidColumn);
  }
  const views = viewSizes(schema.filter(({ type }) => type === "view"));
  for (const { type, name, sql } of schema)
    if (type === "trigger") mustExpandLittle(tokensOf(sql), views, `the trigger ${name}`);
  return {
    hasConflictClauses: schema.some(
      ({ sql }) => /\bconflict\b/i.test(sql) && tokensOf(sql).some((token) => isWord(token, "CONFLICT")),
    ),
    hasTriggers: schema.some(({ type }) => type === "trigger"),
    hasWithoutRowid: layouts.some(([, { rowidName }]) => rowidName === null),
    sequences,
    rowidNames: new Map(layouts.map(([name, { rowidName, columns }]) => [name, rowidName ?? quoted(columns[0]!)])),
    views,
    length: schema.reduce((sum, { sql }) => sum + sql.length, 0),
  };
}

function knownLayout(db: Database, table: string, sql: string, known: Map<string, TableLayout>): TableLayout {
  const found = known.get(sql);
  if (found !== undefined) return found;
  if (known.size >= knownMax) known.clear();
  const layout = tableLayout(db, table);
  known.set(sql, layout);
  return layout;
}

/** Throws `Rejected` as `schemaFacts` does. */
export function tableLayout(db: Database, table: string): TableLayout {
  const all = db.query<ColumnRow, [string]>("SELECT name, pk, hidden FROM pragma_table_xinfo(?)").all(table);
  if (all.length > columnsMax) {
    throw new Rejected(`the table ${table} has ${all.length} columns, and ${columnsMax} at most may be in one`);
  }
  const literal = all.find(({ name }) => literalNames.has(foldedName(name)));
  if (literal !== undefined) {
    throw new Rejected(`the table ${table} has a column called ${literal.name}, and SQL has another meaning for that`);
  }
  const columns = all.filter(({ hidden }) => Number(hidden) === 0).map(({ name }) => name);
  const names = new Set(all.map(({ name }) => foldedName(name)));
  const keys = all.filter(({ pk }) => Number(pk) > 0);
  const [indexed] = db
    .query<{ readonly name: string }, [string]>("SELECT name FROM pragma_index_list(?) WHERE origin = 'pk'")
    .all(table);
  if (indexed !== undefined && !hasRowid(db, indexed.name)) return { rowidName: null, rowidColumn: null, columns };
  const rowidColumn = keys.length === 1 && indexed === undefined ? keys[0]!.name : null;
  const rowidName = rowidWords.find((word) => !names.has(word)) ?? rowidColumn;
  if (rowidName === null) {
    throw new Rejected(
      `the table ${table} has columns with all names of a rowid (${rowidWords.join(", ")}): leave one out`,
    );
  }
  return { rowidName: rowidName === rowidColumn ? quoted(rowidName) : rowidName, rowidColumn, columns };
}

/** Whether an index ends with rowids. `pragma_table_list` says it too, and compiles every view for that. */
const hasRowid = (db: Database, index: string): boolean =>
  db.query("SELECT 1 FROM pragma_index_xinfo(?) WHERE cid = -1").get(index) !== null;

/** A name as SQL takes it, whatever is in it. */
export const quoted = (name: string): string => `"${name.replaceAll('"', '""')}"`;
