// Generic CBOR values: the payloads of typed state machines, `[operation, input]` and results. The same strict profile as
// for frames, with floats and maps added. Decoding is in strict-reader.ts, encoding in value-writer.ts.
import { plainView } from "./plain-cbor.ts";
import type { StrictLimits } from "./strict-cursor.ts";
import { readStrict } from "./strict-reader.ts";
import { ValueWriter } from "./value-writer.ts";

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
  return readStrict(plainView(bytes), limits);
}

/**
 * What `decodeValue` gives back. A property that is undefined is left out, as JSON does it.
 * Throws `TypeError` for what has no place in the profile: other classes, functions, cycles and whatever nests deeper
 * than `valueDepthMax`, texts with half a surrogate pair or a byte order mark in front, and more items or keys than the
 * limits above.
 */
export function encodeValue(value: CborValue): Uint8Array {
  return encodeShared(value).slice();
}

/**
 * The same without a copy: what it returns is overwritten by the next value that is encoded, here or by `encodeValue`. For
 * millions of values in a row, whose copies would be garbage at once.
 */
export function encodeShared(value: CborValue): Uint8Array {
  writer.start();
  writer.item(value, 0);
  return writer.view();
}

const writer = new ValueWriter({ depthMax: valueDepthMax, itemsMax: valueItemsMax, mapKeysMax: valueMapKeysMax });
