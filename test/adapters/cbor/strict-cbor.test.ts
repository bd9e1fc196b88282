// The strict profile, rule by rule: what one item of CBOR from outside may look like, for the walk and for the reader alike.
import { expect, test } from "bun:test";
import { BadFrame } from "../../../src/adapters/cbor/bad-frame.ts";
import { checkStrict } from "../../../src/adapters/cbor/strict-cbor.ts";
import type { StrictLimits } from "../../../src/adapters/cbor/strict-cursor.ts";
import { readStrict } from "../../../src/adapters/cbor/strict-reader.ts";

const forFrames: StrictLimits = { depthMax: 3, itemsMax: 10, mapKeysMax: 0, floats: false };
const forValues: StrictLimits = { depthMax: 3, itemsMax: 10, mapKeysMax: 3, floats: true };
const bytesOf = (hex: string): Uint8Array => new Uint8Array(Buffer.from(hex.replaceAll(" ", ""), "hex"));

/** What both throw, or null. */
function fault(hex: string, limits: StrictLimits): string | null {
  const ofWalk = faultOf(() => checkStrict(bytesOf(hex), limits));
  expect(faultOf(() => readStrict(bytesOf(hex), limits))).toBe(ofWalk);
  return ofWalk;
}

function faultOf(work: () => unknown): string | null {
  try {
    work();
    return null;
  } catch (error) {
    if (error instanceof BadFrame) return error.message;
    throw error;
  }
}

test.each([
  ["0", "00"],
  ["23", "17"],
  ["24", "18 18"],
  ["255", "18 ff"],
  ["256", "19 0100"],
  ["65536", "1a 00010000"],
  ["2^32", "1b 0000000100000000"],
  ["2^53 - 1", "1b 001fffffffffffff"],
  ["-1", "20"],
  ["-25", "38 18"],
  ["-(2^53 - 1)", "3b 001ffffffffffffe"],
  ["an empty byte string", "40"],
  ["a byte string", "42 ff00"],
  ["a text", "63 616263"],
  ["a text beyond ASCII", "66 61 c3a9 e282ac"],
  ["a text beyond the basic plane", "64 f09f9c82"],
  ["false, true and null", "83 f4 f5 f6"],
  ["arrays as deep as allowed", "81 81 80"],
])("%s is in the profile of frames", (_, hex) => {
  expect(fault(hex, forFrames)).toBeNull();
});

const wrongEverywhere: readonly (readonly [what: string, hex: string, fault: string])[] = [
  ["nothing", "", "truncated"],
  ["a head without its number", "19 01", "truncated"],
  ["a second item", "00 00", "bytes after the end of the item"],
  ["23 in two bytes", "18 17", "a number that is not in its shortest form"],
  ["255 in three bytes", "19 00ff", "a number that is not in its shortest form"],
  ["65535 in five bytes", "1a 0000ffff", "a number that is not in its shortest form"],
  ["2^32 - 1 in nine bytes", "1b 00000000ffffffff", "a number that is not in its shortest form"],
  ["the length of a text not in its shortest form", "78 01 61", "a number that is not in its shortest form"],
  ["2^53", "1b 0020000000000000", "an integer beyond 2^53"],
  ["the largest integer of CBOR", "1b ffffffffffffffff", "an integer beyond 2^53"],
  ["-2^53", "3b 001fffffffffffff", "an integer beyond 2^53"],
  ["a length beyond 2^53", "5b ffffffffffffffff", "an integer beyond 2^53"],
  ["a byte string of indefinite length", "5f 41 00 ff", "an indefinite length"],
  ["a text of indefinite length", "7f 61 61 ff", "an indefinite length"],
  ["an array of indefinite length", "9f 00 ff", "an indefinite length"],
  ["a map of indefinite length", "bf 61 61 00 ff", "an indefinite length"],
  ["a break", "ff", "a simple value of no meaning"],
  ["a reserved head", "1c", "a reserved head"],
  ["a byte string longer than what is there", "44 000000", "a length beyond the end"],
  ["a text longer than what is there", "63 6161", "a length beyond the end"],
  ["an array longer than what is there", "83 0000", "a length beyond the end"],
  ["a tag", "c0 00", "a tag"],
  ["a big integer", "c2 49 010000000000000000", "a tag"],
  ["cbor-x's records", "d9 dfff 83 19 e000 80 00", "a tag"],
  ["undefined", "f7", "undefined"],
  ["a simple value", "e0", "a simple value of no meaning"],
  ["a simple value in two bytes", "f8 ff", "a simple value of no meaning"],
  ["a text that is not UTF-8", "61 ff", "a text that is not UTF-8"],
  ["a text that ends in the middle of a character", "62 61c3", "a text that is not UTF-8"],
  ["a character in more bytes than it needs", "62 c080", "a text that is not UTF-8"],
  ["half of a surrogate pair", "63 eda080", "a text that is not UTF-8"],
  ["a character beyond Unicode", "64 f4908080", "a text that is not UTF-8"],
  ["a text that begins with a byte order mark", "64 efbbbf 61", "a text that begins with a byte order mark"],
  ["an array nested too deeply", "81 81 81 80", "nested too deeply"],
  ["one item too many", "8a 00000000000000000000", "too many items"],
  ["one item too many in an inner array", "82 81 00 87 00000000000000", "too many items"],
];

test.each(wrongEverywhere)("%s is refused", (_, hex, message) => {
  expect(fault(hex, forFrames)).toBe(message);
});

test.each(wrongEverywhere)("%s is refused in values, too", (_, hex, message) => {
  expect(fault(hex, forValues)).toBe(message);
});

test.each([
  ["a map", "a1 61 61 00", "a map"],
  ["an empty map", "a0", "a map"],
  ["a float of 16 bits", "f9 3c00", "a float"],
  ["a float of 32 bits", "fa 3fc00000", "a float"],
  ["a float of 64 bits", "fb 3ff8000000000000", "a float"],
])("%s is for values, not for frames", (_, hex, message) => {
  expect(fault(hex, forFrames)).toBe(message);
  expect(fault(hex, forValues)).toBeNull();
});

test.each([
  ["a key twice", "a2 61 61 00 61 61 01", "a map with a key twice"],
  ["a key that is a number", "a1 00 00", "a map with a key that is not text"],
  ["a key that is a byte string", "a1 41 61 00", "a map with a key that is not text"],
  ["a key that is not UTF-8", "a1 61 ff 00", "a text that is not UTF-8"],
  ["a key named __proto__", "a1 69 5f5f70726f746f5f5f a0", "a map with a key that is not allowed"],
  ["a map longer than what is there", "a2 61 61 00", "a length beyond the end"],
  ["a map without its last value", "a1 61 61", "truncated"],
  ["a key too many", "a4 61 61 00 61 62 00 61 63 00 61 64 00", "too many keys"],
  ["a float cut short", "fb 3ff80000", "a length beyond the end"],
  ["maps nested too deeply", "a1 61 61 a1 61 61 a1 61 61 a0", "nested too deeply"],
])("in a value, %s is refused", (_, hex, message) => {
  expect(fault(hex, forValues)).toBe(message);
});
