// Which errors of SQLite are answers? Those that follow from the statement and the data, the same on every node. What the machine did stops the
// state machine, and leaves a mark if the file is damaged.
import { SQLiteError } from "bun:sqlite";
import { existsSync, readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { Rejected } from "graft";

/** SQLITE_ERROR, TOOBIG, CONSTRAINT, MISMATCH, RANGE. */
const answers: ReadonlySet<number> = new Set([1, 18, 19, 20, 25]);
/** SQLITE_CORRUPT, SQLITE_NOTADB. */
const damages: ReadonlySet<number> = new Set([11, 26]);

/** RAISE may give any text. */
const messageLengthMax = 1000;

const primaryCode = ({ errno }: SQLiteError): number => errno & 0xff;

export const isConstraint = (error: unknown): boolean => error instanceof SQLiteError && primaryCode(error) === 19;

/** A `Rejected` if this error is an answer; otherwise the error itself. */
export function answerOf(error: unknown): unknown {
  if (!(error instanceof SQLiteError) || !answers.has(primaryCode(error))) return error;
  return new Rejected(error.message.slice(0, messageLengthMax).toWellFormed());
}

/** Says that the file of this folder is damaged, so that it is not opened again. */
export class DamageMark {
  readonly #path: string;

  constructor(folder: string) {
    this.#path = join(folder, "damaged");
  }

  /** Throws if it is there. */
  mustBeAbsent(): void {
    if (existsSync(this.#path)) throw new Error(`the database was found damaged: ${readFileSync(this.#path, "utf8")}`);
  }

  /** Leaves the mark if this error is damage. */
  note(error: unknown): void {
    if (error instanceof SQLiteError && damages.has(primaryCode(error))) writeFileSync(this.#path, error.message);
  }
}
