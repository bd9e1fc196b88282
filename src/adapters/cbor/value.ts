// Generic CBOR values: the payloads of typed state machines, `[operation, input]` and results. The same strict profile as
// for frames, with floats and maps added; cbor-x encodes and decodes.
import { decodePlainObjects, encodePlain, type PlainInput, plainView } from "./plain-cbor.ts";
import { checkStrict, type StrictLimits } from "./strict-cbor.ts";

/** Numbers are floats where they are not safe integers; a map's keys are texts, and `__proto__` is none of them. */
export type CborValue =
  null | boolean | number | string | Uint8Array | readonly CborValue[] | { readonly [key: string]: CborValue };

/** Arrays and maps within each other. */
export const valueDepthMax = 32;
/** Every item of a value counts, arrays, maps and keys included. */
export const valueItemsMax = 262_144;

/** Keys of one map. */
export const valueMapKeysMax = 4096;

const limits: StrictLimits = {
  depthMax: valueDepthMax,
  itemsMax: valueItemsMax,
  mapKeysMax: valueMapKeysMax,
  floats: true,
};

/**
 * Throws `BadFrame` unless `bytes` is exactly one value of the profile. Byte strings are copies, maps plain objects.
 */
export function decodeValue(bytes: Uint8Array): CborValue {
  const view = plainView(bytes);
  checkStrict(view, limits);
  return decodePlainObjects(view) as CborValue;
}

/**
 * What `decodeValue` gives back. A property that is undefined is left out, as JSON does it.
 * Throws `TypeError` for what has no place in the profile: other classes, functions, cycles and whatever nests deeper
 * than `valueDepthMax`, texts with half a surrogate pair or a byte order mark in front, and more items or keys than the
 * limits above.
 */
export function encodeValue(value: CborValue): Uint8Array {
  return encodePlain(new Preparation().item(value, 0));
}

/** Makes of a value what cbor-x writes in the profile: maps for objects, BigInt for integers beyond 32 bits. */
class Preparation {
  #itemsLeft = valueItemsMax;

  item(value: unknown, depth: number): PlainInput {
    if (--this.#itemsLeft < 0) throw new TypeError(`a value of more than ${valueItemsMax} items`);
    switch (typeof value) {
      case "boolean":
        return value;
      case "number":
        return Number.isSafeInteger(value) && !fitsHead32(value) ? BigInt(value) : value;
      case "string":
        return text(value);
      case "object":
        return this.#object(value, depth);
      default:
        throw new TypeError(`a value that CBOR does not carry: ${typeof value}`);
    }
  }

  #object(value: object | null, depth: number): PlainInput {
    if (value === null) return null;
    if (value instanceof Uint8Array) return plainView(value);
    if (depth === valueDepthMax) throw new TypeError(`a value nested deeper than ${valueDepthMax}`);
    if (Array.isArray(value)) return Array.from(value, (each) => this.item(each, depth + 1));
    const prototype: unknown = Object.getPrototypeOf(value);
    if (prototype !== Object.prototype && prototype !== null)
      throw new TypeError("a value that CBOR does not carry: an object of a class");
    const map = new Map<string, PlainInput>();
    for (const [key, each] of Object.entries(value)) {
      if (each === undefined) continue;
      if (key === "__proto__") throw new TypeError("a value with a key that is not allowed: __proto__");
      this.#itemsLeft--;
      map.set(text(key), this.item(each, depth + 1));
    }
    if (map.size > valueMapKeysMax) throw new TypeError(`a map of more than ${valueMapKeysMax} keys`);
    return map;
  }
}

/** Integers that cbor-x writes as integers; larger ones it would write as floats. */
const fitsHead32 = (value: number): boolean => value >= -0x1_0000_0000 && value < 0x1_0000_0000;

function text(value: string): string {
  if (!value.isWellFormed()) throw new TypeError("a text with half of a surrogate pair");
  if (value.startsWith("\ufeff")) throw new TypeError("a text that begins with a byte order mark: send it as bytes");
  return value;
}
