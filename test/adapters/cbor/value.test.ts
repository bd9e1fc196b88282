// Values of typed state machines: what goes in comes out, in plain CBOR that any other library reads and writes.
import { describe, expect, test } from "bun:test";
import { BadFrame } from "../../../src/adapters/cbor/bad-frame.ts";
import {
  type CborValue,
  decodeValue,
  encodeShared,
  encodeValue,
  valueDepthMax,
  valueItemsMax,
  valueMapKeysMax,
} from "../../../src/adapters/cbor/value.ts";
import { Draw } from "./draw.ts";

const hexOf = (value: CborValue): string => Buffer.from(encodeValue(value)).toString("hex");
const fromHex = (hex: string): CborValue => decodeValue(Buffer.from(hex, "hex"));

/** Puts a value into so many arrays. */
function nested(value: CborValue, depth: number): CborValue {
  return depth === 0 ? value : nested([value], depth - 1);
}

/** A value with itself inside. */
function cycle(): CborValue {
  const value: CborValue[] = [];
  value.push(value);
  return value;
}

const manyKeys = (count: number): CborValue =>
  Object.fromEntries(Array.from({ length: count }, (_, i) => [`k${i}`, i]));

function drawValue(draw: Draw, depth: number): CborValue {
  const kind = draw.below(depth === 0 ? 7 : 9);
  if (kind === 0) return draw.pick([null, true, false]);
  if (kind === 1) return draw.uint(Number.MAX_SAFE_INTEGER);
  if (kind === 2) return -1 - draw.uint(Number.MAX_SAFE_INTEGER - 1);
  if (kind === 3) return draw.pick([0.5, -1.25, 1e300, 2 ** 53, -(2 ** 60), Infinity, Number.MIN_VALUE]);
  if (kind === 4) return draw.bytes();
  if (kind <= 6) return draw.printable().repeat(draw.pick([0, 1, 1, 5, 300]));
  if (kind === 7) return draw.list(5, () => drawValue(draw, depth - 1));
  return Object.fromEntries(draw.list(5, (each) => [`${draw.printable()}${each}`, drawValue(draw, depth - 1)]));
}

test("every value comes back as it was", () => {
  for (let seed = 0; seed < 3000; seed++) {
    const value = drawValue(new Draw(seed), 5);
    expect(decodeValue(encodeValue(value))).toStrictEqual(value);
  }
});

test.each([
  [0, "00"],
  [-1, "20"],
  [4_294_967_295, "1affffffff"],
  [4_294_967_296, "1b0000000100000000"],
  [-4_294_967_296, "3affffffff"],
  [-4_294_967_297, "3b0000000100000000"],
  [1_700_000_000_000, "1b0000018bcfe56800"],
  [Number.MAX_SAFE_INTEGER, "1b001fffffffffffff"],
  [Number.MIN_SAFE_INTEGER, "3b001ffffffffffffe"],
  [2 ** 53, "fb4340000000000000"],
  [1.5, "fb3ff8000000000000"],
  [["put", { key: "a", value: new Uint8Array([1]) }], "8263707574a2636b657961616576616c75654101"],
])("%j is %s on the wire", (value, hex) => {
  expect(hexOf(value)).toBe(hex);
  expect(fromHex(hex)).toStrictEqual(value);
});

test("what is encoded without a copy is the same, until the next value is", () => {
  for (let seed = 0; seed < 300; seed++) {
    const value = drawValue(new Draw(seed), 5);
    expect(Buffer.compare(encodeShared(value), encodeValue(value))).toBe(0);
  }
  const shared = encodeShared("first");
  const own = encodeValue("first");
  encodeValue("other");
  expect([decodeValue(shared), decodeValue(own)]).toEqual(["other", "first"]);
  expect(() => encodeValue([1, new Date(0)] as unknown as CborValue)).toThrow(TypeError);
  expect(hexOf([1])).toBe("8101");
});

test("floats of any width are read", () => {
  expect(fromHex("83f93e00fa3fc00000fb3ff8000000000000")).toEqual([1.5, 1.5, 1.5]);
  expect(fromHex("f97e00")).toBeNaN();
});

test("texts of every length of head, in one byte a character and in more", () => {
  for (const character of ["a", "\u007f", "\u0080", "é", "字", "🜂"])
    for (const length of [
      1, 7, 8, 11, 12, 23, 24, 31, 32, 63, 64, 85, 86, 127, 128, 255, 256, 21_845, 21_846, 65_536,
    ]) {
      const value = character.repeat(length);
      expect(decodeValue(encodeValue(value))).toBe(value);
    }
});

test("a property that is undefined is left out, and a bare object is an object", () => {
  expect(hexOf({ a: 1, b: undefined } as unknown as CborValue)).toBe(hexOf({ a: 1 }));
  expect(decodeValue(encodeValue(Object.assign(Object.create(null), { a: 1 })))).toStrictEqual({ a: 1 });
});

test("properties that objects have by birth can be keys, and change nothing", () => {
  const value = { constructor: "c", toString: 1, hasOwnProperty: null };
  expect(decodeValue(encodeValue(value as unknown as CborValue)) as unknown).toStrictEqual(value);
});

test("decoded byte strings are copies, and plain ones", () => {
  const bytes = Buffer.from(encodeValue([new Uint8Array([1, 2, 3])]));
  const decoded = decodeValue(bytes);
  bytes.fill(0);
  expect(decoded).toStrictEqual([new Uint8Array([1, 2, 3])]);
});

test.each<readonly [what: string, value: unknown, message: string]>([
  ["undefined", undefined, "undefined"],
  ["an array with a hole", [1, undefined], "undefined"],
  ["a function", () => 1, "function"],
  ["a symbol", Symbol("s"), "symbol"],
  ["a big integer", 1n, "bigint"],
  ["a date", new Date(0), "an object of a class"],
  ["a Map", new Map(), "an object of a class"],
  ["a Set", new Set(), "an object of a class"],
  ["another typed array", new Uint16Array(1), "an object of a class"],
  ["half of a surrogate pair", "a\ud800", "half of a surrogate pair"],
  ["half of a surrogate pair as a key", { "\udc00": 1 }, "half of a surrogate pair"],
  ["a byte order mark", "\ufeffa", "byte order mark"],
  ["a key that is not allowed", JSON.parse('{"__proto__": 1}'), "__proto__"],
  ["a value too deep", nested(1, valueDepthMax + 1), "nested deeper"],
  ["a cycle", cycle(), "nested deeper"],
  ["too many items", new Array(valueItemsMax).fill(0), "more than"],
  ["too many keys and values together", new Array(32).fill(manyKeys(valueMapKeysMax)), "more than"],
  ["too many keys", manyKeys(valueMapKeysMax + 1), "keys"],
])("%s cannot be encoded", (_, value, message) => {
  expect(() => encodeValue(value as CborValue)).toThrow(TypeError);
  expect(() => encodeValue(value as CborValue)).toThrow(message);
});

describe("what just about can be encoded can be decoded", () => {
  test.each<readonly [string, CborValue]>([
    ["depth", nested(1, valueDepthMax)],
    ["items", new Array<number>(valueItemsMax - 1).fill(0)],
    ["keys", manyKeys(valueMapKeysMax)],
  ])("%s", (_, value) => {
    expect(decodeValue(encodeValue(value))).toStrictEqual(value);
  });
});

test("P55: a mutated value is refused, or is a value that can be encoded again", () => {
  let refused = 0;
  for (let seed = 0; seed < 5000; seed++) {
    const draw = new Draw(seed);
    const bytes = encodeValue(drawValue(draw, 4)).slice();
    for (let times = draw.below(4); times >= 0; times--) bytes[draw.below(bytes.length)] = draw.below(256);
    try {
      const value = decodeValue(draw.below(4) === 0 ? bytes.subarray(0, draw.below(bytes.length)) : bytes);
      expect(decodeValue(encodeValue(value))).toStrictEqual(value);
    } catch (error) {
      if (!(error instanceof BadFrame)) throw error;
      refused++;
    }
  }
  expect(refused).toBeGreaterThan(1000);
});
