// When a node judges the members anew by itself: once a second, and at once while one of them has stopped.
import { describe, expect, test } from "bun:test";
import { incarnationOf, type MemberKey, nodeIdOf } from "../../src/core/configuration.ts";
import type { Condition } from "../../src/ports/node-messages.ts";
import { describeFault } from "../../src/core/describe.ts";
import type { State } from "../../src/core/state.ts";
import { asLeader, follower, leader } from "../core/build.ts";
import { n1, n2, n3, n4 } from "../core/say.ts";
import { fitnessAlone } from "./fitness-alone.ts";

const condition = (stateMachine: Condition["stateMachine"], space: Condition["space"] = "enough"): Condition => ({
  stateMachine,
  space,
  isCertificateExpired: false,
  isRefilling: false,
  undialled: [],
  versions: [],
  problem: null,
});

function setUp() {
  const state = follower();
  let looks = 0;
  const alone = fitnessAlone(() => state, {
    snapshotFailure: () => {
      looks++;
      return null;
    },
  });
  /** How many looks that takes. */
  const during = (act: () => void): number => {
    looks = 0;
    act();
    return looks;
  };
  return { ...alone, during };
}

test("a sweep looks again once the last look is a second old, whatever brought that one", () => {
  const { fitness, clock, during } = setUp();
  const sweep = (): number => during(() => fitness.sweep());
  expect([sweep(), sweep()]).toEqual([1, 0]);
  clock.advance(999);
  expect(sweep()).toBe(0);
  clock.advance(1);
  expect([sweep(), sweep()]).toEqual([1, 0]);
  clock.advance(500);
  expect(during(() => fitness.onCondition(n2, condition({ kind: "runs", passed: 0 })))).toBe(1);
  clock.advance(999);
  expect(sweep()).toBe(0);
  clock.advance(1);
  expect(sweep()).toBe(1);
});

test("a turn looks only where the members have changed since the last look", () => {
  let state: State = follower();
  let looks = 0;
  const snapshotFailure = (): null => {
    looks++;
    return null;
  };
  const { fitness } = fitnessAlone(() => state, { snapshotFailure });
  for (let turns = 0; turns < 3; turns++) fitness.onTurned();
  expect(looks).toBe(1);
  const [first] = state.log.configurations;
  state = {
    ...state,
    log: { ...state.log, configurations: [{ ...first!, configuration: { ...first!.configuration } }] },
  };
  for (let turns = 0; turns < 3; turns++) fitness.onTurned();
  expect(looks).toBe(2);
});

test("what ails a node is logged when it begins, when it becomes another, and when it is over", () => {
  let failure: string | null = null;
  const { fitness, logs } = fitnessAlone(follower, { snapshotFailure: () => failure });
  for (const now of [null, "no room", "no room", "no folder", null, null]) {
    failure = now;
    fitness.look();
  }
  const [wrong, over] = [
    "warn something is wrong with this node (undefined)",
    "info all is well with this node again (undefined)",
  ];
  expect(logs).toEqual([wrong, wrong, over]);
});

test("each sweep looks while a member has stopped, until that one is gone or runs again", () => {
  const { fitness, during } = setUp();
  const sweep = (): number => during(() => fitness.sweep());
  const stopped = condition({ kind: "stopped", through: 3 });
  fitness.onCondition(n3, condition({ kind: "runs", passed: 0 }));
  fitness.onCondition(n2, stopped);
  expect([sweep(), sweep()]).toEqual([1, 1]);
  fitness.onCondition(n2, condition({ kind: "runs", passed: 3 }));
  expect(sweep()).toBe(0);
  fitness.onCondition(n2, stopped);
  fitness.onPeerDisconnected({ id: "n2", incarnation: "disk", bootId: "b" });
  fitness.onPeerDisconnected({ id: "n2", incarnation: incarnationOf(n2), bootId: "b" });
  expect(sweep()).toBe(0);
});

test("no commands are taken while a majority has no room, and one that says nothing counts as one that has", () => {
  const { fitness } = setUp();
  const runs = { kind: "runs", passed: 0 } as const;
  expect(fitness.whyNoCommands).toBeNull();
  fitness.onCondition(n2, condition(runs, "low"));
  expect(fitness.whyNoCommands).toBeNull();
  fitness.onCondition(n3, condition(runs, "low"));
  expect(fitness.whyNoCommands).toBe("the disks of too many nodes are nearly full");
  fitness.onCondition(n2, condition(runs));
  expect(fitness.whyNoCommands).toBeNull();
});

test("a node that knows no members yet judges nobody, believes nobody, and can be asked", () => {
  const { log, ...rest } = follower();
  const { fitness, told, unfit } = fitnessAlone(() => ({ ...rest, log: { ...log, configurations: [] } }));
  fitness.onPeerConnected({ id: "n2", incarnation: incarnationOf(n2), bootId: "b" });
  fitness.onCondition(n2, condition({ kind: "stopped", through: 0 }, "low"));
  expect([fitness.problemOf(rest.self), fitness.whyNoCommands, told, unfit]).toEqual([null, null, [], []]);
});

test("what a leader has found out of a follower is told until the follower says itself what ails it", () => {
  const state = leader({ members: [n1, n2, n3] });
  const role = asLeader(state);
  const fault = { kind: "refilling", id: 7, through: 1, afterRound: 1 } as const;
  const progress = new Map([...role.progress].map(([key, each]) => [key, key === n2 ? { ...each, fault } : each]));
  const leading = { ...state, role: { ...role, progress } } as State;
  let now: State = leading;
  const { fitness, logs } = fitnessAlone(() => now);
  const sound = condition({ kind: "runs", passed: 0 });
  fitness.onCondition(n2, sound);
  fitness.onCondition(n3, sound);
  expect([fitness.problemOf(n2), fitness.problemOf(n3)]).toEqual([describeFault(fault), null]);
  fitness.onCondition(n2, { ...sound, problem: "its disk is slow" });
  expect(fitness.problemOf(n2)).toBe("its disk is slow");
  for (const found of [fault, null]) fitness.onFollowerFault({ kind: "followerFault", of: n2, fault: found });
  expect(logs).toEqual([
    `error n2 ${describeFault(fault)} (fault n2 refilling)`,
    `info n2 ${describeFault(null)} (fault n2 over)`,
  ]);
  fitness.onCondition(n2, sound);
  now = follower();
  expect(fitness.problemOf(n2)).toBeNull();
});

test("whether a member refills is known of this node by its own state, and of the others by what they say", () => {
  const state = follower();
  let refill: State["refill"] = null;
  const { fitness } = fitnessAlone(() => ({ ...state, refill }));
  const both = (): readonly boolean[] => [state.self, n2].map((key) => fitness.isRefilling(key));
  expect(both()).toEqual([false, false]);
  fitness.onCondition(n2, { ...condition({ kind: "runs", passed: 0 }), isRefilling: true });
  expect(both()).toEqual([false, true]);
  refill = {} as NonNullable<State["refill"]>;
  fitness.onCondition(n2, condition({ kind: "runs", passed: 0 }));
  expect(both()).toEqual([true, false]);
});

test("a member that announces another address and can be dialled has no problem, nor has this node", () => {
  const state = follower();
  const status = { address: "n2:7400", reachable: true, reason: null, version: null, announced: "elsewhere:1" };
  const { fitness } = fitnessAlone(() => state, { address: "n1.elsewhere:1" }, [{ ...status, id: "n2" }]);
  fitness.onCondition(n2, condition({ kind: "runs", passed: 0 }));
  fitness.look();
  expect([fitness.problemOf(n2), fitness.problemOf(state.self)]).toEqual([null, null]);
});

test.each<readonly [string, number | null, readonly string[]]>([
  ["a query or a snapshot: this node alone is unfit", null, ["n1"]],
  ["an entry: so is each member that has not passed it", 5, ["n1", "n2"]],
])("a state machine that hangs at %s", (_, entry, expected) => {
  const state = follower({ log: [1, 1, 1, 1, 1], commitIndex: 5 });
  const endlessWork = { problem: "it hangs", entry, isQuery: entry === null };
  const { fitness, unfit } = fitnessAlone(() => state, {
    stateMachine: () => ({ standstill: null, renewal: null, endlessWork, appliedIndex: 5, stoppedThrough: null }),
  });
  fitness.onCondition(n3, condition({ kind: "runs", passed: 5 }));
  fitness.onCondition(n2, condition({ kind: "runs", passed: 4 }));
  expect([...(unfit.at(-1) ?? new Map<MemberKey, never>()).keys()].map(nodeIdOf).toSorted()).toEqual([...expected]);
});

test("the core is told when a member becomes unfit, for another reason, or fit again, and not in between", () => {
  const { fitness, unfit } = fitnessAlone(follower);
  const sound = condition({ kind: "runs", passed: 0 });
  const low = condition({ kind: "runs", passed: 0 }, "low");
  for (const said of [
    sound,
    low,
    low,
    { ...low, isCertificateExpired: true },
    { ...low, isCertificateExpired: true },
  ]) {
    fitness.onCondition(n2, said);
  }
  for (const key of [n2, n2, n3]) fitness.onCondition(key, key === n3 ? low : sound);
  expect(unfit.map((each) => [...each])).toEqual([[[n2, "space"]], [[n2, "certificate"]], [], [[n3, "space"]]]);
});

describe("where the state machine of a member has stopped", () => {
  const stoppedAt = (through: number): Condition => condition({ kind: "stopped", through });

  test("has been passed by a node that has applied it, whatever is committed, and by word of members alone", () => {
    let appliedIndex = 6;
    const state = follower({ log: [1, 1, 1, 1, 1, 1, 1, 1, 1], commitIndex: 9 });
    const { fitness, conditions } = fitnessAlone(() => state, {
      stateMachine: () => ({ standstill: null, renewal: null, endlessWork: null, appliedIndex, stoppedThrough: null }),
    });
    const passed = (): unknown => conditions.at(-1)?.stateMachine;
    fitness.onPeerConnected({ id: "n3", incarnation: incarnationOf(n3), bootId: "b" });
    fitness.onCondition(n4, stoppedAt(5));
    expect(passed()).toEqual({ kind: "runs", passed: 0 });
    fitness.onCondition(n2, stoppedAt(7));
    expect(passed()).toEqual({ kind: "runs", passed: 0 });
    appliedIndex = 7;
    fitness.look();
    expect(passed()).toEqual({ kind: "runs", passed: 7 });
  });

  test("counts for all members once it is committed here, whether this node has come so far or not", () => {
    let commitIndex = 6;
    const log = [1, 1, 1, 1, 1, 1, 1, 1, 1];
    const { fitness, unfit } = fitnessAlone(() => follower({ log, commitIndex }));
    const unfitNow = (): readonly string[] => [...(unfit.at(-1)?.keys() ?? [])].map(nodeIdOf).toSorted();
    fitness.onCondition(n2, stoppedAt(7));
    expect(unfitNow()).toEqual(["n2"]);
    commitIndex = 7;
    fitness.look();
    expect(unfitNow()).toEqual(["n1", "n2", "n3"]);
  });

  test("is where it stopped, also for one that hangs at a later entry", () => {
    const endlessWork = { problem: "it hangs", entry: 5, isQuery: false };
    const { fitness, conditions } = fitnessAlone(follower, {
      stateMachine: () => ({
        standstill: new Error("it threw"),
        renewal: null,
        endlessWork,
        appliedIndex: 2,
        stoppedThrough: 3,
      }),
    });
    fitness.onPeerConnected({ id: "n3", incarnation: incarnationOf(n3), bootId: "b" });
    expect(conditions.at(-1)?.stateMachine).toEqual({ kind: "stopped", through: 3 });
  });
});
