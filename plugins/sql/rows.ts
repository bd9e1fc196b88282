// How much may an answer hold? Rows are taken one by one, so that an answer that is too large is refused before it fills the memory.
import { Rejected } from "graft";
import type { Compiled, Given } from "./scripts.ts";
import { type Bound, bytesOf, type Row, type SqlValue, valueOf } from "./values.ts";

export const resultBytesMax = 4 * 1024 * 1024;
/** A row counts one, and each of its columns two. */
const resultItemsMax = 250_000;

/**
 * Throws `Rejected` for a result that is too large, or that has columns which cannot be sent. A statement that writes has changed all rows
 * before it gives the first one.
 */
export function rowsOf({ statement, names }: Compiled, given: Given, onRow: () => void): readonly Row[] {
  mustBeSendable(names);
  const { columnNames } = statement;
  const rows: Row[] = [];
  const size = new ResultSize(names);
  for (const row of statement.iterate(...given)) {
    onRow();
    size.add(row);
    const values: Record<string, SqlValue> = {};
    for (const [nth, name] of names.entries()) values[name] = valueOf(row[columnNames[nth]!]);
    rows.push(values);
  }
  return rows;
}

function mustBeSendable(names: readonly string[]): void {
  for (const name of names) {
    if (name === "__proto__" || name.startsWith("\ufeff") || !name.isWellFormed()) {
      throw new Rejected(
        `a column of the result has a name that cannot be sent, ${JSON.stringify(name)}: name it with AS`,
      );
    }
  }
  if (new Set(names).size < names.length) {
    throw new Rejected("two columns of the result have the same name: name them with AS");
  }
}

class ResultSize {
  readonly #rowBytes: number;
  readonly #rowItems: number;
  #bytes = 0;
  #items = 0;

  constructor(names: readonly string[]) {
    this.#rowBytes = names.reduce((sum, name) => sum + bytesOf(name), 5);
    this.#rowItems = 1 + 2 * names.length;
  }

  add(row: Readonly<Record<string, Bound>> | readonly Bound[]): void {
    this.#items += this.#rowItems;
    this.#bytes += this.#rowBytes;
    for (const value of Object.values(row) as readonly Bound[]) this.#bytes += bytesOf(value);
    if (this.#bytes > resultBytesMax) throw tooLarge(`${resultBytesMax} bytes`);
    if (this.#items > resultItemsMax) throw tooLarge(`${Math.floor(resultItemsMax / this.#rowItems)} rows`);
  }
}

const tooLarge = (bound: string): Rejected =>
  new Rejected(`the result has more than ${bound}: ask for less, with LIMIT or fewer columns`);
