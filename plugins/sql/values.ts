// How do values travel? SQLite's integers have 64 bits and its reals may be whole, which neither JSON nor CBOR can express. Such a value is
// an object with one field: {integer: "9007199254740993"}, {real: "Infinity"}, {text: bytes}.
import { Rejected } from "graft";
import type { Cast } from "./rewriting.ts";

/** Beyond what a number holds. */
export interface ExactInteger {
  readonly integer: string;
}

/** As a parameter: a real, also if it is whole. In results: infinity and -0. */
export interface ExactReal {
  readonly real: number | string;
}

/** Bytes that become a text as they are. In results: a text that begins with a byte order mark. */
export interface ExactText {
  readonly text: string | Uint8Array;
}

/** What a client may send for a parameter. A whole number is an integer, and a boolean 1 or 0. */
export type SqlInput = null | boolean | number | string | Uint8Array | ExactInteger | ExactReal | ExactText;

export type SqlParams = readonly SqlInput[] | { readonly [name: string]: SqlInput };

/** What a row has in a column. A real without a fraction looks like an integer. */
export type SqlValue =
  null | number | string | Uint8Array | ExactInteger | { readonly real: string } | { readonly text: Uint8Array };

export type Row = { readonly [column: string]: SqlValue };

/** What SQLite takes and gives. */
export type Bound = null | bigint | number | string | Uint8Array;

export interface Bindings {
  readonly values: readonly Bound[] | Readonly<Record<string, Bound>>;
  readonly casts: ReadonlyMap<string | number, Cast>;
}

const noCasts: Bindings["casts"] = new Map();
export const noBindings: Bindings = { values: [], casts: noCasts };

/** Throws `Rejected` for a value that SQLite cannot hold. */
export function bindingsOf(params: SqlParams): Bindings {
  if (isList(params))
    return { values: params.map(boundOf), casts: params.some(isMarked) ? castsOf([...params.entries()]) : noCasts };
  const entries = Object.entries(params);
  const values = Object.fromEntries(entries.map(([name, value]) => [name, boundOf(value, name)]));
  return { values, casts: castsOf(entries) };
}

const isList = (params: SqlParams): params is readonly SqlInput[] => Array.isArray(params);

const isMarked = (value: SqlInput): value is ExactInteger | ExactReal | ExactText =>
  typeof value === "object" && value !== null && !(value instanceof Uint8Array);

function castsOf(entries: readonly (readonly [Key, SqlInput])[]): Bindings["casts"] {
  const casts = new Map<Key, Cast>();
  for (const [key, value] of entries) {
    if (!isMarked(value)) continue;
    if ("text" in value) casts.set(key, "TEXT");
    if ("real" in value) casts.set(key, "REAL");
  }
  return casts;
}

/** The name of a parameter, or its place in a list. */
type Key = string | number;

/** Made only where it is said: a list of parameters comes with most inserts. */
const placeOf = (key: Key): string => `parameter ${typeof key === "number" ? key + 1 : key}`;

const integerMax = 2n ** 63n - 1n;

function boundOf(value: SqlInput, key: Key): Bound {
  switch (typeof value) {
    case "boolean":
      return value ? 1n : 0n;
    case "number":
      return boundNumber(value, key);
    case "string":
      return value;
    case "object":
      if (value === null || value instanceof Uint8Array) return value;
      return boundObject(value, key);
    default:
      throw notAValue(key);
  }
}

function boundNumber(value: number, key: Key): Bound {
  if (Number.isNaN(value))
    throw new Rejected(`${placeOf(key)} is not a number (NaN), which SQL does not have: send null`);
  if (isAmbiguous(value)) {
    throw new Rejected(
      `${placeOf(key)} is ${value}, beyond what a number holds exactly: send {"integer": "…"} or {"real": …}`,
    );
  }
  return Number.isSafeInteger(value) && !Object.is(value, -0) ? BigInt(value) : value;
}

/** An integer of SQL may have been meant, and rounded on its way. */
const isAmbiguous = (value: number): boolean =>
  Number.isInteger(value) && !Number.isSafeInteger(value) && Math.abs(value) <= 2 ** 63;

function boundObject(value: ExactInteger | ExactReal | ExactText, key: Key): Bound {
  const [field, ...others] = Object.keys(value);
  if (others.length > 0) throw notAValue(key);
  if (field === "integer" && "integer" in value) return exactInteger(value.integer, key);
  if (field === "real" && "real" in value) return exactReal(value.real, key);
  if (field === "text" && "text" in value) {
    const { text } = value;
    if (typeof text === "string" || text instanceof Uint8Array)
      return typeof text === "string" ? Buffer.from(text) : text;
  }
  throw notAValue(key);
}

function exactInteger(text: unknown, key: Key): bigint {
  if (typeof text !== "string" || !/^-?\d{1,19}$/.test(text)) throw notAValue(key);
  const integer = BigInt(text);
  if (integer > integerMax || integer < -integerMax - 1n)
    throw new Rejected(`${placeOf(key)}: an integer of SQL has 64 bits`);
  return integer;
}

function exactReal(real: unknown, key: Key): Bound {
  const value = typeof real === "string" && /^-?(?:\d+(?:\.\d+)?|Infinity)$/.test(real) ? Number(real) : real;
  if (typeof value !== "number") throw notAValue(key);
  return isAmbiguous(value) ? value : boundNumber(value, key);
}

const notAValue = (key: Key): Rejected =>
  new Rejected(
    `${placeOf(key)} is no value: send null, a boolean, a number, a text, bytes, {"integer": "…"}, {"real": …} or {"text": …}`,
  );

/** For clients. */
export function valueOf(value: Bound | undefined): SqlValue {
  switch (typeof value) {
    case "bigint":
      return value >= Number.MIN_SAFE_INTEGER && value <= Number.MAX_SAFE_INTEGER
        ? Number(value)
        : { integer: String(value) };
    case "number":
      if (Object.is(value, -0)) return { real: "-0.0" };
      return Number.isFinite(value) && !isAmbiguous(value) ? value : { real: String(value) };
    case "string":
      return value.startsWith("\ufeff") ? { text: Buffer.from(value) } : value;
    default:
      return value ?? null;
  }
}

/** About what it takes in a result. */
export function bytesOf(value: Bound | undefined): number {
  if (typeof value === "string") return 5 + Buffer.byteLength(value);
  return value instanceof Uint8Array ? 5 + value.byteLength : 9;
}
