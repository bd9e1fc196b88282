// What do the functions of SQL answer that would differ between nodes? Those of time and chance get replicated values, and the others refuse,
// wherever they are called: in a statement, a view, a trigger or a default.
import { Database } from "bun:sqlite";
import { Rejected } from "graft";
import {
  dateFunctions,
  isKnownFunction,
  nowFunction,
  refusedFunctions,
  replicatedFunctions,
  scriptFunctions,
  turnFunction,
} from "./refused-names.ts";
import { foldedName } from "./tokens.ts";
import type { Bound } from "./values.ts";

/** What a statement may depend on beside the database. */
export interface Surroundings {
  /** Replicated time, ms since 1970. */
  readonly timeMs: number;
  /** In [0, 1), the same on every node. Null: there is none in a query. */
  readonly random: (() => number) | null;
  /** Called at each turn of a loop that may be endless. Throws `Rejected` if there were too many. */
  readonly onTurn: () => void;
}

/** What the functions see of the script that runs. */
export interface ScriptState {
  surroundings: Surroundings;
  /** Of the statement before in this script. */
  changes: number;
  /** Of the latest row that this script has inserted. */
  lastInsertRowid: bigint | null;
}

/** Outside of any statement. */
export const nothingRuns: Surroundings = { timeMs: 0, random: null, onTurn: () => {} };

const randomBytesMax = 1_000_000;
const zeroBytesMax = 16 * 1024 * 1024;

/** Defines them on the connection, over those of SQLite. To be disposed of after the connection. */
export function defineFunctions(db: Database, state: ScriptState): Disposable {
  const dates = new PlainDates();
  for (const [name, { at, dates: count }] of dateFunctions) {
    db.function(name, { varargs: true, deterministic: true }, (...given: readonly Bound[]) =>
      dates.call(name, given, at, count),
    );
  }
  const isoTime = (): string => new Date(state.surroundings.timeMs).toISOString().replace("T", " ").replace("Z", "");
  db.function(nowFunction, isoTime);
  db.function("current_timestamp", () => isoTime().slice(0, 19));
  db.function("current_date", () => isoTime().slice(0, 10));
  db.function("current_time", () => isoTime().slice(11, 19));
  db.function("random", () => randomInteger(drawOf(state, "random()")));
  db.function("randomblob", (length: Bound) => randomBytes(drawOf(state, "randomblob()"), length));
  db.function("zeroblob", { deterministic: true }, zeroBytes);
  db.function("changes", { directOnly: true }, () => BigInt(state.changes));
  db.function("last_insert_rowid", { directOnly: true }, () => state.lastInsertRowid ?? 0n);
  db.function(turnFunction, { varargs: true }, () => {
    state.surroundings.onTurn();
    return 1n;
  });
  for (const name of refusedOn(db)) {
    const why = refusedFunctions.get(name) ?? "it is new in SQLite, and may give another value on another node";
    db.function(name, { varargs: true }, () => {
      throw new Rejected(`${name}() is refused: ${why}`);
    });
  }
  return dates;
}

/** Of all functions that this SQLite has. */
function refusedOn(db: Database): readonly string[] {
  const names = db.query<{ readonly name: string }, []>("SELECT DISTINCT name FROM pragma_function_list").all();
  const own = new Set([nowFunction, turnFunction, ...replicatedFunctions, ...scriptFunctions, ...dateFunctions.keys()]);
  return names.map(({ name }) => name).filter((name) => !own.has(name) && !isKnownFunction(name));
}

function drawOf({ surroundings: { random } }: ScriptState, name: string): () => number {
  if (random === null)
    throw new Rejected(`${name} is refused in a query: the same query has the same answer on every node`);
  return random;
}

/** A number from `random` has 53 bits. */
const randomInteger = (draw: () => number): bigint => {
  const [high, low] = [Math.floor(draw() * 2 ** 32), Math.floor(draw() * 2 ** 32)];
  return BigInt.asIntN(64, (BigInt(high) << 32n) | BigInt(low));
};

function randomBytes(draw: () => number, length: Bound): Uint8Array {
  const count = Math.max(1, Math.floor(Number(length instanceof Uint8Array ? 0 : length)) || 1);
  if (count > randomBytesMax) throw new Rejected(`randomblob() gives at most ${randomBytesMax} bytes`);
  return Uint8Array.from({ length: count }, () => Math.floor(draw() * 256));
}

/** A few characters of SQL would fill the memory of every node. */
function zeroBytes(length: Bound): Uint8Array {
  const text = length instanceof Uint8Array ? Buffer.from(length).toString("latin1") : String(length);
  const count = Math.max(
    0,
    typeof length === "number" ? Math.trunc(length) : Number(/^\s*[+-]?\d+/.exec(text)?.[0] ?? 0),
  );
  if (count > zeroBytesMax) throw new Rejected(`zeroblob() gives at most ${zeroBytesMax} bytes`);
  return new Uint8Array(count);
}

/** SQLite's own date functions, but for the present and the time zone of the machine. On a connection of their own: theirs is busy. */
class PlainDates implements Disposable {
  readonly #db = new Database(":memory:", { safeIntegers: true });

  [Symbol.dispose](): void {
    this.#db.close(true);
  }

  /** Throws `Rejected` for what depends on the machine. */
  call(name: string, given: readonly Bound[], at: number, count: number): Bound {
    const plain = given.map((value, place) => {
      if (place < at) return value;
      return place < at + count ? dateOf(name, value, place === at) : modifierOf(name, value);
    });
    if (given.length < at + count && given.length >= at) throw new Rejected(`${name}() lacks a date`);
    const places = given.map(() => "?").join();
    return this.#db.query<{ readonly it: Bound }, Bound[]>(`SELECT ${name}(${places}) AS it`).get(...plain)!.it;
  }
}

/** SQLite takes it for no date and no modifier, and answers NULL. */
const meaningless = "?";
/** Of all modifiers that begin with a letter, those that do not depend on the machine. */
const modifiers = /^(?:auto|ceiling|floor|julianday|start of |subsec|unixepoch|weekday )/;

/** A date that begins with a letter is the present, or none. */
function dateOf(name: string, value: Bound, isFirst: boolean): Bound {
  const text = textOf(value);
  if (text === null || !/^[a-z]/.test(text)) return value;
  if (text !== "now" && !(isFirst && (text === "subsec" || text === "subsecond"))) return meaningless;
  throw new Rejected(`${name}() was given '${text}' as a value: write 'now' in the call itself, in single quotes`);
}

function modifierOf(name: string, value: Bound): Bound {
  const text = textOf(value);
  if (text === null || !/^[a-z]/.test(text) || modifiers.test(text)) return value;
  if (text !== "localtime" && text !== "utc") return meaningless;
  throw new Rejected(`${name}(…, '${text}') is refused: the time zone is that of a machine; send the time in UTC`);
}

/** As SQLite reads it there: bytes are a text, a NUL ends it, and letters of ASCII have no case. */
function textOf(value: Bound): string | null {
  const text = value instanceof Uint8Array ? Buffer.from(value).toString("latin1") : value;
  return typeof text === "string" ? foldedName(text.split("\0", 1)[0]!) : null;
}
