// How are messages cut out of what a program writes, wherever a chunk ends? And what can they carry?
import { describe, expect, test } from "bun:test";
import { type CborValue, encodeValue, valueDepthMax } from "../../../src/adapters/cbor/value.ts";
import { BadMessage, type Framing, MessageReader, toMessage } from "../../../src/adapters/process/framing.ts";
import { applyRequest, askedOf } from "../../../src/adapters/process/requests.ts";

const messages: readonly CborValue[] = [
  { graft: 1 },
  { text: "ü\n{", bytes: Uint8Array.of(0, 10, 255), nothing: null, list: [1.5, -1, true, []] },
  { large: "x".repeat(5_000) },
  { bytes: new Uint8Array() },
];

describe.each(["json", "cbor"] as const)("in %s", (framing: Framing) => {
  test.each([1, 2, 3, 7, 1_000, 100_000])("messages come whole out of chunks of %i bytes", (size) => {
    const bytes = Buffer.concat(messages.map((message) => toMessage(message, framing)));
    const reader = new MessageReader();
    const read: CborValue[] = [];
    for (let at = 0; at < bytes.length; at += size) read.push(...reader.read(bytes.subarray(at, at + size)));
    expect(read).toEqual([...messages]);
    expect(reader.framing).toBe(framing);
  });
});

test("JSON has no place for numbers that are none, nor for an object that would be read as bytes", () => {
  expect(() => toMessage([Number.NaN], "json")).toThrow("JSON has no number NaN");
  expect(() => toMessage([{ $bytes: "" }], "json")).toThrow("kept for bytes");
  expect(() => toMessage([{ $bytes: "", more: 1 }], "json")).not.toThrow();
});

test.each([
  ["no JSON", "{x}\n"],
  ["text that is not UTF-8", Buffer.from([123, 34, 255, 34, 58, 49, 125, 10])],
  ["lists within lists without end", `{"a":${"[".repeat(200_000)}\n`],
  ["bytes that are not base64", '{"a":{"$bytes":"a"}}\n'],
])("%s is no message", (_, line) => {
  expect(() => new MessageReader().read(Buffer.from(line))).toThrow(BadMessage);
});

test.each(["json", "cbor"] as const)("an input of the greatest depth goes to a program, in %s", (framing) => {
  let input: CborValue = 1;
  for (let depth = 0; depth < valueDepthMax - 1; depth++) input = [input];
  const payload = encodeValue(["put", input]);
  const hello = {
    name: "a",
    version: "1",
    style: "typed",
    commands: ["put"],
    queries: [],
    snapshots: false,
    wakes: false,
    examples: [],
  } as const;
  const asked = askedOf(payload, "command", hello, framing);
  expect(asked.kind).toBe("operation");
  const fields = asked.kind === "operation" ? asked.fields : {};
  const message = applyRequest([{ index: 1, ...fields }]);
  const reader = new MessageReader();
  reader.read(framing === "json" ? Buffer.from("{}\n") : Buffer.from([0, 0, 0, 1, 0xa0]));
  expect(reader.read(toMessage(message, framing))).toEqual([message]);
});
