// Where the log activates versions of the state machine: kept through appending, truncating, compacting and snapshots, and begun by the
// first leader of a cluster.
import { describe, expect, test } from "bun:test";
import { isPluginWord, isSamePlugin, type PlacedActivation, type PluginVersion } from "../../src/core/activation.ts";
import type { Entry } from "../../src/core/entry.ts";
import { activationAt, appended, compacted, emptiedAt, type LogTerms, truncated } from "../../src/core/log-terms.ts";
import { restore } from "../../src/core/restore.ts";
import type { State } from "../../src/core/state.ts";
import { follower, leader, saved, starting, take } from "./build.ts";
import { at, commands, n1, persisted, snapshotAt, tick } from "./say.ts";

const plugin = (version: string): PluginVersion => ({ name: "kv", version, hash: "ab".repeat(32) });
const activate = (index: number, version: string, replaces = false): Entry => ({
  kind: "activate",
  index,
  term: 1,
  stampMs: 1_000_000 + index,
  plugin: plugin(version),
  replaces,
});
const placed = (index: number, version: string, replaces = false): PlacedActivation => ({
  position: at(index, 1),
  plugin: plugin(version),
  replaces,
});

const messageBytesMax = 1024 * 1024;
/** Ten entries, of which the second and the sixth activate a version. */
const tenEntries: LogTerms = appended(
  follower().log,
  [...commands([1]), activate(2, "1"), ...commands([1, 1, 1], 3), activate(6, "2", true), ...commands([1, 1, 1, 1], 7)],
  messageBytesMax,
);

test("a log has its activations in order, each at its place", () => {
  expect(follower().log.activations).toEqual([]);
  expect(tenEntries.activations).toEqual([placed(2, "1"), placed(6, "2", true)]);
});

test.each([
  [1, null],
  [2, "1"],
  [5, "1"],
  [6, "2"],
  [10, "2"],
])("through %i the version %p is activated", (index, version) => {
  expect(activationAt(tenEntries, index)?.plugin.version ?? null).toBe(version);
});

test.each([
  [10, ["1", "2"]],
  [6, ["1", "2"]],
  [5, ["1"]],
  [2, ["1"]],
  [1, []],
  [0, []],
])("cut after %i it has %p", (through, versions) => {
  expect(truncated(tenEntries, through).activations.map((each) => each.plugin.version)).toEqual(versions);
});

test.each([
  [1, ["1", "2"]],
  [2, ["1", "2"]],
  [5, ["1", "2"]],
  [6, ["2"]],
  [9, ["2"]],
])("with the base %i it keeps what is active there, and what comes later: %p", (base, versions) => {
  expect(compacted(tenEntries, at(base, 1)).activations.map((each) => each.plugin.version)).toEqual(versions);
});

test.each([
  ["with the version that is active there", [placed(6, "2")]],
  ["without a version", []],
])("a snapshot that replaces the log begins it anew %s", (_, activations) => {
  const snapshot = { ...snapshotAt(at(20, 3)), activation: activations[0] ?? null };
  expect(emptiedAt(snapshot).activations).toEqual(activations);
});

test("a node that starts has those of its log, on the one that is active at its base", () => {
  const log = { activations: [placed(6, "2")] };
  const activationsOf = (baseActivation: PlacedActivation | null): readonly PlacedActivation[] =>
    restore({ ...saved({ log: [1, 1, 1, 1, 1, 1] }), ...log, baseActivation }, starting()).log.activations;
  expect(activationsOf(null)).toEqual([placed(6, "2")]);
  expect(activationsOf(placed(2, "1"))).toEqual([placed(2, "1"), placed(6, "2")]);
});

describe("a leader begins its term", () => {
  const begun = (part: Partial<State>): readonly (readonly [number, string])[] => {
    const asked = take({ ...follower({ members: [n1] }), ...part }, tick, 800)[0];
    const [{ role }, effects] = take(asked, persisted(1));
    expect(role.kind).toBe("leader");
    return effects.flatMap((effect) =>
      effect.kind === "appendLog" ? effect.entries.map(({ index, kind }) => [index, kind] as const) : [],
    );
  };

  test("with its version behind the noop, when its log has none", () => {
    expect(begun({ plugin: plugin("1") })).toEqual([
      [1, "noop"],
      [2, "activate"],
    ]);
  });

  test("without one, when its log has one, or when it names none", () => {
    const { log } = follower({ members: [n1] });
    const active = { ...log, activations: [placed(0, "1")] };
    expect(begun({ plugin: plugin("2"), log: active })).toEqual([[1, "noop"]]);
    expect(begun({ plugin: null })).toEqual([[1, "noop"]]);
  });
});

test("what an administrator proposes becomes an entry", () => {
  const proposed = { kind: "activate", ref: 1, plugin: plugin("2"), replaces: true } as const;
  const [{ log }] = take(leader(), { kind: "propose", proposals: [proposed] });
  expect(log.activations).toEqual([{ position: log.last, plugin: plugin("2"), replaces: true }]);
});

test("what skips an entry names the version that is active at its place, whichever was when it was asked for", () => {
  const rolledOut = { kind: "activate", ref: 1, plugin: plugin("2"), replaces: true } as const;
  const skips = { kind: "activate", ref: 2, plugin: plugin("1"), replaces: false, skips: 1 } as const;
  const [together] = take(leader(), { kind: "propose", proposals: [rolledOut, skips] });
  const [first] = take(leader(), { kind: "propose", proposals: [rolledOut] });
  const [apart] = take(first, { kind: "propose", proposals: [skips] });
  for (const { log } of [together, apart]) {
    expect(log.activations.at(-1)).toEqual({ position: log.last, plugin: plugin("2"), replaces: true, skips: 1 });
  }
});

describe("two versions are the same", () => {
  const one = plugin("1");
  test.each([
    [{}, true],
    [{ name: "other" }, false],
    [{ version: "2" }, false],
    [{ hash: "cd".repeat(32) }, false],
  ])("with %p beside each other: %p", (part, isSame) => {
    expect(isSamePlugin(one, { ...one, ...part })).toBe(isSame);
  });
});

test.each([
  ["1.0.0-rc.1", true],
  ["größer", true],
  ["", false],
  ["1".repeat(128), true],
  ["1".repeat(129), false],
  ["1\n2", false],
  ["1\u202e", false],
  ["\ud800", false],
])("%p may be a plugin's version: %p", (text, may) => {
  expect(isPluginWord(text)).toBe(may);
});
