// What cannot be sent or read as a payload, and the two forms that bytes have in JSON.
import { describe, expect, test } from "bun:test";
import {
  bytesOfBase64,
  bytesOfHex,
  decodeResult,
  encodeOperation,
  fromJson,
  toJson,
} from "../../src/client/typed-payload.ts";

const bytes = (...values: readonly number[]): Uint8Array => new Uint8Array(values);

describe("JSON stands for bytes in two forms", () => {
  test.each([
    [bytes(), ""],
    [bytes(0x61, 0x0a), "a\n"],
    [bytes(0xc3, 0xbc), "ü"],
    [bytes(0xef, 0xbb, 0xbf, 0x61), "\ufeffa"],
    [bytes(0xff), { base64: "/w==" }],
    [bytes(0xc3), { base64: "ww==" }],
    [bytes(0xed, 0xa0, 0x80), { base64: "7aCA" }],
  ])("%p is shown as %p", (value, json) => {
    expect(toJson(value)).toEqual(json);
    expect(toJson({ inner: [value, null, 1.5, true] })).toEqual({ inner: [json, null, 1.5, true] });
  });

  test('{"base64": …} becomes bytes, and nothing else does', () => {
    expect(fromJson({ value: [{ base64: "AP8=" }] })).toEqual({ value: [bytes(0, 255)] });
    const others = [{ base64: 1 }, { base64: "AA==", other: 1 }, {}, "AA==", [], null];
    for (const other of others) expect(fromJson(other)).toEqual(other);
    expect(() => fromJson({ base64: "A" })).toThrow("not base64");
    expect(() => fromJson({ base64: "AA*=" })).toThrow("not base64");
  });
});

test("bytes are read whole, or refused with the text that they are not", () => {
  expect([bytesOfHex(""), bytesOfHex("0aFF"), bytesOfBase64("AP8="), bytesOfBase64("")]).toEqual([
    bytes(),
    bytes(0x0a, 0xff),
    bytes(0, 255),
    bytes(),
  ]);
  for (const text of ["0", "0g", "0x0a", "0a "]) {
    expect(() => bytesOfHex(text)).toThrow(`${JSON.stringify(text)} is not hexadecimal`);
  }
  for (const text of ["A", "AP8", "AP8=A", "=AP8", "AP8=\n", "A==="]) {
    expect(() => bytesOfBase64(text)).toThrow(`${JSON.stringify(text)} is not base64`);
  }
  expect(() => bytesOfHex("z".repeat(40))).toThrow(`"${"z".repeat(40)}" is not`);
  expect(() => bytesOfHex("z".repeat(41))).toThrow(`"${"z".repeat(40)}…" is not`);
});

test("what cannot be sent is rejected before it is, and what is no result is said to be none", () => {
  const half = { code: "rejected", message: expect.stringContaining("the input of put"), cause: expect.any(Error) };
  expect(() => encodeOperation("put", { half: "\ud800" })).toThrow(expect.objectContaining(half));
  for (const [of, effect] of [
    ["command", "done"],
    ["query", "none"],
  ] as const) {
    const lost = { code: "result-lost", subject: of, effect, cause: expect.any(Error) };
    expect(() => decodeResult(bytes(0xff), of)).toThrow(expect.objectContaining(lost));
  }
});

test("bytes that are part of a larger buffer are shown without what lies around them", () => {
  const larger = new Uint8Array([1, 2, 0xff, 0xfe, 3, 4]);
  expect(toJson(larger.subarray(2, 4))).toEqual({ base64: "//4=" });
});
