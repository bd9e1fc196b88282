// Where a plugin is looked for, and what is said about one that cannot be used: always its absolute path and the problem.
import { afterAll, beforeAll, describe, expect, test } from "bun:test";
import { mkdir, mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { createInlineStateMachine } from "../../../src/adapters/plugin/inline-host.ts";
import { loadPlugin, locatePlugin } from "../../../src/adapters/plugin/loader.ts";
import { createWorkerStateMachine } from "../../../src/adapters/plugin/worker-host.ts";

const RAW = `
import { defineRawStateMachine } from "graft";
export default defineRawStateMachine({
  name: "raw", version: "1", create: () => ({ apply: (bytes: Uint8Array) => bytes, query: (bytes: Uint8Array) => bytes }),
});`;

const typed = (fields: string) => `
import { defineStateMachine, v } from "graft";
export default { ...defineStateMachine({ name: "t", version: "1", create: () => 0, commands: {}, queries: {} }), ${fields} };`;

let folder = "";
beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), "graft-loader-"));
  await mkdir(join(folder, "empty"));
  const files: Readonly<Record<string, string>> = {
    "one.ts": RAW,
    "two.js": RAW.replaceAll(": Uint8Array", ""),
    "index-folder/index.ts": RAW,
    "main-folder/package.json": '{"main": "./lib/machine.ts"}',
    "main-folder/lib/machine.ts": RAW,
    "with-library/index.ts": `import library from "library";\n${RAW.replace('"raw"', "library.name")}`,
    "with-library/node_modules/library/package.json": '{"name": "library", "exports": "./main.js"}',
    "with-library/node_modules/library/main.js": 'module.exports = { name: "named by its library" };',
    "counter/index.ts": RAW,
    "lost-main/package.json": '{"main": "nowhere.ts"}',
    "bad-manifest/package.json": "{",
    "machine.py": "pass",
    "broken.ts": "export default {\n  name: 5 5,\n};",
    "throws.ts": 'throw new Error("not today");',
    "no-library.ts": 'import nothing from "a-package-nobody-wrote"; export default nothing;',
    "wrong-import.ts": 'import { nothing } from "graft"; export default nothing;',
    "no-default.ts": "export const machine = 5;",
    "number.ts": "export default 5;",
    "plain.ts": "export default { create() {} };",
    "no-name.ts": typed('name: ""'),
    "no-version.ts": typed("version: 5"),
    "long-version.ts": typed(`version: "${"1".repeat(129)}"`),
    "two-lines.ts": typed('name: "one\\ntwo"'),
    "no-create.ts": typed("create: undefined"),
    "no-commands.ts": typed("commands: undefined"),
    "no-apply.ts": typed("commands: { put: { input: v.null() } }"),
    "bad-answer.ts": typed('queries: { get: { input: v.null(), answer: "x" } }'),
    "no-schema.ts": typed('queries: { get: { input: "string", answer: () => 1 } }'),
    "no-instance.ts": RAW.replace(/create: .*\}\),/, "create: () => 5,"),
    "no-query.ts": RAW.replace(/, query: .* \}\),/, " }),"),
    "create-throws.ts": typed('create() { throw new Error("no state today"); }'),
    "create-waits.ts": typed("async create() {}"),
    "create-dates.ts": typed("create: () => new Date()"),
    "no-restore.ts": typed("snapshot: () => []"),
    "no-snapshot.ts": typed("restore() {}"),
    "bad-restore.ts": typed("snapshot: () => [], restore: 5"),
    "late-snapshot.ts": typed("*snapshot() {}, restore() {}"),
    "raw-no-restore.ts": RAW.replace(" }),", ", snapshot: () => [] }),"),
    "raw-late-snapshot.ts": RAW.replace(" }),", ", *snapshot() {}, restore() {} }),"),
    "exits.ts": "process.exit(3);",
  };
  await Promise.all(Object.entries(files).map(([name, text]) => Bun.write(join(folder, name), text)));
});
afterAll(() => rm(folder, { recursive: true }));

describe("a plugin is found", () => {
  test.each([
    ["one.ts", "raw"],
    ["./two.js", "raw"],
    ["index-folder", "raw"],
    ["main-folder", "raw"],
    ["with-library", "named by its library"],
    ["kv", "kv"],
    ["counter", "counter"],
    ["./counter", "raw"],
  ])("%s", async (plugin, name) => {
    expect((await loadPlugin(locatePlugin(plugin, folder))).name).toBe(name);
  });

  test("by an absolute path, wherever Graft runs", async () => {
    expect((await loadPlugin(locatePlugin(join(folder, "one.ts"), "/"))).name).toBe("raw");
  });
});

/** `PATH` stands for the plugin's absolute path. */
const unusable: readonly (readonly [string, string])[] = [
  ["nowhere", "PATH cannot be used: it does not exist (these ship with Graft: counter, kv, lock, queue, sql)"],
  ["./nowhere.ts", "PATH cannot be used: it does not exist"],
  ["empty", "PATH cannot be used: the folder has no index.ts or index.js or index.mts or index.mjs"],
  ["lost-main", "PATH cannot be used: the folder has no nowhere.ts"],
  ["bad-manifest", "PATH/package.json cannot be used: it is not JSON: "],
  ["machine.py", "PATH cannot be used: it is not one of .ts, .js, .mts, .mjs"],
  ["broken.ts", 'PATH cannot be used: it does not parse: Expected "}" but found "5" (PATH:2:'],
  ["throws.ts", "PATH cannot be used: it does not load: not today"],
  ["no-library.ts", "PATH cannot be used: it does not load: Cannot find package 'a-package-nobody-wrote'"],
  ["wrong-import.ts", "PATH cannot be used: it does not load: Export named 'nothing' not found in module 'graft'"],
  ["no-default.ts", "PATH cannot be used: it has no default export"],
  ["number.ts", "PATH cannot be used: its default export is not a state machine"],
  ["plain.ts", "PATH cannot be used: its default export is not a state machine"],
  ["no-name.ts", "PATH cannot be used: its name is not a string of 1 to 128 printable characters"],
  ["no-version.ts", "PATH cannot be used: its version is not a string of 1 to 128 printable characters"],
  ["long-version.ts", "PATH cannot be used: its version is not a string of 1 to 128 printable characters"],
  ["two-lines.ts", "PATH cannot be used: its name is not a string of 1 to 128 printable characters"],
  ["no-create.ts", "PATH cannot be used: it lacks the function create"],
  ["no-commands.ts", "PATH cannot be used: its commands are missing"],
  ["no-apply.ts", "PATH cannot be used: it lacks the function commands.put.apply"],
  ["bad-answer.ts", "PATH cannot be used: queries.get.answer is not a function"],
  ["no-schema.ts", "PATH cannot be used: queries.get.input is not a schema"],
  ["no-instance.ts", "PATH cannot be used: its create() returns no object with apply and query"],
  ["no-query.ts", "PATH cannot be used: it lacks the function query of what create() returns"],
  ["no-restore.ts", "PATH cannot be used: it lacks the function restore, which belongs to snapshot"],
  ["no-snapshot.ts", "PATH cannot be used: it lacks the function snapshot, which belongs to restore"],
  ["bad-restore.ts", "PATH cannot be used: restore, which belongs to snapshot is not a function"],
  ["late-snapshot.ts", "PATH cannot be used: snapshot is a generator function, whose body begins when"],
  ["raw-no-restore.ts", "PATH cannot be used: it lacks the function restore of what create() returns, which belongs"],
  ["raw-late-snapshot.ts", "PATH cannot be used: snapshot of what create() returns is a generator function"],
  ["create-throws.ts", "PATH cannot be used: its create() failed: no state today"],
  ["create-waits.ts", "PATH cannot be used: its create() failed: create returned a Promise"],
  ["create-dates.ts", "PATH cannot be used: its create() failed: new Date() inside apply: the nodes would differ"],
];

describe.each([
  ["inline", createInlineStateMachine],
  ["worker", createWorkerStateMachine],
])("a plugin that cannot be used says so before anything starts (%s)", (_, create) => {
  test.each(unusable)("%s", async (plugin, message) => {
    const told = await (async () => create([locatePlugin(plugin, folder)]))().then(
      () => "it was used",
      (error: unknown) => error,
    );
    expect(told).toMatchObject({ name: "GraftError", code: "plugin" });
    expect((told as Error).message).toStartWith(`The plugin ${message.replaceAll("PATH", join(folder, plugin))}`);
  });
});

test("a plugin that ends its thread while it loads is a plugin that cannot be used", async () => {
  const path = join(folder, "exits.ts");
  const told = await createWorkerStateMachine([locatePlugin(path, "/")]).then(
    () => "it was used",
    (error: unknown) => error,
  );
  expect(told).toMatchObject({ code: "plugin", message: `The plugin ${path} cannot be used: it ended its thread` });
});
