// What `graft dev` suggests: commands and queries that the plugin takes.
import { afterEach, beforeEach, describe, expect, test } from "bun:test";
import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { createExecutor } from "../../src/adapters/plugin/executor.ts";
import { loadPlugin, locatePlugin } from "../../src/adapters/plugin/loader.ts";
import { type Examples, examplesOf } from "../../src/check/examples.ts";

let folder = "";
beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), "graft-examples-"));
});
afterEach(() => rm(folder, { recursive: true }));

async function examplesFor(plugin: string): Promise<Examples> {
  const { description } = createExecutor(await loadPlugin(locatePlugin(plugin, folder)));
  return examplesOf({ plugins: [plugin], directory: folder, ...description });
}

async function write(text: string): Promise<string> {
  await Bun.write(join(folder, "machine.ts"), text);
  return "./machine.ts";
}

const typed = (commands: string, queries = ""): string => `import { defineStateMachine, v } from "graft";
  export default defineStateMachine({ name: "machine", version: "1", create: () => ({}), commands: {${commands}}, queries: {${queries}} });`;

describe("the plugins that ship", () => {
  test.each([
    ["kv", "put", "get", ["key"]],
    ["lock", "acquire", "holder", ["name"]],
    ["queue", "send", "counts", ["queue"]],
  ])("%s: a query asks for what the command has changed", async (plugin, command, query, shared) => {
    const examples = await examplesFor(plugin);
    const [[sent, input = ""], [asked, question = ""]] = [examples.command!, examples.query!];
    expect([sent, asked]).toEqual([command, query]);
    const [given, wanted] = [JSON.parse(input), JSON.parse(question)] as Record<string, unknown>[];
    for (const field of shared) expect([field, wanted![field]]).toEqual([field, given![field]]);
    for (const value of Object.values(given!)) expect(String(value)).toMatch(/^[\w@.:-]+$/);
  });

  test("counter: a text, and a query without input", async () => {
    expect(await examplesFor("counter")).toEqual({ command: [expect.stringMatching(/^add -?\d+$/)], query: [] });
  });
});

test("sql: a script that needs no other one before it, and a query for what it has written", async () => {
  const { command, query } = await examplesFor("sql");
  expect(command).toEqual([expect.stringMatching(/^CREATE TABLE note \(n\); INSERT INTO note VALUES \(\d\)$/)]);
  expect(query).toEqual(["SELECT * FROM note"]);
});

test("an operation without input is named alone", async () => {
  const plugin = await write(typed("next: { input: v.object({}), apply: () => 1 }"));
  expect(await examplesFor(plugin)).toEqual({ command: ["next"], query: null });
});

test("the first operation of the plugin is shown, with an input of any kind", async () => {
  const plugin = await write(
    typed(
      "b: { input: v.number(), apply: () => 1 }, a: { input: v.object({ n: v.number() }), apply: () => 1 }",
      "q: { input: v.array(v.string()), answer: () => 1 }",
    ),
  );
  const { command, query } = await examplesFor(plugin);
  expect([command![0], typeof JSON.parse(command![1]!)]).toEqual(["b", "number"]);
  expect([query![0], Array.isArray(JSON.parse(query![1]!))]).toEqual(["q", true]);
});

test("bytes that nobody can type are written in hexadecimal", async () => {
  const plugin = await write(`import { defineRawStateMachine } from "graft";
    export default defineRawStateMachine({ name: "raw", version: "1",
      example: { command: () => new Uint8Array([0, 255]), query: () => new TextEncoder().encode("-x") },
      create: () => ({ apply: (bytes) => bytes, query: (bytes) => bytes }) });`);
  expect(await examplesFor(plugin)).toEqual({ command: ["--hex", "00ff"], query: ["--hex", "2d78"] });
});

test("an input that cannot be drawn, and an example that never returns, are errors of the plugin", async () => {
  const custom = await write(typed("set: { input: v.custom(() => true), apply: () => 1 }"));
  await expect(examplesFor(custom)).rejects.toMatchObject({ code: "plugin" });
  await Bun.write(
    join(folder, "endless.ts"),
    typed("set: { input: v.string(), example: () => { for (;;); }, apply: () => 1 }"),
  );
  await expect(examplesFor("./endless.ts")).rejects.toThrow("does not return");
}, 60_000);
