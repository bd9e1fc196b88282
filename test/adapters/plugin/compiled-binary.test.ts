// The compiled binary: an external plugin with its own node_modules finds "graft" in it, in the worker and inline, and the
// shipped ones are in it.
import { afterAll, beforeAll, expect, test } from "bun:test";
import { mkdtemp, readdir, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { compile } from "../../../build.ts";

const source = join(import.meta.dir, "../../../src/adapters");

const ENTRY = `
import { decodeValue, encodeValue } from "${source}/cbor/value.ts";
import { createInlineStateMachine } from "${source}/plugin/inline-host.ts";
import { locatePlugin } from "${source}/plugin/loader.ts";
import { createWorkerStateMachine } from "${source}/plugin/worker-host.ts";
const [plugin, operation] = process.argv.slice(2);
const results = [];
for (const create of [createInlineStateMachine, createWorkerStateMachine]) {
  const machine = await create([locatePlugin(plugin, process.cwd())]);
  const payload = encodeValue(JSON.parse(operation));
  const command = { kind: "command", index: 1, term: 1, timeMs: 0, payload, session: null, isAwaited: true };
  await machine.apply([command], ([outcome]) => {
    results.push(outcome.kind === "ok" ? decodeValue(outcome.payload) : outcome);
  });
  // The map that a plugin got from "graft" must be the one that the program knows: else it stays frozen, and refuses a second.
  (await machine.snapshot()).close();
  const bytes = await (await machine.snapshot()).read();
  const other = await create([locatePlugin(plugin, process.cwd())]);
  await other.restore(new Blob([bytes]).stream(), null);
  results.push(await (await other.snapshot()).read().then((again) => Buffer.compare(bytes, again)));
  await other.close();
  await machine.close();
}
console.log(JSON.stringify(results));
`;

const PLUGIN = `
import { bytes, defineStateMachine, Rejected, SnapshotMap, v } from "graft";
import { greet } from "greeter";
type Word = string;
export default defineStateMachine({
  name: "outside",
  version: "1.0.0",
  create: () => new SnapshotMap<Word, number>(),
  snapshot(state) {
    const entries = state.snapshot();
    return (function* () {
      yield* entries;
    })();
  },
  restore: (state, [word, count]) => void state.set(word, count),
  commands: {
    greet: {
      input: v.object({ whom: bytes() }),
      apply(state, { whom }) {
        if (whom.length === 0) throw new Rejected("nobody is there");
        const word = new TextDecoder().decode(whom);
        state.set(word, 1);
        return greet(word);
      },
    },
  },
  queries: {},
});
`;

let folder = "";
let binary = "";

beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), "graft-binary-"));
  binary = join(folder, "bin", "graft");
  const library = join(folder, "plugin/node_modules/greeter");
  await Promise.all([
    Bun.write(join(folder, "entry.ts"), ENTRY),
    Bun.write(join(folder, "plugin/index.ts"), PLUGIN),
    Bun.write(join(library, "package.json"), '{"name": "greeter", "exports": {".": "./lib/greet.js"}}'),
    Bun.write(join(library, "lib/greet.js"), 'export const greet = (whom) => "hello " + whom;'),
    // What lies around where the binary runs must not matter.
    Bun.write(join(folder, "bunfig.toml"), 'preload = ["./no-such-file.ts"]'),
  ]);
  await compile(join(folder, "entry.ts"), binary);
}, 60_000);
afterAll(() => rm(folder, { recursive: true }));

function run(plugin: string, operation: unknown): unknown {
  const { stdout, stderr, exitCode } = Bun.spawnSync([binary, plugin, JSON.stringify(operation)], { cwd: folder });
  if (exitCode !== 0) throw new Error(stderr.toString());
  return JSON.parse(stdout.toString());
}

test("is one file", async () => {
  expect(await readdir(join(folder, "bin"))).toEqual(["graft"]);
});

test("an external plugin runs with its own node_modules and the built-in API", () => {
  expect(run("plugin", ["greet", { whom: "world" }])).toEqual(["hello world", 0, "hello world", 0]);
  const refused = { kind: "rejected", message: "nobody is there" };
  expect(run("plugin", ["greet", { whom: "" }])).toEqual([refused, 0, refused, 0]);
});

test("a shipped plugin is in it", () => {
  const created = { created: true };
  expect(run("kv", ["put", { key: "a", value: "1" }])).toEqual([created, 0, created, 0]);
});
