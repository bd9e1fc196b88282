// Are two states the same? A state is written down as text, a line for each value, so that equal states have equal texts and the first
// line that differs says where two states part. The order of a Map's or Set's entries, and of an object's fields, does not count: a
// restored state may have another. Private fields (#) and the variables of a closure cannot be seen from outside.
import { types } from "node:util";

export interface StateText {
  readonly text: string;
  /** How many values it has. */
  readonly values: number;
}

/** What lies beyond is not looked at. */
const valuesMax = 1_000_000;
const indent = "  ";

/** Changes nothing: neither getters nor methods of the state are called. */
export function describeState(state: unknown): StateText {
  const writer = new Writer();
  const text = writer.describe(state, "");
  return { text, values: writer.values };
}

/** What `Map.prototype.entries` is to a Map. SnapshotMap keeps its entries where only its own methods see them. */
interface MapLike {
  entries(): Iterable<[unknown, unknown]>;
}

class Writer {
  values = 0;
  /** The objects around the value that is written down, outermost first. */
  readonly #around: object[] = [];

  /** One line, and below it, deeper by one step, a line for each part. */
  describe(value: unknown, margin: string): string {
    this.values++;
    if (typeof value === "function") return `function ${value.name}`;
    if (typeof value !== "object" || value === null) return describePrimitive(value);
    const depth = this.#around.indexOf(value);
    // By how many steps it leads up: that is the same in equal states, wherever the search begins.
    if (depth >= 0) return `the value ${this.#around.length - depth} levels above`;
    if (this.values > valuesMax) return "…";
    this.#around.push(value);
    try {
      return this.#describeObject(value, margin);
    } finally {
      this.#around.pop();
    }
  }

  #describeObject(value: object, margin: string): string {
    const inner = margin + indent;
    const kind = kindOf(value);
    const leaf = describeLeaf(value);
    if (leaf !== null) return this.#withParts(`${kind} ${leaf}`, this.#fieldsOf(value, inner), inner);
    const fields = this.#fieldsOf(value, inner);
    if (Array.isArray(value)) {
      const items = Array.from(value, (each, at) => `[${at}]: ${this.describe(each, inner)}`);
      return this.#withParts(`Array of ${value.length}`, [...items, ...fields], inner);
    }
    if (isMapLike(value, kind)) {
      const entries = Array.from(entriesOf(value), ([key, each]) => this.#entry(key, each, inner));
      return this.#withParts(`${kind} of ${entries.length}`, [...entries.sort(), ...fields], inner);
    }
    if (value instanceof Set) {
      const members = Array.from(Set.prototype.values.call(value), (each) => `has ${this.describe(each, inner)}`);
      return this.#withParts(`${kind} of ${members.length}`, [...members.sort(), ...fields], inner);
    }
    return this.#withParts(kind, fields, inner);
  }

  #entry(key: unknown, value: unknown, margin: string): string {
    const name = this.describe(key, margin);
    // A key of several lines stands by itself, so that its value's parts are not taken for its own.
    return name.includes("\n")
      ? `key ${name}\n${margin}to ${this.describe(value, margin)}`
      : `${name}: ${this.describe(value, margin)}`;
  }

  /** Sorted by name. A field that is undefined counts as none: a snapshot leaves it out. */
  #fieldsOf(value: object, margin: string): string[] {
    const fields: string[] = [];
    for (const key of ownFieldsOf(value).sort(byName)) {
      const property = Reflect.getOwnPropertyDescriptor(value, key);
      if (property === undefined) continue;
      const name = typeof key === "symbol" ? String(key) : `.${key}`;
      if (!("value" in property)) fields.push(`${name}: an accessor`);
      else if (property.value !== undefined) fields.push(`${name}: ${this.describe(property.value, margin)}`);
    }
    return fields;
  }

  #withParts(head: string, parts: readonly string[], margin: string): string {
    return parts.length === 0 ? head : `${head}\n${parts.map((part) => margin + part).join("\n")}`;
  }
}

function describePrimitive(value: unknown): string {
  switch (typeof value) {
    case "string":
      return JSON.stringify(value);
    case "number":
      return Object.is(value, -0) ? "-0" : String(value);
    case "bigint":
      return `${value}n`;
    default:
      return String(value);
  }
}

/** What objects hold that are values rather than containers; null for a container. */
function describeLeaf(value: object): string | null {
  if (value instanceof Date) return describePrimitive(value.getTime());
  if (value instanceof RegExp) return `${value.source} ${value.flags} at ${value.lastIndex}`;
  if (ArrayBuffer.isView(value)) return hexOf(value.buffer, value.byteOffset, value.byteLength);
  if (value instanceof ArrayBuffer || value instanceof SharedArrayBuffer) return hexOf(value, 0, value.byteLength);
  if (types.isBoxedPrimitive(value)) return describePrimitive(value.valueOf());
  if (value instanceof Error) return JSON.stringify(value.message);
  return null;
}

const hexOf = (buffer: ArrayBufferLike, offset: number, length: number): string =>
  `${length} bytes ${Buffer.from(buffer as ArrayBuffer, offset, length).toString("hex")}`;

/** The class it is of. A Buffer counts as the bytes that a snapshot makes of it. */
function kindOf(value: object): string {
  if (Buffer.isBuffer(value)) return "Uint8Array";
  const prototype: unknown = Object.getPrototypeOf(value);
  if (typeof prototype !== "object" || prototype === null) return "Object";
  const made: unknown = Reflect.getOwnPropertyDescriptor(prototype, "constructor")?.value;
  return typeof made === "function" && made.name !== "" ? made.name : "Object";
}

const isMapLike = (value: object, kind: string): value is MapLike =>
  value instanceof Map || (kind === "SnapshotMap" && "entries" in value && typeof value.entries === "function");

const entriesOf = (map: MapLike): Iterable<[unknown, unknown]> =>
  map instanceof Map ? (Map.prototype.entries.call(map) as Iterable<[unknown, unknown]>) : map.entries();

/** The engine lists a name for each byte, which takes long for many. So fields that were given to large bytes are not looked at. */
const listedBytesMax = 1000;

const ownFieldsOf = (value: object): (string | symbol)[] =>
  ArrayBuffer.isView(value) && value.byteLength > listedBytesMax
    ? []
    : Reflect.ownKeys(value).filter((key) => !isCoveredElsewhere(value, key));

/** The places of an array and of bytes, and what an Error has that says where it was made, or is written down already. */
function isCoveredElsewhere(value: object, key: string | symbol): boolean {
  if (typeof key === "symbol") return false;
  if (Array.isArray(value)) return key === "length" || /^\d+$/.test(key);
  if (ArrayBuffer.isView(value)) return /^\d+$/.test(key);
  if (types.isStringObject(value)) return key === "length" || /^\d+$/.test(key);
  if (value instanceof RegExp) return key === "lastIndex";
  return value instanceof Error && ["message", "stack", "line", "column", "sourceURL"].includes(key);
}

const byName = (one: string | symbol, other: string | symbol): number => {
  const [a, b] = [String(one), String(other)];
  return a < b ? -1 : a > b ? 1 : 0;
};

/** Where two states part. */
export interface Difference {
  /** The names that lead to it, from the outside to the inside: `.players "ann" .points`. Empty: the state itself. */
  readonly path: string;
  /** What each has there; null: nothing. */
  readonly one: string | null;
  readonly other: string | null;
}

/** Between two texts of `describeState`. Null: they are equal. */
export function firstDifference(one: string, other: string): Difference | null {
  const [ones, others] = [valuesIn(one), valuesIn(other)];
  const paths = new Set([...ones.keys(), ...others.keys()]);
  const differences = [...paths].flatMap((path): Difference[] => {
    const difference = { path, one: ones.get(path) ?? null, other: others.get(path) ?? null };
    return difference.one === difference.other ? [] : [difference];
  });
  // That a Map has more entries is said best by the entry that the other one lacks.
  return differences.find((each) => !isOfCounts(each)) ?? differences[0] ?? null;
}

const isOfCounts = ({ one, other }: Difference): boolean =>
  one !== null && other !== null && one.replace(/ of \d+$/, "") === other.replace(/ of \d+$/, "");

/** Each line's value, by the names of the lines around it and its own. */
function valuesIn(text: string): ReadonlyMap<string, string> {
  const values = new Map<string, string>();
  const names: string[] = [];
  for (const line of text.split("\n")) {
    const depth = /^ */.exec(line)![0].length / indent.length;
    const [, name = "", value = ""] = /^ *((?:"(?:[^"\\]|\\.)*"|[^":]+): |has |key |to |)(.*)$/.exec(line) ?? [];
    names.length = Math.max(depth - 1, 0);
    // A member of a Set and a key of several lines have no other name than what they are.
    const isNamed = name.endsWith(": ");
    names.push(isNamed ? name.slice(0, -2) : line.trim());
    values.set(depth === 0 ? "" : names.join(" "), isNamed || depth === 0 ? value : line.trim());
  }
  return values;
}
