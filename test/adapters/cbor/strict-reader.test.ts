// The reader against cbor-x: what both accept means the same to both, and what the reader refuses the walk refuses too.
import { expect, test } from "bun:test";
import { Encoder } from "cbor-x/encode";
import { BadFrame } from "../../../src/adapters/cbor/bad-frame.ts";
import { encodeFrame } from "../../../src/adapters/cbor/codec.ts";
import { plainOptions } from "../../../src/adapters/cbor/plain-cbor.ts";
import { checkStrict } from "../../../src/adapters/cbor/strict-cbor.ts";
import type { StrictLimits } from "../../../src/adapters/cbor/strict-cursor.ts";
import { readStrict } from "../../../src/adapters/cbor/strict-reader.ts";
import { encodeValue } from "../../../src/adapters/cbor/value.ts";
import { Draw } from "./draw.ts";
import { kinds, names } from "./frame-generator.ts";

const limits: StrictLimits = { depthMax: 32, itemsMax: 100_000, mapKeysMax: 4096, floats: true };
const cborX = new Encoder({ ...plainOptions, mapsAsObjects: true });

function outcomeOf(work: () => unknown): unknown {
  try {
    return work();
  } catch (error) {
    if (error instanceof BadFrame) return error.message;
    throw error;
  }
}

/** By the walk and cbor-x, as what is not read in one pass. */
const walkedThenDecoded = (bytes: Uint8Array): unknown =>
  outcomeOf(() => {
    checkStrict(bytes, limits);
    return cborX.decode(bytes);
  });

function expectSame(bytes: Uint8Array): void {
  expect(outcomeOf(() => readStrict(bytes, limits))).toStrictEqual(walkedThenDecoded(bytes));
}

test.each(names)("%s", (name) => {
  for (let seed = 0; seed < 100; seed++) expectSame(encodeFrame(kinds[name][1](new Draw(seed))).slice(4));
});

test("bytes that begin as an item does, and go on anyhow", () => {
  let accepted = 0;
  for (let seed = 0; seed < 30_000; seed++) {
    const draw = new Draw(seed);
    const bytes = Uint8Array.from({ length: 1 + draw.below(12) }, () =>
      draw.pick([draw.below(256), draw.below(24), 0x61, 0x82, 0xa1]),
    );
    expectSame(bytes);
    if (typeof outcomeOf(() => readStrict(bytes, limits)) !== "string") accepted++;
  }
  expect(accepted).toBeGreaterThan(500);
});

test("floats of each width", () => {
  for (const hex of [
    "f93c00",
    "f97e00",
    "f90001",
    "f9fc00",
    "fa3fc00000",
    "fa7f800000",
    "fb3ff8000000000000",
    "fbfff0000000000000",
  ]) {
    expectSame(new Uint8Array(Buffer.from(hex, "hex")));
    // Behind other bytes, and in front of others.
    expectSame(new Uint8Array(Buffer.from(`0082${hex}00`, "hex")).subarray(1));
  }
});

test("texts that look like the one before are not taken for it", () => {
  const texts = [
    "",
    "a",
    "ab",
    "aab",
    "abb",
    "acb",
    "a b",
    "b",
    "aXXXb",
    "aYYYb",
    "x".repeat(24),
    "x".repeat(25),
    "é",
    "aéb",
  ];
  for (const one of texts)
    for (const other of texts) {
      const value = [one, other, { [one]: other, [`${other}.`]: one }, one];
      expect(readStrict(encodeValue(value), limits)).toStrictEqual(value);
    }
});

test("a text that is kept for later does not live in the bytes that it came in", () => {
  const bytes = encodeValue("kept-for-later");
  const first = readStrict(bytes, limits);
  bytes.fill(0x62, 1);
  expect([first, readStrict(bytes, limits)]).toEqual(["kept-for-later", "b".repeat(14)]);
});
