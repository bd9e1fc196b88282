// When a node judges the members anew by itself: once a second, and at once while one of them has stopped.
import { describe, expect, test } from "bun:test";
import { incarnationOf, type MemberKey, nodeIdOf } from "../../src/core/configuration.ts";
import type { Condition } from "../../src/ports/node-messages.ts";
import type { Discovery, PeerStatus } from "../../src/ports/transport.ts";
import { follower } from "../core/build.ts";
import { n2, n3 } from "../core/say.ts";
import { afterMicrotasks } from "./cluster.ts";
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

describe("a member that this node alone has dialled in vain", () => {
  const peer = { id: "n2", address: "n2:7400", reachable: true, reason: null, version: null, announced: "n2:9" };

  async function afterAttempts(answers: Discovery, seen: Partial<PeerStatus> = {}) {
    const state = follower();
    const connected = { ...peer, ...seen };
    const alone = fitnessAlone(() => state, {}, { peers: () => [connected], discover: () => Promise.resolve(answers) });
    const { fitness, clock } = alone;
    fitness.start();
    for (let second = 0; second < 10; second++) {
      clock.advance(1_000);
      await afterMicrotasks();
    }
    fitness.stop();
    return { problem: fitness.problemOf(n2), own: fitness.problemOf(state.self), timers: clock.pendingTimers };
  }

  const failed: Discovery = { kind: "failed", reason: "refused" };
  const words =
    "it announces the address n2:9, and the members have n2:7400; if n2 has moved: graft cluster add n2 n2:9";

  test("is said to announce another address, with what to do", async () => {
    expect(await afterAttempts(failed)).toEqual({ problem: words, own: null, timers: 0 });
  });

  test.each<readonly [string, Discovery, Partial<PeerStatus>]>([
    ["announces the address that the members have", failed, { announced: "n2:7400" }],
    ["announces none", failed, { announced: null }],
    ["is not connected", failed, { reachable: false }],
    ["can be dialled", { kind: "there", identity: { id: "n2", incarnation: "disk2", bootId: "b" } }, {}],
    ["could not be tried", { kind: "unable", reason: "no file descriptors" }, {}],
  ])("and is not where it %s", async (_, answers, seen) => {
    expect(await afterAttempts(answers, seen)).toEqual({ problem: null, own: null, timers: 0 });
  });
});
