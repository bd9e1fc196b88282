// How the parts of a node reach each other: what one of them shows or tells arrives at the other.
import { afterEach, describe, expect, test } from "bun:test";
import { GraftError } from "../../src/errors.ts";
import { VersionLacking } from "../../src/node/active-version.ts";
import type { ClientReply } from "../../src/ports/requests.ts";
import { snapshotAt } from "../core/say.ts";
import { pluginVersion } from "./applier-setting.ts";
import { afterMicrotasks, Cluster, type Member } from "./cluster.ts";
import { bytes } from "./recording-machine.ts";
import { someone, TestAsker, unbounded } from "./test-asker.ts";
import { watchedCalls } from "./watched-parts.ts";

let open: Cluster | null = null;
afterEach(async () => {
  await open?.stopAll();
  open = null;
});

async function alone(): Promise<{ readonly cluster: Cluster; readonly member: Member }> {
  const cluster = (open = await Cluster.founded(["n1"]));
  return { cluster, member: cluster.leader };
}

const show = (part: object, name: string, value: unknown): void =>
  void Object.defineProperty(part, name, { configurable: true, value });

describe("what is wrong with a part is a problem of its node", () => {
  test.each<readonly [string, (member: Member) => void, string]>([
    [
      "a snapshot that failed",
      ({ node }) => show(node.parts.snapshots.taker, "failure", "planted"),
      "its last snapshot failed, so its log grows and is not cut; no data is lost; remove the cause, and the next snapshot succeeds: planted",
    ],
    [
      "a snapshot that is damaged",
      ({ node }) => show(node.parts.snapshots, "damage", "planted"),
      "its snapshot is damaged: a node that needs this snapshot lags behind",
    ],
    [
      "a snapshot that cannot be received",
      ({ node }) => show(node.parts.snapshots, "fetchFailure", "planted"),
      "it cannot receive the leader's snapshot, so it lags behind; no data is lost; remove the cause, and the node tries again by itself: planted",
    ],
    [
      "a loop that waits for room",
      ({ node }) => show(node.parts.loop, "waitsForRoom", true),
      "its disk is full: it neither votes, leads nor acknowledges until there is space",
    ],
    [
      "a state machine that has stopped",
      ({ node }) => show(node.parts.applier, "standstill", new GraftError("state-machine", "planted")),
      "its state machine has stopped: planted",
    ],
  ])("%s", async (_, plant, words) => {
    const { member } = await alone();
    const { node } = member;
    expect(node.requests.problemOf(node.state.self)).toBeNull();
    plant(member);
    expect(node.requests.problemOf(node.state.self)).toStartWith(words);
  });
});

test("a state machine that stops is written to the log, and the node judges itself at once", async () => {
  const { cluster, member } = await alone();
  const calls = watchedCalls(member.node, "fitness.look");
  member.machine.poison = "bad";
  cluster.client("n1").command("bad");
  await cluster.settle();
  expect(calls.length).toBeGreaterThan(0);
  expect(member.node.state.unfit.get(member.node.state.self)).toBe("stateMachine");
  expect(member.logs).toContain("error the state machine has stopped");
});

test("commands that wait for room in the log are taken as soon as the state machine has made some", async () => {
  const { cluster, member } = await alone();
  member.machine.isSlow = true;
  const client = cluster.client("n1");
  const commands = 1_000;
  for (let nth = 0; nth < commands; nth++) client.command("x".repeat(16 * 1024));
  await cluster.settle();
  const { mailbox } = member.node.parts;
  expect([mailbox.requestCount > 0, mailbox.isEmpty]).toEqual([true, true]);
  member.machine.isSlow = false;
  member.machine.release();
  await afterMicrotasks();
  await cluster.settle();
  expect([mailbox.requestCount, client.replies.length]).toEqual([0, commands]);
});

test("a node that lacks the version which becomes active judges itself at once", async () => {
  const { cluster, member } = await alone();
  const { node } = member;
  const next = node.state.log.last.index + 1;
  const answers: string[] = [];
  node.requests.submit({
    kind: "activate",
    plugin: pluginVersion("2"),
    replaces: false,
    payload: new Uint8Array(),
    from: someone,
    open: unbounded,
    dueMs: 1e9,
    succeed: () => void answers.push("active"),
    fail: ({ code }) => void answers.push(code),
  });
  await cluster.settle();
  expect(node.parts.applier.stoppedThrough).toBe(next);
  expect(node.state.unfit.get(node.state.self)).toBe("stateMachine");
  expect(answers).toEqual(["apply-failed"]);
});

test("other code stands for the code that is lacking once that is committed, and not before", async () => {
  const [lacking, other] = ["a", "b"].map((hash) => ({ ...pluginVersion("1"), hash: hash.repeat(64) }));
  const atHand = { versions: [{ ...other!, snapshots: true }] };
  const standstillWith = async (commitIndex: number): Promise<unknown> => {
    const cluster = await Cluster.founded(["n1"], atHand);
    const { node } = cluster.leader;
    const { loop, applier } = node.parts;
    const placed = (index: number, plugin = lacking!) => ({
      position: { index, term: 1 },
      plugin,
      replaces: index > 2,
    });
    const { state } = node;
    show(loop, "state", { ...state, commitIndex, log: { ...state.log, activations: [placed(2), placed(9, other)] } });
    applier.restore({ ...snapshotAt({ index: 4, term: 1 }), activation: placed(2) });
    const { standstill } = applier;
    Reflect.deleteProperty(loop, "state");
    await cluster.stopAll();
    return standstill;
  };
  expect(await standstillWith(8)).toBeInstanceOf(VersionLacking);
  expect(await standstillWith(9)).toBeNull();
});

test("each node tells the others all the versions that it has", async () => {
  const cluster = (open = new Cluster(["n1", "n2"]));
  const atHand = ["1", "2", "3"].map((version) => ({ ...pluginVersion(version), snapshots: true }));
  for (const id of ["n1", "n2"]) await cluster.start(id, { versions: atHand });
  await cluster.settle();
  await cluster.electLeader();
  const [one, other] = ["n1", "n2"].map((id) => cluster.member(id).node);
  const versions = ["1", "2", "3"].map(pluginVersion);
  expect(one!.requests.versionsOf(other!.state.self)).toEqual(versions);
  expect(other!.requests.versionsOf(one!.state.self)).toEqual(versions);
  expect(one!.requests.versions).toEqual(atHand);
});

test("a query whose client took no answers is put to the state machine as soon as that client does, without another event", async () => {
  const { cluster, member } = await alone();
  const client = new TestAsker("slow");
  client.hasCredit = false;
  const replies: ClientReply[] = [];
  const connection = Object.assign(client, { isAdmin: false, reply: (reply: ClientReply) => void replies.push(reply) });
  for (const [id, consistency] of [
    [1, "linearizable"],
    [2, "stale"],
  ] as const) {
    const query = { kind: "query", id, payload: bytes("count"), timeoutMs: 60_000, consistency } as const;
    member.node.incoming.onRequest({ ...query, maxStalenessMs: null }, connection);
  }
  await cluster.settle();
  expect([replies, member.machine.queries, member.node.requests.waitingCount]).toEqual([[], [], 2]);
  client.hasCredit = true;
  client.awaited!();
  await cluster.settle();
  expect(replies.map(({ kind, id }) => `${kind} ${id}`).toSorted()).toEqual(["result 1", "result 2"]);
  expect(member.node.requests.waitingCount).toBe(0);
});

test("a scrub comes as often as the options say", async () => {
  const cluster = (open = new Cluster(["n1"]));
  cluster.scrubIntervalMs = 60_000;
  const { logs } = await cluster.start("n1");
  const scrubs = (): number => logs.filter((line) => line === "info scrubbing the log and the snapshot").length;
  await cluster.advance(60_000, 1_000);
  expect(scrubs()).toBe(1);
  await cluster.advance(60_000, 1_000);
  expect(scrubs()).toBe(2);
});
