// Plugins that the simulation knows nothing of: those that are right hold, and each that is wrong in one way is caught, by what it does wrong.
import { afterAll, beforeAll, describe, expect, test } from "bun:test";
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { defineRawStateMachine, defineStateMachine, Rejected, SnapshotMap, v } from "graft";
import { checkDefinition } from "../../src/adapters/plugin/definition-check.ts";
import { installDeterminismGuard } from "../../src/adapters/plugin/determinism-guard.ts";
import { locatePlugin } from "../../src/adapters/plugin/loader.ts";
import { Drawing } from "../../src/sim/draw-input.ts";
import { loadSimulated } from "../../src/sim/plugin-copies.ts";
import { simulateWhole } from "../../src/sim/simulate.ts";
import { Violation } from "../../src/sim/violation.ts";
import { Whereabouts } from "../../src/sim/whereabouts.ts";
import { fileNameOf, shownFiles } from "../plugin-pages.ts";

installDeterminismGuard();

const root = join(import.meta.dir, "../..");
const events = 5000;
let folder = "";
/** The plugins that the pages for authors show. */
const examples = shownFiles
  .map((block) => ({ name: fileNameOf(block), code: block.text }))
  .filter(({ name }) => !name.endsWith(".test.ts"));

beforeAll(() => {
  folder = mkdtempSync(join(tmpdir(), "graft-any-plugin-"));
  for (const { name, code } of examples) writeFileSync(join(folder, name), code);
});
afterAll(() => rmSync(folder, { recursive: true, force: true }));

/** The first violation among some seeds; null: they hold. */
function violationOf(definition: unknown, seeds: number): string | null {
  const plugin = checkDefinition(definition);
  const drawing = new Drawing(plugin, "planted.ts", new Whereabouts());
  for (let seed = 1; seed <= seeds; seed++) {
    try {
      simulateWhole({ seed, plugin, drawing, events });
    } catch (error) {
      if (!(error instanceof Violation)) throw error;
      return error.details;
    }
  }
  return null;
}

describe("a plugin that is right holds", () => {
  const paths = [...examples.map(({ name }) => name), join(root, "plugins/kv"), join(root, "plugins/counter")];
  test("there are some", () => expect(paths.length).toBeGreaterThan(4));
  for (const path of paths) {
    test(
      path.replace(`${root}/`, ""),
      async () => {
        const { plugin, copy, drawing, whyShared } = await loadSimulated(locatePlugin(path, folder), new Whereabouts());
        expect(whyShared).toBeNull();
        const sum = { answers: 0, restores: 0 };
        for (let seed = 1; seed <= 4; seed++) {
          const result = simulateWhole({ seed, plugin, copy: copy!, drawing: drawing!, events });
          sum.answers += result.answers;
          sum.restores += result.restores;
        }
        // Each plugin has more than 300 with these seeds. A new draw may give one of them a theme in which a single client asks now and then.
        expect(sum.answers).toBeGreaterThan(200);
      },
      60_000,
    );
  }
});

const named = { name: "planted", version: "1.0.0" };
const by = v.object({ by: v.pipe(v.number(), v.integer()) });
const add = { input: by, apply: (state: { n: number }, input: { by: number }) => (state.n += input.by) };
const ask = { input: v.null(), answer: ({ n }: { n: number }) => n };
let outside = 0;

const planted: Readonly<Record<string, readonly [definition: unknown, caughtBy: RegExp]>> = {
  "a result that depends on what other lives did": [
    defineStateMachine({
      ...named,
      create: () => ({ n: 0 }),
      commands: { add: { input: by, apply: () => ++outside } },
      queries: { ask },
    }),
    /^a command has different outcomes/,
  ],
  "a refusal that depends on what other lives did": [
    defineStateMachine({
      ...named,
      create: () => ({ n: 0 }),
      commands: {
        add: {
          input: by,
          apply() {
            if (++outside % 7 === 0) throw new Rejected("the seventh");
            return 0;
          },
        },
      },
      queries: { ask },
    }),
    /^a command is rejected on one node and not on another/,
  ],
  "a state that create does not make anew": [
    defineStateMachine({ ...named, create: () => ({ n: ++outside }), commands: { add }, queries: { ask } }),
    /^the states of two nodes differ[^]*before the first entry[^]*in: \.n/,
  ],
  "a snapshot that lacks a field": [
    defineStateMachine({
      ...named,
      create: () => ({ n: 0, times: 0 }),
      snapshot: ({ n }) => [n],
      restore: (state, n) => void (state.n = n),
      commands: { add: { input: by, apply: (state, input) => [(state.n += input.by), ++state.times].length } },
      queries: { ask },
    }),
    /^the states of two nodes differ[^]*in: \.times/,
  ],
  "a field that only queries can see, and that a snapshot lacks": [
    defineStateMachine({
      ...named,
      create() {
        let hidden = 0;
        return { n: 0, count: () => ++hidden, hidden: () => hidden };
      },
      snapshot: ({ n }) => [n],
      restore: (state, n) => void (state.n = n),
      commands: { add: { input: by, apply: (state, input) => [(state.n += input.by), state.count()].length } },
      queries: { hidden: { input: v.null(), answer: (state) => state.hidden() } },
    }),
    /^two nodes answer the same query of the same state differently[^]*the query: hidden null/,
  ],
  "a restore that does not put back what the snapshot says": [
    defineRawStateMachine({
      ...named,
      create() {
        let bytes: Uint8Array = new Uint8Array();
        return {
          apply: (command) => (bytes = command),
          query: () => new Uint8Array(),
          snapshot: () => [bytes],
          restore: (piece) => void (bytes = piece.slice(1)),
        };
      },
    }),
    /^two nodes take different snapshots/,
  ],
  "a restore that fails": [
    defineStateMachine({
      ...named,
      create: () => ({ n: 0 }),
      snapshot: ({ n }) => [n],
      restore(state, n) {
        if (n !== 0) throw new TypeError("not now");
        state.n = n;
      },
      commands: { add },
      queries: { ask },
    }),
    /^a snapshot cannot be restored[^]*TypeError: not now/,
  ],
  "a snapshot that fails": [
    defineStateMachine({
      ...named,
      create: () => ({ n: 0 }),
      snapshot({ n }): number[] {
        if (n > 3) throw new TypeError("too much");
        return [n];
      },
      restore: (state, n) => void (state.n = n),
      commands: { add },
      queries: { ask },
    }),
    /^a snapshot fails[^]*TypeError: too much/,
  ],
  "a snapshot that changes the state": [
    defineStateMachine({
      ...named,
      create: () => ({ n: 0 }),
      snapshot: (state) => [++state.n],
      restore: (state, n) => void (state.n = n),
      commands: { add },
      queries: { ask },
    }),
    /^a snapshot changes the state|^the states of two nodes differ/,
  ],
  "a snapshot that shows the living state": [
    defineStateMachine({
      ...named,
      create: () => ({ n: 0, more: new SnapshotMap<string, number>() }),
      snapshot: (state) => ({
        *[Symbol.iterator]() {
          yield state.n;
        },
      }),
      restore: (state, n) => void (state.n = n),
      commands: { add },
      queries: { ask },
    }),
    /^the states of two nodes differ[^]*in: \.n/,
  ],
  "a query that changes the state": [
    defineStateMachine({
      ...named,
      create: () => ({ n: 0, asked: 0 }),
      commands: { add },
      queries: { ask: { input: v.null(), answer: (state) => ++state.asked } },
    }),
    /^a query changes the state[^]*the query: ask null[^]*in: \.asked/,
  ],
  "a refused command that changes the state": [
    defineStateMachine({
      ...named,
      create: () => ({ n: 0 }),
      commands: {
        add: {
          input: by,
          apply(state, input) {
            state.n += input.by;
            if (state.n < 0) throw new Rejected("too little");
            return state.n;
          },
        },
      },
      queries: { ask },
    }),
    /^a command that is refused changes the state[^]*in: \.n/,
  ],
  "a command that fails": [
    defineStateMachine({
      ...named,
      create: () => ({ n: 0 }),
      commands: {
        add: {
          input: by,
          apply(_, input) {
            if (input.by === 10) throw new TypeError("ten");
            return 0;
          },
        },
      },
      queries: { ask },
    }),
    /^the state machine stops\n {2}at entry \d+: add \{"by":10\}[^]*TypeError: ten/,
  ],
  "a query that fails": [
    defineStateMachine({
      ...named,
      create: () => ({ n: 0 }),
      commands: { add },
      queries: { ask: { input: v.null(), answer: ({ n }) => BigInt(n / 2).toString() } },
    }),
    /^a query fails[^]*the query: ask null/,
  ],
  "a result that cannot be sent": [
    defineStateMachine({
      ...named,
      create: () => ({ n: 0 }),
      commands: { add: { input: by, apply: () => new Map() } },
      queries: { ask },
    }),
    /^a result cannot be sent/,
  ],
};

describe("a plugin that is wrong is caught", () => {
  for (const [title, [definition, caughtBy]] of Object.entries(planted)) {
    test(title, () => expect(violationOf(definition, 60)).toMatch(caughtBy), 120_000);
  }
});

test("what a raw plugin answers and writes is shown as text, where it is text", () => {
  const raw = (snapshot: () => readonly Uint8Array[], more: () => string): unknown => {
    const create = () => ({
      apply: () => Buffer.from(`applied${more()}`),
      query: (query: Uint8Array) => query,
      snapshot,
      restore: () => {},
    });
    return defineRawStateMachine({ name: "raw", version: "1", create });
  };
  let calls = 0;
  const outcomes = violationOf(
    raw(
      () => [],
      () => ` ${++calls}`,
    ),
    5,
  );
  expect(outcomes).toMatch(
    /^a command has different outcomes on two nodes\n.*\n {2}\w+(?: in life \d)?: "applied \d+"\n/,
  );
  const snapshots = violationOf(
    raw(
      () => [Buffer.from(`has ${++calls}`)],
      () => "",
    ),
    5,
  );
  expect(snapshots).toMatch(/^(?:two nodes take different snapshots|a snapshot changes)[^]*: "has \d+"/);
});

test("a module that cannot be run in copies is shared by all nodes, and that is said", async () => {
  writeFileSync(
    join(folder, "awaits.ts"),
    `import { defineStateMachine, v } from "graft";
     const first = await Promise.resolve(1);
     export default defineStateMachine({ name: "awaits", version: "1", create: () => ({ n: first }), queries: {},
       commands: { add: { input: v.number(), apply: (state, by) => (state.n += by) } } });`,
  );
  const { plugin, copy, drawing, whyShared } = await loadSimulated(
    locatePlugin("awaits.ts", folder),
    new Whereabouts(),
  );
  expect(whyShared).toContain("await");
  expect(copy).toBeNull();
  expect(simulateWhole({ seed: 1, plugin, drawing: drawing!, events: 1000 }).answers).toBeGreaterThan(5);
});

test("a query may look at the clock", () => {
  const clock = defineStateMachine({
    ...named,
    create: () => ({ n: 0 }),
    commands: { add },
    queries: {
      ask,
      now: { input: v.null(), answer: () => Date.now() },
      chance: { input: v.null(), answer: () => Math.random() },
    },
  });
  expect(violationOf(clock, 3)).toBeNull();
});
