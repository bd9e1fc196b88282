// When a node judges the members anew by itself: once a second, and at once while one of them has stopped.
import { expect, test } from "bun:test";
import { incarnationOf, type MemberKey, nodeIdOf } from "../../src/core/configuration.ts";
import type { Condition } from "../../src/ports/node-messages.ts";
import { follower } from "../core/build.ts";
import { n2, n3 } from "../core/say.ts";
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

test.each<readonly [string, number | null, readonly string[]]>([
  ["a query or a snapshot: this node alone is unfit", null, ["n1"]],
  ["an entry: so is each member that has not passed it", 5, ["n1", "n2"]],
])("a state machine that hangs at %s", (_, entry, expected) => {
  const state = follower({ log: [1, 1, 1, 1, 1], commitIndex: 5 });
  const endlessWork = { problem: "it hangs", entry, isQuery: entry === null };
  const { fitness, unfit } = fitnessAlone(() => state, {
    stateMachine: () => ({ standstill: null, endlessWork, appliedIndex: 5, stoppedThrough: null }),
  });
  fitness.onCondition(n3, condition({ kind: "runs", passed: 5 }));
  fitness.onCondition(n2, condition({ kind: "runs", passed: 4 }));
  expect([...(unfit.at(-1) ?? new Map<MemberKey, never>()).keys()].map(nodeIdOf).toSorted()).toEqual([...expected]);
});
