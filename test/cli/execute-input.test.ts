// What `graft execute` sends: INPUT, files and encodings, for typed and for raw state machines, without a cluster.
import { afterAll, beforeAll, describe, expect, test } from "bun:test";
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { decodeValue } from "../../src/adapters/cbor/value.ts";
import { type ExecuteRequest, payloadOf } from "../../src/cli/execute-input.ts";

const typed = { name: "kv", style: "typed", commands: ["put", "delete"], queries: ["get"] } as const;
const raw = { name: "counter", style: "raw", commands: [], queries: [] } as const;

let dir: string;
const file = (name: string, content: string | Uint8Array): string => {
  const path = join(dir, name);
  writeFileSync(path, content);
  return path;
};
beforeAll(() => {
  dir = mkdtempSync(join(tmpdir(), "graft-input-"));
});
afterAll(() => rmSync(dir, { recursive: true }));

type Typed = Partial<ExecuteRequest>;
const request = (given: Typed): ExecuteRequest => ({
  kind: "command",
  positionals: [],
  files: [],
  stdin: [],
  form: "plain",
  ...given,
});
const sent = async (given: Typed): Promise<unknown> => decodeValue(await payloadOf(request(given), typed));
const sentRaw = async (given: Typed): Promise<Uint8Array> => payloadOf(request(given), raw);
const bytes = (...values: readonly number[]): Uint8Array => new Uint8Array(values);

describe("a typed state machine takes [operation, input]", () => {
  test("JSON, with base64 for bytes", async () => {
    expect(
      await sent({ positionals: ["put", '{"key":"a","value":{"base64":"AP8="},"n":[1,null,{"x":1.5}]}'] }),
    ).toEqual(["put", { key: "a", value: bytes(0, 255), n: [1, null, { x: 1.5 }] }]);
    expect(await sent({ positionals: ["put", '"text"'] })).toEqual(["put", "text"]);
    expect(await sent({ positionals: ["put"] })).toEqual(["put", {}]);
  });

  test("a file that is not UTF-8 is refused", async () => {
    const latin = file("latin.sql", bytes(0x63, 0x61, 0x66, 0xe9));
    await expect(sent({ positionals: ["put"], files: [latin] })).rejects.toThrow(
      "--file: the input is not UTF-8, and nothing was sent; convert it first",
    );
  });

  test("files fill fields, beside INPUT or without it", async () => {
    const value = file("value", bytes(0, 255, 10));
    const wanted = ["put", { key: "a", value: bytes(0, 255, 10) }];
    expect(await sent({ positionals: ["put", '{"key":"a"}'], files: [`value=${value}`] })).toEqual(wanted);
    const both = await sent({ positionals: ["put"], files: [`value=${value}`, `key=${file("key", "a")}`] });
    expect(both).toEqual(["put", { key: bytes(97), value: bytes(0, 255, 10) }]);
  });

  test("a whole file is JSON, wherever it lies", async () => {
    expect(await sent({ positionals: ["put"], files: [file("input.json", '{"key":"b"}')] })).toEqual([
      "put",
      { key: "b" },
    ]);
    expect(await sent({ positionals: ["put"], files: [file("with=sign", '{"key":"c"}')] })).toEqual([
      "put",
      { key: "c" },
    ]);
  });

  test("--hex and --base64 say how the text of bytes is to be read", async () => {
    const hex = [`value=${file("hex", "00fF\n0a\n")}`];
    expect(await sent({ positionals: ["put"], files: hex, form: "hex" })).toEqual([
      "put",
      { value: bytes(0, 255, 10) },
    ]);
    const base64 = [`value=${file("base64", "AP8K\n")}`];
    expect(await sent({ positionals: ["put"], files: base64, form: "base64" })).toEqual([
      "put",
      { value: bytes(0, 255, 10) },
    ]);
  });

  test.each<[string, Typed, RegExp]>([
    ["no operation", {}, /which command\? kv has: put, delete/],
    [
      "a mistyped operation",
      { positionals: ["putt"] },
      /no command "putt" \(did you mean put\?\); kv has: put, delete/,
    ],
    ["a query as a command", { positionals: ["get"] }, /graft execute query get/],
    ["a command as a query", { kind: "query", positionals: ["put"] }, /graft execute command put/],
    ["INPUT that is not JSON", { positionals: ["put", "{key:1}"] }, /INPUT is not JSON .*single quotes/],
    ["broken base64", { positionals: ["put", '{"value":{"base64":"?"}}'] }, /"\?" is not base64/],
    [
      "a file that is not there",
      { positionals: ["put"], files: ["value=/nowhere"] },
      /cannot read \/nowhere \(ENOENT\)/,
    ],
    ["a field twice", { positionals: ["put", '{"value":"1"}'], files: ["value=/dev/null"] }, /"value" is given twice/],
    ["fields of what has none", { positionals: ["put", "[]"], files: ["value=/dev/null"] }, /JSON object/],
    ["the input twice", { positionals: ["put", "{}"], files: ["/dev/null"] }, /more than once/],
    ["a prototype's name", { positionals: ["put", '{"__proto__":1}'] }, /cannot be sent/],
  ])("refused: %s", async (_, given, problem) => {
    await expect(sent(given)).rejects.toThrow(problem);
  });
});

describe("a state machine with one operation", () => {
  const sql = { name: "sql", style: "typed", commands: ["execute"], queries: ["query"] } as const;
  const sentTo = async (given: Typed): Promise<unknown> => decodeValue(await payloadOf(request(given), sql));

  test("needs no name of it, and takes text as it is", async () => {
    expect(await sentTo({ positionals: ["DELETE FROM a"] })).toEqual(["execute", "DELETE FROM a"]);
    expect(await sentTo({ kind: "query", positionals: ["SELECT 1"] })).toEqual(["query", "SELECT 1"]);
    expect(await sentTo({ files: [file("demo.sql", "-- ü\nSELECT 1;\n")] })).toEqual(["execute", "-- ü\nSELECT 1;\n"]);
  });

  test("takes JSON and fields without its name, too", async () => {
    const input = { sql: "SELECT ?", params: [1] };
    expect(await sentTo({ positionals: [JSON.stringify(input)] })).toEqual(["execute", input]);
    expect(await sentTo({ positionals: ['{"params":[1]}'], files: [`sql=${file("one.sql", "SELECT ?")}`] })).toEqual([
      "execute",
      { sql: new Uint8Array(Buffer.from("SELECT ?")), params: [1] },
    ]);
    expect(await sentTo({ positionals: ["execute", JSON.stringify(input)] })).toEqual(["execute", input]);
  });

  test.each<[string, Typed, RegExp]>([
    ["a mistyped operation", { positionals: ["exekute"] }, /sql has no command "exekute" \(did you mean execute\?\)/],
    ["a mistyped operation with its input", { positionals: ["exe cute", "{}"] }, /sql has no command "exe cute"/],
    ["nothing", {}, /which command\? sql has: execute/],
    ["broken JSON", { positionals: ['{"sql": '] }, /INPUT is not JSON/],
    ["text with the name", { positionals: ["execute", "SELECT 1"] }, /INPUT is not JSON/],
  ])("%s is refused", async (_, given, message) => {
    await expect(sentTo(given)).rejects.toThrow(message);
  });
});

describe("a raw state machine takes bytes as they are", () => {
  test("text, files and encodings", async () => {
    expect(await sentRaw({ positionals: ["add 5"] })).toEqual(Buffer.from("add 5"));
    expect(await sentRaw({ positionals: ["00ff"], form: "hex" })).toEqual(bytes(0, 255));
    expect(await sentRaw({ positionals: ["AP8="], form: "base64" })).toEqual(bytes(0, 255));
    expect(await sentRaw({ files: [file("raw", bytes(1, 2, 0))] })).toEqual(Buffer.from([1, 2, 0]));
    expect(await sentRaw({ kind: "query" })).toHaveLength(0);
  });

  test.each<[string, Typed, RegExp]>([
    ["nothing", {}, /give INPUT/],
    ["an operation", { positionals: ["add", "5"] }, /no named operations.*quote INPUT/],
    ["a field", { files: ["value=/dev/null"] }, /there are no fields/],
    ["two inputs", { positionals: ["x"], files: ["/dev/null"] }, /only one of them/],
    ["half a byte", { positionals: ["0"], form: "hex" }, /not hexadecimal/],
  ])("refused: %s", async (_, given, problem) => {
    await expect(sentRaw(given)).rejects.toThrow(problem);
  });
});
