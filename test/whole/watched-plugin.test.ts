// While a function of a plugin runs, another thread can read which one it is, and what it was given.
import { expect, test } from "bun:test";
import { defineRawStateMachine, defineStateMachine, v } from "graft";
import { checkDefinition, type Plugin } from "../../src/adapters/plugin/definition-check.ts";
import { createExecutor } from "../../src/adapters/plugin/executor.ts";
import { encodeOperation } from "../../src/client/typed-payload.ts";
import { Chance } from "../../src/sim/chance.ts";
import { Drawing, drawOver } from "../../src/sim/draw-input.ts";
import { watchedPlugin } from "../../src/sim/watched-plugin.ts";
import { Whereabouts } from "../../src/sim/whereabouts.ts";

const whereabouts = new Whereabouts();
/** What another thread would read while each function runs. */
let seen: [called: string, work: string][] = [];

function note<Value>(called: string, value: Value): Value {
  const { isInPlugin, work } = new Whereabouts(whereabouts.shared).look();
  seen.push([called, isInPlugin ? work : "outside"]);
  return value;
}

/** Applies a command, asks a query, takes a snapshot and restores it. */
function walk(plugin: Plugin, command: Uint8Array, query: Uint8Array): void {
  const executor = createExecutor(watchedPlugin(plugin, whereabouts));
  const entry = { index: 1, term: 1, timeMs: 0, payload: command, isAwaited: true } as const;
  executor.apply({ kind: "command", ...entry, session: null });
  executor.query(query);
  const snapshot = executor.snapshot();
  const chunks: Uint8Array[] = [];
  for (let chunk = snapshot.read(); chunk !== null; chunk = snapshot.read()) chunks.push(chunk.slice());
  snapshot.close();
  const restoration = executor.restore(null);
  for (const chunk of chunks) restoration.write(chunk);
  restoration.end();
}

const typed = defineStateMachine({
  name: "typed",
  version: "1",
  create: () => note("create", { n: 0 }),
  snapshot: (state) => note("snapshot", [state]),
  restore: (state, item) => void note("restore", Object.assign(state, item)),
  commands: {
    add: {
      input: v.pipe(
        v.object({ by: v.number() }),
        v.check(() => note("schema", true)),
      ),
      example: () => note("example", { by: 1 }),
      apply: (state, { by }) => note("apply", (state.n += by)),
    },
  },
  queries: { ask: { input: v.null(), answer: ({ n }) => note("answer", n) } },
});

test("of a typed plugin: each function, and the command or query that it was given", () => {
  seen = [];
  walk(checkDefinition(typed), encodeOperation("add", { by: 2 }), encodeOperation("ask", null));
  expect(seen).toEqual([
    ["create", "create"],
    ["schema", 'the command add {"by":2}'],
    ["apply", 'the command add {"by":2}'],
    ["answer", "the query ask null"],
    ["snapshot", "snapshot"],
    ["create", "create"],
    ["restore", "restore"],
  ]);
  expect(whereabouts.look()).toMatchObject({ isInPlugin: false, work: "restore" });
});

test("of a raw plugin: each function, and the bytes that it was given", () => {
  seen = [];
  const raw = defineRawStateMachine({
    name: "raw",
    version: "1",
    create: () =>
      note("create", {
        apply: (command) => note("apply", command),
        query: (query) => note("query", query),
        snapshot: () => note("snapshot", [Uint8Array.of(1)]),
        restore: () => void note("restore", null),
      }),
  });
  walk(checkDefinition(raw), Buffer.from("add 1"), Uint8Array.of(255));
  expect(seen).toEqual([
    ["create", "create"],
    ["apply", 'the command "add 1"'],
    ["query", "the query 0xff"],
    ["snapshot", "snapshot"],
    ["create", "create"],
    ["restore", "restore"],
  ]);
});

test("the operation for which an example is drawn", () => {
  const drawing = new Drawing(checkDefinition(typed), "typed.ts", whereabouts);
  seen = [];
  drawing.payload("command", drawOver(new Chance(1)));
  expect(seen).toEqual([
    ["example", "the drawing of an input for the command add"],
    ["schema", "the drawing of an input for the command add"],
  ]);
});

test("a long input is cut, and a function that throws has ended", () => {
  const long = "é".repeat(2000);
  expect(() => whereabouts.during(long, () => JSON.parse("{"))).toThrow();
  const { work, isInPlugin } = whereabouts.look();
  expect([work.length, isInPlugin]).toEqual([500, false]);
  expect(long).toStartWith(work);
});

test("the seed, and whether the thread gets on", () => {
  const fresh = new Whereabouts();
  expect(fresh.look()).toMatchObject({ seed: null, steps: 0, isWorking: false, work: "" });
  fresh.beginSeed(0);
  fresh.expectSteps(true);
  const { steps, seed, isWorking } = fresh.look();
  expect([seed, isWorking]).toEqual([0, true]);
  fresh.step();
  expect(fresh.look().steps).toBe(steps + 1);
});
