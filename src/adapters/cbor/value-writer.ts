// Writes any value of the strict profile, and refuses what has no place in it. Why not cbor-x: docs/decisions/wire-encoding.md.
// The limits are those of value.ts.
import { ItemBytes, major } from "./item-bytes.ts";

const byteNull = 0xf6;
const byteTrue = 0xf5;
const byteFalse = 0xf4;
const byteFloat64 = 0xfb;

export interface ValueLimits {
  readonly depthMax: number;
  /** Every item of a value counts, arrays, maps and keys included. */
  readonly itemsMax: number;
  readonly mapKeysMax: number;
}

/** One value at a time, into a buffer that is used again for the next. */
export class ValueWriter {
  readonly #limits: ValueLimits;
  readonly #out = new ItemBytes();
  #itemsLeft = 0;

  constructor(limits: ValueLimits) {
    this.#limits = limits;
  }

  /** Forgets what was written. */
  start(): void {
    this.#out.reset();
    this.#itemsLeft = this.#limits.itemsMax;
  }

  /** What was written since `start`: a view, good until the next one. */
  view(): Uint8Array {
    return this.#out.view();
  }

  /** Throws `TypeError` for what is no value; what was written is of no use then. `depth`: how many items it is within. */
  item(value: unknown, depth: number): void {
    this.#count();
    switch (typeof value) {
      case "boolean":
        return this.#out.byte(value ? byteTrue : byteFalse);
      case "number":
        return this.#number(value);
      case "string":
        return this.#text(value);
      case "object":
        return this.#object(value, depth);
      default:
        throw new TypeError(`a value that CBOR does not carry: ${typeof value}`);
    }
  }

  #number(value: number): void {
    if (!Number.isSafeInteger(value)) {
      this.#out.byte(byteFloat64);
      this.#out.float(value);
    } else if (value < 0) this.#out.head(major.negative, -1 - value);
    else this.#out.head(major.uint, value);
  }

  #text(value: string): void {
    if (!value.isWellFormed()) throw new TypeError("a text with half of a surrogate pair");
    if (value.startsWith("\ufeff")) throw new TypeError("a text that begins with a byte order mark: send it as bytes");
    this.#out.text(value);
  }

  #object(value: object | null, depth: number): void {
    if (value === null) return this.#out.byte(byteNull);
    if (value instanceof Uint8Array) {
      this.#out.head(major.bytes, value.byteLength);
      return this.#out.put(value);
    }
    if (depth === this.#limits.depthMax) throw new TypeError(`a value nested deeper than ${depth}`);
    if (Array.isArray(value)) return this.#array(value, depth);
    const prototype: unknown = Object.getPrototypeOf(value);
    if (prototype === Object.prototype || prototype === null) return this.#map(value, depth);
    throw new TypeError("a value that CBOR does not carry: an object of a class");
  }

  #array(value: readonly unknown[], depth: number): void {
    this.#out.head(major.array, value.length);
    // A hole is read as undefined, and refused.
    for (const each of value) this.item(each, depth + 1);
  }

  #map(value: object, depth: number): void {
    const entries = Object.entries(value).filter(([, each]) => each !== undefined);
    const { mapKeysMax } = this.#limits;
    this.#out.head(major.map, entries.length);
    for (const [key, each] of entries) {
      if (key === "__proto__") throw new TypeError("a value with a key that is not allowed: __proto__");
      this.#count();
      this.#text(key);
      this.item(each, depth + 1);
    }
    if (entries.length > mapKeysMax) throw new TypeError(`a map of more than ${mapKeysMax} keys`);
  }

  #count(): void {
    if (--this.#itemsLeft < 0) throw new TypeError(`a value of more than ${this.#limits.itemsMax} items`);
  }
}
