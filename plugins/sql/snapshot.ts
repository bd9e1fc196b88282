// What is the content of a database, however it came about? Tables in the order in which they were created, the rows of each in the order of
// their numbers, then what follows from them: so two nodes with the same content write the same items, and no page of a file is in them.
import { Database } from "bun:sqlite";
import type { DamageMark } from "./failures.ts";
import { RowPieces, type StoredValue } from "./row-bytes.ts";
import { clientSchema, quoted, tableLayout, type TableLayout } from "./schema.ts";

export type Item =
  /** The rows that follow are in the columns, with the rowid first where there is one. */
  | readonly ["table", name: string, sql: string, into: readonly string[]]
  | readonly ["rows", bytes: Uint8Array]
  /** Up to where an AUTOINCREMENT has come, as text. */
  | readonly ["sequence", table: string, value: string]
  /** An index, a view or a trigger. */
  | readonly ["object", sql: string];

/** Of the last commit. It holds a connection of its own until it has come to its end or is told to return. */
export class FrozenView implements IterableIterator<Item> {
  readonly #db: Database;
  readonly #items: Iterator<Item, void>;
  readonly #damage: DamageMark;
  readonly #onEnd: (view: FrozenView) => void;
  #isOver = false;

  constructor(path: string, damage: DamageMark, onEnd: (view: FrozenView) => void) {
    this.#damage = damage;
    this.#onEnd = onEnd;
    this.#db = new Database(path, { readonly: true, safeIntegers: true });
    this.#db.run("BEGIN");
    // The first read fixes what this transaction sees.
    this.#db.query("SELECT count(*) FROM sqlite_schema").get();
    this.#items = itemsOf(this.#db);
  }

  next(): IteratorResult<Item, void> {
    if (this.#isOver) return { done: true, value: undefined };
    let isAtEnd = true;
    try {
      const next = this.#items.next();
      isAtEnd = next.done === true;
      return next;
    } catch (error) {
      this.#damage.note(error);
      throw error;
    } finally {
      if (isAtEnd) this.#close();
    }
  }

  return(): IteratorResult<Item, void> {
    this.#items.return?.();
    this.#close();
    return { done: true, value: undefined };
  }

  [Symbol.iterator](): this {
    return this;
  }

  #close(): void {
    if (this.#isOver) return;
    this.#isOver = true;
    this.#db.close(true);
    this.#onEnd(this);
  }
}

function* itemsOf(db: Database): Generator<Item, void> {
  for (const { name, sql } of clientSchema(db, ["table"])) {
    const layout = tableLayout(db, name);
    yield ["table", name, sql, intoOf(layout)];
    const pieces = new RowPieces();
    for (const row of rowsIn(db, name, layout)) for (const bytes of pieces.add(row)) yield ["rows", bytes];
    for (const bytes of pieces.end()) yield ["rows", bytes];
  }
  for (const { name, seq } of sequencesOf(db)) yield ["sequence", name, String(seq)];
  for (const { sql } of clientSchema(db, ["index", "view", "trigger"])) yield ["object", sql];
}

/** A column that is the rowid has it. Nobody can say the rowid of a table without names for it. */
function intoOf({ rowidName, rowidColumn, columns }: TableLayout): readonly string[] {
  const names = columns.map(quoted);
  return rowidName === null || rowidColumn !== null ? names : [rowidName, ...names];
}

type Cells = Readonly<Record<string, string | bigint | number | Uint8Array | null>>;

/** Never by an index: its order is another one. */
function* rowsIn(db: Database, table: string, layout: TableLayout): Generator<readonly StoredValue[]> {
  const cells = intoOf(layout).map(
    (name, nth) => `${bytesOfText(name)} AS v${nth}, typeof(${name}) = 'text' AS t${nth}`,
  );
  const order = layout.rowidName === null ? "" : ` ORDER BY ${layout.rowidName}`;
  const statement = db.prepare<Cells, []>(`SELECT ${cells.join(", ")} FROM main.${quoted(table)} NOT INDEXED${order}`);
  try {
    for (const row of statement.iterate()) yield cells.map((_, nth) => storedOf(row[`v${nth}`], row[`t${nth}`] === 1n));
  } finally {
    statement.finalize();
  }
}

const bytesOfText = (name: string): string =>
  `CASE typeof(${name}) WHEN 'text' THEN CAST(${name} AS BLOB) ELSE ${name} END`;

function storedOf(value: Cells[string] | undefined, isText: boolean): StoredValue {
  if (typeof value === "bigint") return { kind: "integer", value };
  if (typeof value === "number") return { kind: "real", value };
  if (value instanceof Uint8Array) return { kind: isText ? "text" : "blob", value };
  if (value === null || value === undefined) return { kind: "null" };
  throw new TypeError("a text of the database was not read as bytes");
}

interface Sequence {
  readonly name: string;
  readonly seq: bigint;
}

function sequencesOf(db: Database): readonly Sequence[] {
  const [table] = db.query("SELECT 1 FROM sqlite_schema WHERE name = 'sqlite_sequence'").all();
  if (table === undefined) return [];
  return db.query<Sequence, []>("SELECT name, seq FROM sqlite_sequence ORDER BY name").all();
}
