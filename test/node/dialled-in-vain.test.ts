// What is said of a member that this node alone cannot dial: where it says that it is, if that is elsewhere, and what to do.
import { expect, test } from "bun:test";
import { Fitness } from "../../src/node/fitness.ts";
import type { Discovery, PeerStatus } from "../../src/ports/transport.ts";
import { follower } from "../core/build.ts";
import { n2 } from "../core/say.ts";
import { ManualClock } from "../doubles/manual-clock.ts";
import { afterMicrotasks } from "./cluster.ts";

const peer = { id: "n2", address: "n2:7400", reachable: true, reason: null, version: null, announced: "n2:9" };

/** What n1 says of n2 and of itself once it has tried n2 for a while. */
async function afterAttempts(answers: Discovery, seen: Partial<PeerStatus> = {}) {
  const state = follower();
  const clock = new ManualClock();
  const fitness = new Fitness(
    {
      clock,
      disk: { measure: () => ({ freeBytes: 100, totalBytes: 100 }) },
      logger: { enabled: () => false, log: () => {} },
      transport: { send: () => {}, discover: async () => answers, peers: () => [{ ...peer, ...seen }] },
    },
    {
      address: "n1.elsewhere:9",
      versions: [],
      state: () => state,
      stateMachine: () => ({ standstill: null, endlessWork: null, appliedIndex: 0, stoppedThrough: null }),
      snapshotFailure: () => null,
      snapshotDamage: () => null,
      fetchFailure: () => null,
      waitsForRoom: () => false,
      space: { minFreeBytes: 50, minFreePercent: 0 },
      certificateEnds: null,
      failed: () => {},
      arrive: () => {},
    },
  );
  fitness.start();
  for (let second = 0; second < 10; second++) {
    clock.advance(1_000);
    await afterMicrotasks();
  }
  fitness.stop();
  return { ofPeer: fitness.problemOf(n2), own: fitness.problemOf(state.self), timers: clock.pendingTimers };
}

const failed: Discovery = { kind: "failed", reason: "refused" };

test("a member that has been dialled in vain and announces another address is said to do so, with what to do", async () => {
  const ofPeer =
    "it announces the address n2:9, and the members have n2:7400; if n2 has moved: graft cluster add n2 n2:9";
  expect(await afterAttempts(failed)).toMatchObject({ ofPeer, timers: 0 });
});

test.each<readonly [string, Discovery, Partial<PeerStatus>]>([
  ["announces the address that the members have", failed, { announced: "n2:7400" }],
  ["announces none", failed, { announced: null }],
  ["is not connected", failed, { reachable: false }],
  ["can be dialled", { kind: "there", identity: { id: "n2", incarnation: "disk2", bootId: "b" } }, {}],
  ["could not be tried", { kind: "unable", reason: "no file descriptors" }, {}],
])("nothing is said of one that %s", async (_, answers, seen) => {
  // Nor of this node itself, though it is at another address than the members have: the others can dial it.
  expect(await afterAttempts(answers, seen)).toEqual({ ofPeer: null, own: null, timers: 0 });
});
