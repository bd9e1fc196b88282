// Frames made to hurt. Work is counted in bytes looked at, not in seconds: what is refused has cost no more than what
// was really there, and what is only claimed has cost nothing.
import { expect, test } from "bun:test";
import { BadFrame, decodeFrame, encodeFrame, type FrameContext } from "../../../src/adapters/cbor/codec.ts";
import type { Frame } from "../../../src/adapters/cbor/frames.ts";
import { frameBytesMax, frameDepthMax, frameLimits, termMax } from "../../../src/adapters/cbor/limits.ts";
import { checkStrict } from "../../../src/adapters/cbor/strict-cbor.ts";
import type { StrictLimits } from "../../../src/adapters/cbor/strict-cursor.ts";
import { readStrict } from "../../../src/adapters/cbor/strict-reader.ts";
import { valueDepthMax, valueItemsMax, valueMapKeysMax } from "../../../src/adapters/cbor/value.ts";
import { Draw } from "./draw.ts";
import { kinds, names } from "./frame-generator.ts";

const forAppend: StrictLimits = {
  depthMax: frameDepthMax,
  itemsMax: frameLimits.appendEntries.itemsMax,
  mapKeysMax: 0,
  floats: false,
};
const forValues: StrictLimits = {
  depthMax: valueDepthMax,
  itemsMax: valueItemsMax,
  mapKeysMax: valueMapKeysMax,
  floats: true,
};

interface Refusal {
  readonly fault: string;
  readonly bytesRead: number;
}

/** What was thrown and how many bytes were looked at: the same by the walk and by the reader. */
function walked(bytes: Uint8Array, limits: StrictLimits): Refusal {
  const refusal = refusalOf(checkStrict, bytes, limits);
  expect(refusalOf(readStrict, bytes, limits)).toEqual(refusal);
  return refusal;
}

function refusalOf(read: typeof checkStrict | typeof readStrict, bytes: Uint8Array, limits: StrictLimits): Refusal {
  let bytesRead = 0;
  const counting = new Proxy(bytes, {
    get(target, key) {
      if (typeof key === "string" && /^\d+$/.test(key)) bytesRead++;
      const value: unknown = Reflect.get(target, key, target);
      return typeof value === "function" ? value.bind(target) : value;
    },
  });
  try {
    read(counting, limits);
  } catch (error) {
    if (error instanceof BadFrame) return { fault: error.message, bytesRead };
    throw error;
  }
  throw new Error("nothing was refused");
}

const hex = (text: string): Uint8Array => new Uint8Array(Buffer.from(text, "hex"));
const mebibytes = (count: number, byte: number): Uint8Array => new Uint8Array(count * 1024 * 1024).fill(byte);

test.each([
  ["an array of 2^32 - 1 items", "9affffffff", "a length beyond the end"],
  ["an array of 2^53 - 1 items", "9b001fffffffffffff", "a length beyond the end"],
  ["a byte string of 4 GiB", "5affffffff", "a length beyond the end"],
  ["a text of 2^53 - 1 bytes", "7b001fffffffffffff", "a length beyond the end"],
  ["a map of 2^32 - 1 keys", "baffffffff", "a length beyond the end"],
  ["an integer of 64 bits", "1bffffffffffffffff", "an integer beyond 2^53"],
])("P55: %s with nothing behind it costs a handful of bytes", (_, text, fault) => {
  const found = walked(hex(text), forValues);
  expect(found.fault).toBe(fault);
  expect(found.bytesRead).toBeLessThan(12);
});

test("P55: sixteen million arrays within each other are left at the first that is too deep", () => {
  expect(walked(mebibytes(16, 0x81), forAppend)).toEqual({ fault: "nested too deeply", bytesRead: frameDepthMax + 1 });
  expect(walked(mebibytes(16, 0x81), forValues)).toEqual({ fault: "nested too deeply", bytesRead: valueDepthMax + 1 });
});

test("P55: sixteen million items in one array are refused at its head", () => {
  const bytes = mebibytes(16, 0xf6);
  bytes.set(hex("9a00fffff0"));
  expect(walked(bytes, forAppend)).toEqual({ fault: "too many items", bytesRead: 5 });
});

test("P55: many arrays that are each small enough run out of items together", () => {
  // Arrays of 255 nulls, one after the other in one array of as many as fit.
  const bytes = mebibytes(4, 0xf6);
  bytes.set(hex("993fff"));
  for (let at = 3; at + 2 < bytes.byteLength; at += 257) bytes.set([0x98, 0xff], at);
  const found = walked(bytes, forAppend);
  expect(found.fault).toBe("too many items");
  expect(found.bytesRead).toBeLessThan(2 * forAppend.itemsMax);
});

test("P55: a map of millions of keys is refused at its head, and so is one of a few too many", () => {
  const bytes = mebibytes(16, 0x60);
  bytes.set(hex("ba007ffff0"));
  expect(walked(bytes, forValues)).toEqual({ fault: "too many items", bytesRead: 5 });
  bytes.set(hex("b91001"));
  expect(walked(bytes, forValues)).toEqual({ fault: "too many keys", bytesRead: 3 });
});

test("P55: a key twice is found with the second of them", () => {
  const bytes = mebibytes(1, 0x60);
  bytes.set(hex("b91000"));
  const found = walked(bytes, forValues);
  expect(found.fault).toBe("a map with a key twice");
  expect(found.bytesRead).toBeLessThan(16);
});

test("P55: a frame larger than its kind may be is not even walked", () => {
  const body = mebibytes(1, 0x81);
  body.set(hex("8310"));
  expect(() => decodeFrame(body, "peer")).toThrow("longer than a message of its kind may be");
});

test("P55: before a hello is accepted a frame may claim 64 KiB and no more", () => {
  expect(frameBytesMax("hello")).toBe(64 * 1024);
  expect(frameBytesMax("request")).toBeLessThan(9 * 1024 * 1024);
  expect(frameBytesMax("reply")).toBeLessThan(9 * 1024 * 1024);
  expect(frameBytesMax("peer")).toBe(16 * 1024 * 1024);
});

const contexts: readonly [FrameContext, ...FrameContext[]] = ["hello", "peer", "bulk", "request", "reply"];

/** Changes, cuts, doubles or inserts a few bytes. */
function mutate(body: Uint8Array, draw: Draw): Uint8Array<ArrayBuffer> {
  let bytes = [...body];
  for (let times = 1 + draw.below(3); times > 0; times--) {
    const at = draw.below(bytes.length + 1);
    const byte = draw.bool()
      ? draw.below(256)
      : draw.pick([0x00, 0x18, 0x1b, 0x3b, 0x5a, 0x80, 0x9f, 0xa0, 0xc2, 0xf7, 0xff]);
    switch (draw.below(5)) {
      case 0:
        bytes[Math.max(0, at - 1)] = byte;
        break;
      case 1:
        bytes = bytes.slice(0, at);
        break;
      case 2:
        bytes.splice(at, 0, byte);
        break;
      case 3:
        bytes.splice(at, 1 + draw.below(4));
        break;
      default:
        bytes = [...bytes.slice(0, at), ...bytes.slice(draw.below(at + 1))];
    }
  }
  return Uint8Array.from(bytes);
}

/** What holds for every value of every message, whichever its schema. */
function expectSound(value: unknown, key: string): void {
  if (typeof value === "number") {
    expect(Number.isSafeInteger(value)).toBe(true);
    if (/term$/i.test(key)) expect(value).toBeLessThanOrEqual(termMax);
    if (key !== "priority") expect(value).toBeGreaterThanOrEqual(0);
  } else if (typeof value === "string") {
    expect(value.isWellFormed()).toBe(true);
    expect(value).not.toMatch(/\p{Cc}/u);
  } else if (value instanceof Uint8Array) {
    expect(value.buffer.byteLength).toBe(value.byteLength);
  } else if (typeof value === "object" && value !== null) {
    for (const [inner, each] of Object.entries(value)) expectSound(each, Array.isArray(value) ? key : inner);
  } else {
    expect(typeof value === "boolean" || value === null).toBe(true);
  }
}

/** The frame, or null when it is refused as it should be. */
function decodedOrNull(body: Uint8Array, context: FrameContext): Frame | null {
  try {
    return decodeFrame(body, context);
  } catch (error) {
    if (!(error instanceof BadFrame)) throw error;
    expect(error.message).toMatch(/^[\x20-\x7e]{1,100}$/);
    return null;
  }
}

test.each(names)("P55: %s, mutated, is refused, or is the one encoding of a sound frame", (name) => {
  const [context, drawFrame] = kinds[name];
  let refused = 0;
  let read = 0;
  for (let seed = 0; seed < 1500; seed++) {
    const draw = new Draw(seed);
    const body = mutate(encodeFrame(drawFrame(draw)).subarray(4), draw);
    const frame = decodedOrNull(body, draw.below(8) === 0 ? draw.pick(contexts) : context);
    if (frame === null) {
      refused++;
      continue;
    }
    read++;
    expectSound(frame, "");
    expect(encodeFrame(frame).slice(4)).toEqual(body);
  }
  expect(refused).toBeGreaterThan(100);
  expect(read).toBeGreaterThan(0);
});

test("P55: bytes without any sense are refused", () => {
  for (let seed = 0; seed < 20_000; seed++) {
    const draw = new Draw(seed);
    const body = Uint8Array.from({ length: draw.below(40) }, () => draw.below(256));
    const frame = decodedOrNull(body, draw.pick(contexts));
    if (frame !== null) expect(encodeFrame(frame).slice(4)).toEqual(body);
  }
});
