// What is said of a member that this node alone cannot dial: where it says that it is, if that is elsewhere, and what to do.
import { expect, test } from "bun:test";
import type { State } from "../../src/core/state.ts";
import { Fitness } from "../../src/node/fitness.ts";
import type { Discovery, PeerStatus } from "../../src/ports/transport.ts";
import { follower } from "../core/build.ts";
import { genesisOf, n1, n2, n3, wiped } from "../core/say.ts";
import { ManualClock } from "../doubles/manual-clock.ts";
import { afterMicrotasks } from "./cluster.ts";
import { soundNode } from "./fitness-alone.ts";

const peer = { id: "n2", address: "n2:7400", reachable: true, reason: null, version: null, announced: "n2:9" };

/** What n1 says of n2 and of itself once it has tried n2 for a while. */
async function afterAttempts(
  answers: Discovery,
  seen: Partial<PeerStatus> = {},
  state: State = follower(),
  others: readonly PeerStatus[] = [],
) {
  const clock = new ManualClock();
  const fitness = new Fitness(
    {
      clock,
      disk: { measure: () => ({ freeBytes: 100, totalBytes: 100 }) },
      logger: { enabled: () => false, log: () => {} },
      transport: { send: () => {}, discover: async () => answers, peers: () => [...others, { ...peer, ...seen }] },
    },
    {
      ...soundNode,
      address: "n1.elsewhere:9",
      state: () => state,
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

test("what another peer announces, or where another disk of its name is, is not said of it", async () => {
  const members = genesisOf(n1, n3, wiped(n2), n2).members.map((member) =>
    member.key === wiped(n2) ? { ...member, address: "n2:9" } : member,
  );
  const others = [{ ...peer, id: "n3", address: "n3:7400", announced: "n3:7400" }];
  const { ofPeer } = await afterAttempts(failed, {}, follower({ configuration: { members } }), others);
  expect(ofPeer).toStartWith("it announces the address n2:9, and the members have n2:7400; ");
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
