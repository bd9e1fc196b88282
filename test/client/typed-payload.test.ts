// What a typed client sends and reads, and the two forms that bytes have in JSON.
import { describe, expect, test } from "bun:test";
import type kv from "../../plugins/kv/index.ts";
import { decodeValue, encodeValue } from "../../src/adapters/cbor/value.ts";
import type { GraftClient } from "../../src/client/client.ts";
import { typedClient } from "../../src/client/typed-client.ts";
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
  for (const text of ["A", "AP8", "AP8=A", "=AP8", "AP8=\n"]) {
    expect(() => bytesOfBase64(text)).toThrow(`${JSON.stringify(text)} is not base64`);
  }
  expect(() => bytesOfHex("z".repeat(40))).toThrow(`"${"z".repeat(40)}" is not`);
  expect(() => bytesOfHex("z".repeat(41))).toThrow(`"${"z".repeat(40)}…" is not`);
});

test("what cannot be sent is rejected before it is, and what is no result is said to be none", () => {
  expect(() => encodeOperation("put", { half: "\ud800" })).toThrow(expect.objectContaining({ code: "rejected" }));
  expect(() => decodeResult(bytes(0xff), "command")).toThrow(
    expect.objectContaining({ code: "result-lost", effect: "done" }),
  );
});

test("a typed client sends [name, input] and reads results; its types are the plugin's", async () => {
  const sent: unknown[] = [];
  const answer = async (payload: Uint8Array): Promise<unknown> => {
    sent.push(decodeValue(payload));
    return { payload: encodeValue({ created: true }), index: 7, term: 2 };
  };
  const client = typedClient<typeof kv>({ command: answer, query: answer } as unknown as GraftClient);
  const { result, index, term } = await client.command("put", { key: "a", value: "1" });
  const created: boolean = result.created;
  expect([created, index, term]).toEqual([true, 7, 2]);
  const got: Uint8Array | null = (await client.query("get", { key: "a" })).result;
  expect(got).not.toBeNull();
  expect(sent).toEqual([
    ["put", { key: "a", value: "1" }],
    ["get", { key: "a" }],
  ]);
  // @ts-expect-error: there is no such command
  const noCommand = client.command("get", { key: "a" });
  // @ts-expect-error: a key is a text
  const noText = client.query("get", { key: 1 });
  await Promise.all([noCommand, noText]);
});
