// Puts the items of a snapshot into an empty database. Constraints are not asked again: the rows have passed them, and the schema is not
// complete before the end.
import type { Database, Statement } from "bun:sqlite";
import { RowReader, type StoredValue } from "./row-bytes.ts";
import type { Item } from "./snapshot.ts";
import type { Bound } from "./values.ts";
import { quoted } from "./schema.ts";

/** Statements that are kept for one table. */
const insertsMax = 64;

export class Restoring {
  readonly #db: Database;
  #rows: RowsOfTable | null = null;
  #hasSequences = false;
  hasBegun = false;

  /** The database has foreign keys and checks off. */
  constructor(db: Database) {
    this.#db = db;
  }

  take(item: Item): void {
    this.hasBegun = true;
    if (item[0] === "rows") return this.#table().take(item[1]);
    this.end();
    switch (item[0]) {
      case "table":
        this.#db.run(item[2]);
        this.#rows = new RowsOfTable(this.#db, item[1], item[3]);
        return;
      case "sequence":
        return this.#setSequence(item[1], item[2]);
      case "object":
        this.#db.run(item[1]);
    }
  }

  /** Throws if a row is not complete. */
  end(): void {
    this.#rows?.end();
    this.#rows = null;
  }

  #table(): RowsOfTable {
    if (this.#rows === null) throw new RangeError("the snapshot has rows before their table");
    return this.#rows;
  }

  /** Rows have set it, too: to the highest that there is. */
  #setSequence(table: string, value: string): void {
    if (!this.#hasSequences) this.#db.run("DELETE FROM sqlite_sequence");
    this.#hasSequences = true;
    this.#db.query("INSERT INTO sqlite_sequence (name, seq) VALUES (?, ?)").run(table, BigInt(value));
  }
}

class RowsOfTable {
  readonly #db: Database;
  readonly #table: string;
  readonly #into: readonly string[];
  readonly #reader = new RowReader();
  /** One for each way in which a row may have texts and whole reals in its columns. */
  readonly #inserts = new Map<string, Statement>();

  constructor(db: Database, table: string, into: readonly string[]) {
    this.#db = db;
    this.#table = table;
    this.#into = into;
  }

  take(piece: Uint8Array): void {
    for (const row of this.#reader.take(piece)) this.#insert(row);
  }

  end(): void {
    if (this.#reader.hasLeft) throw new RangeError(`the snapshot ends within a row of ${this.#table}`);
    this.#forget();
  }

  #forget(): void {
    for (const insert of this.#inserts.values()) insert.finalize();
    this.#inserts.clear();
  }

  #insert(row: readonly StoredValue[]): void {
    const places = row.map(placeOf);
    const shape = places.join(", ");
    let insert = this.#inserts.get(shape);
    if (insert === undefined) {
      if (this.#inserts.size >= insertsMax) this.#forget();
      const into = this.#into.length === 0 ? "" : `(${this.#into.join(", ")})`;
      // No clause of the table may drop this row or another one.
      insert = this.#db.prepare(`INSERT OR ABORT INTO main.${quoted(this.#table)} ${into} VALUES (${shape})`);
      this.#inserts.set(shape, insert);
    }
    insert.run(...row.map(boundOf));
  }
}

/** Whole numbers would be bound as integers, and texts need not be UTF-8. */
function placeOf(value: StoredValue): string {
  if (value.kind === "text") return "CAST(? AS TEXT)";
  return value.kind === "real" && Number.isInteger(value.value) ? "CAST(? AS REAL)" : "?";
}

const boundOf = (value: StoredValue): Bound => (value.kind === "null" ? null : value.value);
