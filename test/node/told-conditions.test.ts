// Whom does a node tell its condition, and how long does it believe what others have told? As long as the connection stands.
import { expect, test } from "bun:test";
import { messageLengthMax } from "../../src/adapters/cbor/limits.ts";
import type { Condition } from "../../src/ports/node-messages.ts";
import { leader } from "../core/build.ts";
import { n1, n2, n3 } from "../core/say.ts";
import { Cluster } from "./cluster.ts";
import { fitnessAlone } from "./fitness-alone.ts";
import { soundCondition as well } from "./sound-condition.ts";

const peer = { id: "n2", incarnation: n2.split("@")[1]!, bootId: "boot" };

function setUp() {
  const alone = fitnessAlone(() => leader({ members: [n1, n2, n3], matched: [[n2, 1]] }));
  const { fitness, clock } = alone;
  /** A second later, by which it has looked at itself again. */
  const passes = (): void => {
    clock.advance(2_000);
    fitness.sweep();
  };
  return { ...alone, passes };
}

test("a member is told when it connects and when something changes, and not in between", () => {
  const { fitness, told, room, passes } = setUp();
  fitness.onPeerConnected(peer);
  expect(told).toEqual([`${n2} enough`]);
  for (let times = 0; times < 3; times++) passes();
  expect(told).toHaveLength(1);
  room.freeBytes = 10;
  for (let times = 0; times < 3; times++) passes();
  expect(told).toEqual([`${n2} enough`, `${n2} low`]);
});

test("a member that connects again is told again, since what was told on the connection before may be lost", () => {
  const { fitness, told } = setUp();
  fitness.onPeerConnected(peer);
  fitness.onPeerConnected(peer);
  expect(told).toHaveLength(2);
  fitness.onPeerDisconnected(peer);
  fitness.onPeerConnected(peer);
  expect(told).toEqual([`${n2} enough`, `${n2} enough`, `${n2} enough`]);
});

test("a member is told of each version that this node has", () => {
  const versions = ["1", "2", "3"].map((version) => ({ name: "kv", version, hash: "ab".repeat(32) }));
  const { fitness, conditions } = fitnessAlone(() => leader({ members: [n1, n2, n3], matched: [[n2, 1]] }), {
    versions,
  });
  fitness.onPeerConnected(peer);
  expect(conditions).toMatchObject([{ versions }]);
});

test("who is no member is told nothing, until it is one", () => {
  let members = [n1, n3];
  const { fitness, told } = fitnessAlone(() => leader({ members, matched: [[n3, 1]] }));
  fitness.onPeerConnected(peer);
  fitness.look();
  expect(told).toEqual([]);
  members = [n1, n2, n3];
  fitness.onTurned();
  expect(told).toEqual([`${n2} enough`]);
});

test("what a member said of itself counts until its connection ends", () => {
  const { fitness, unfit } = setUp();
  const condition: Condition = { ...well, space: "low", problem: "its disk is nearly full" };
  fitness.onPeerConnected(peer);
  fitness.onCondition(n2, condition);
  expect([fitness.problemOf(n2), unfit.at(-1)?.get(n2)]).toEqual(["its disk is nearly full", "space"]);
  fitness.onPeerDisconnected(peer);
  expect([fitness.problemOf(n2), unfit.at(-1)?.get(n2)]).toEqual([null, undefined]);
});

test("what was said on one connection is not believed on the next, until it is said again", () => {
  const { fitness, unfit } = setUp();
  fitness.onPeerConnected(peer);
  fitness.onCondition(n2, { ...well, space: "low", problem: "its disk is nearly full", versions: [] });
  fitness.onPeerConnected(peer);
  expect([fitness.problemOf(n2), unfit.at(-1)?.get(n2), fitness.versionsOf(n2)]).toEqual([null, undefined, null]);
  fitness.onCondition(n2, well);
  expect(fitness.versionsOf(n2)).toEqual([]);
});

test("a node forgets what ails a member whose process has ended, and takes commands that waited for that member's disk", async () => {
  const cluster = await Cluster.founded(["n1", "n2", "n3"]);
  const { leader: leading, followers } = cluster;
  for (const each of followers) each.room = { freeBytes: 99 * 2 ** 20, totalBytes: 1_000 * 2 ** 20 };
  const { requests } = leading.node;
  await cluster.until("the disks are known to be low", () => requests.whyNoCommands !== null);
  const gone = followers[0]!;
  expect(requests.problemOf(gone.node.state.self)).toContain("nearly full");
  cluster.kill(gone.id);
  await cluster.settle();
  expect([requests.problemOf(gone.node.state.self), requests.whyNoCommands]).toEqual([null, null]);
  await cluster.stopAll();
});

test("several long problems of one node are all told, each as far as there is room", () => {
  const long = (name: string): string => `${name} ${"x".repeat(3_000)}`;
  const failure = new Error(long("the plugin threw"));
  const { fitness } = fitnessAlone(() => leader({ members: [n1, n2, n3], matched: [[n2, 1]] }), {
    stateMachine: () => ({ standstill: failure, renewal: null, endlessWork: null, appliedIndex: 0, stoppedThrough: 1 }),
    snapshotFailure: () => long("its folder is gone"),
    fetchFailure: () => long("the leader's disk is broken"),
  });
  const told: (string | null)[] = [fitness.problemOf(n1)];
  fitness.onPeerConnected(peer);
  fitness.onCondition(n2, { ...well, problem: fitness.problemOf(n1) });
  told.push(fitness.problemOf(n2));
  for (const problem of told) {
    expect(problem!.length).toBeLessThanOrEqual(messageLengthMax);
    expect(problem!).toMatch(
      /^its state machine has stopped: the plugin threw .* restart the node; its last snapshot failed, /,
    );
    expect(problem!).toContain("; it cannot receive the leader's snapshot, so it lags behind; no data is lost; ");
  }
});
