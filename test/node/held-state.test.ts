// A state on disk is used only where it is a state of this node's log, not older than the snapshot.
import { expect, test } from "bun:test";
import type { PlacedActivation, PluginVersion } from "../../src/core/activation.ts";
import { genesisConfiguration } from "../../src/core/genesis.ts";
import { emptiedAt, type LogTerms } from "../../src/core/log-terms.ts";
import { whyNotHeld } from "../../src/node/held-state.ts";
import { unprovenOrigin } from "../../src/node/own-copy.ts";
import type { HeldState } from "../../src/ports/state-machine.ts";
import { at, genesisOf, n1, snapshotAt } from "../core/say.ts";

const plugin = (version: string, hash = "ab"): PluginVersion => ({ name: "p", version, hash: hash.repeat(32) });
const placed = (index: number, version: string, hash = "ab", replaces = false): PlacedActivation => ({
  position: at(index, 1),
  plugin: plugin(version, hash),
  replaces,
});
const configuration = { position: at(0, 0), configuration: genesisConfiguration(genesisOf(n1)) };

/** Term 1 through 10, term 3 through 20. Version 1 from entry 2 on, version 2 from entry 12 on. */
const log: LogTerms = {
  ...emptiedAt(snapshotAt(at(0, 0), n1)),
  configurations: [configuration],
  last: at(20, 3),
  termStarts: [at(1, 1), at(11, 3)],
  activations: [placed(2, "1"), placed(12, "2")],
};
const held: HeldState = {
  reached: { index: 15, term: 3, timeMs: 150 },
  plugin: plugin("2"),
  owner: "disk1",
  origin: "disk1",
  wakeAtMs: null,
};
/** Taken of the same copy. */
const snapshotTo = (index: number, term: number) => ({ ...snapshotAt(at(index, term), n1), origin: "disk1" });
const versions = ["1", "2"].map((version) => ({ ...plugin(version), snapshots: true }));
const state = { log, commitIndex: 8, snapshot: null };
const holder = { incarnation: "disk1", state, versions };

test("a state of the log is used, though nobody has said again that it is committed", () => {
  expect(whyNotHeld(held, holder)).toBeNull();
  const at10 = { ...held, reached: { index: 10, term: 1, timeMs: 100 }, plugin: plugin("1") };
  expect(whyNotHeld(at10, { ...holder, state: { ...state, snapshot: snapshotTo(10, 1) } })).toBeNull();
  expect(whyNotHeld({ ...held, reached: { index: 20, term: 3, timeMs: 200 } }, holder)).toBeNull();
});

test("an activation itself belongs to the version that it names", () => {
  const reached = { index: 12, term: 3, timeMs: 120 };
  expect(whyNotHeld({ ...held, reached }, holder)).toBeNull();
  expect(whyNotHeld({ ...held, reached, plugin: plugin("1") }, holder)).not.toBeNull();
});

test("other code stands for the code that it replaces", () => {
  const activations = [placed(2, "1"), placed(14, "1", "cd", true)];
  const other = { ...held, plugin: plugin("1", "cd"), reached: { index: 15, term: 3, timeMs: 150 } };
  const replaced = { ...state, log: { ...log, activations } };
  const atHand = [{ ...plugin("1", "cd"), snapshots: true }];
  expect(whyNotHeld(other, { ...holder, state: replaced, versions: atHand })).toBeNull();
});

test.each<readonly [what: string, Partial<HeldState>, Partial<typeof holder>, string]>([
  ["another incarnation", { owner: "disk2" }, {}, "another incarnation of this node has written it"],
  ["a state that was found wrong", { origin: unprovenOrigin }, {}, "it was found wrong"],
  [
    "a state of another copy than the snapshot",
    { origin: "disk2" },
    { state: { ...state, snapshot: snapshotTo(10, 1) as unknown as null } },
    "the snapshot is that of another copy",
  ],
  [
    "a state of a copy that was found wrong when only its snapshot could be marked",
    {},
    { state: { ...state, snapshot: { ...snapshotTo(10, 1), origin: unprovenOrigin } as unknown as null } },
    "the snapshot is that of another copy",
  ],
  [
    "a state older than the snapshot",
    {},
    { state: { ...state, snapshot: snapshotTo(16, 3) as unknown as null } },
    "it ends at 15, and the snapshot at 16",
  ],
  [
    "a state beyond the log's end",
    { reached: { index: 21, term: 3, timeMs: 0 } },
    {},
    "it ends at 21, and the log at 20",
  ],
  [
    "a state of another history",
    { reached: { index: 15, term: 2, timeMs: 0 } },
    {},
    "it ends at 15 in term 2, where the log has term 3",
  ],
  [
    "a state of another version than the active one",
    { plugin: plugin("1") },
    {},
    "p 1 (abababababab) has written it, and p 2 (abababababab) is active there",
  ],
  [
    "a state of a version that is active and not at hand",
    {},
    { versions: [versions[0]!] },
    "p 2 (abababababab) has written it, and p 2 (abababababab) is active there",
  ],
])("P27: not used: %s", (_, part, surroundings, reason) => {
  expect(whyNotHeld({ ...held, ...part }, { ...holder, ...surroundings })).toBe(reason);
});

test("a state is not used that has an entry in it which a decision behind it skips", () => {
  const skipping = (entry: number, decidedAt: number): typeof state => {
    const decision = { ...placed(decidedAt, "2"), skips: entry };
    const activations = [...log.activations, decision];
    return { ...state, log: { ...log, activations } };
  };
  const refused = "it has entry 14 in it, which an administrator has skipped";
  expect(whyNotHeld(held, { ...holder, state: skipping(14, 18) })).toBe(refused);
  // The node may hear later that the decision is committed. A state that ends behind the decision was made under it, and the snapshot keeps what it has.
  expect(whyNotHeld(held, { ...holder, state: skipping(15, 16) })).not.toBeNull();
  expect(whyNotHeld(held, { ...holder, state: skipping(14, 15) })).toBeNull();
  expect(whyNotHeld(held, { ...holder, state: skipping(16, 18) })).toBeNull();
  const snapshot = snapshotTo(14, 3) as unknown as null;
  expect(whyNotHeld(held, { ...holder, state: { ...skipping(14, 18), snapshot } })).toBeNull();
});
