// Whether the list of rare states is complete, and whether counting them leaves a simulation as it is.
import { describe, expect, spyOn, test } from "bun:test";
import kv from "../../plugins/kv/index.ts";
import { checkDefinition } from "../../src/adapters/plugin/definition-check.ts";
import type { Member } from "../../src/sim/member.ts";
import { rareStates } from "../../src/sim/rare-states/all.ts";
import { features } from "../../src/sim/rare-states/rare-state.ts";
import { RareStateWatch } from "../../src/sim/rare-states/watch.ts";
import { simulateWhole } from "../../src/sim/simulate.ts";

describe("the rare states", () => {
  test("each pair of features meets in at least one", () => {
    const pairs = features.flatMap((one, at) => features.slice(at + 1).map((other) => [one, other] as const));
    const missing = pairs.filter(
      (pair) => !rareStates.some((each) => pair.every((one) => each.features.includes(one))),
    );
    expect(missing).toEqual([]);
  });

  test("have names of their own", () => {
    const names = rareStates.map(({ name }) => name);
    expect(names.filter((name, at) => names.indexOf(name) !== at)).toEqual([]);
  });

  test("are counted without a change of the transcript", () => {
    const run = { seed: 6, plugin: checkDefinition(kv), events: 3000 };
    const counted = simulateWhole(run);
    const happens = spyOn(RareStateWatch.prototype, "happens").mockImplementation(() => {});
    const uncounted = simulateWhole(run);
    const asked = happens.mock.calls.length;
    happens.mockRestore();
    expect(asked).toBeGreaterThan(20);
    expect(Object.values(counted.rareStates).some((times) => times > 0)).toBe(true);
    expect(Object.values(uncounted.rareStates).every((times) => times === 0)).toBe(true);
    expect(uncounted.digest).toBe(counted.digest);
  }, 60_000);

  test("of clients that are cut off depend on what their leader has under way", () => {
    const counted = (role: object, commitIndex = 5): readonly string[] => {
      const state = { role, commitIndex, log: { last: { index: 5 } } };
      // Of a member and of the scene only this is looked at.
      const members = [{ id: "n1", node: { state } }] as unknown as readonly Member[];
      const watch = new RareStateWatch({ members, leaders: new Map(), governing: () => null, isCut: () => false });
      watch.onClientsCut("n1");
      watch.onClientsCut("n2");
      return Object.entries(watch.counts).flatMap(([name, times]) => (times > 0 ? [name] : []));
    };
    const idle = { kind: "leader", reads: [], transfer: null };
    expect(counted(idle)).toEqual([]);
    expect(counted({ kind: "follower" }, 4)).toEqual([]);
    expect(counted(idle, 4)).toEqual([
      "a leader is cut from its clients alone while its log holds what is not committed",
    ]);
    expect(counted({ ...idle, reads: [1] })).toEqual([
      "a leader is cut from its clients alone while reads wait for a quorum",
    ]);
    expect(counted({ ...idle, transfer: {} })).toEqual([
      "a leader is cut from its clients alone while it hands leadership over",
    ]);
  });
});
