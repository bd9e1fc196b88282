// What becomes of requests that wait for an election when their node begins to refuse requests: each gets one answer, and the
// answer is true. None of them was handed to anyone, so none has had an effect.
import { afterEach, describe, expect, test } from "bun:test";
import { Cluster, type Member } from "./cluster.ts";
import type { Client } from "./client.ts";
import { requestVote } from "../core/say.ts";

const mebibyte = 2 ** 20;

let open: Cluster | null = null;
afterEach(async () => {
  await open?.stopAll();
  open = null;
});

interface Parked {
  readonly cluster: Cluster;
  readonly target: Member;
  readonly client: Client;
}

/** A node that stands for election and cannot win: its disk keeps its vote back. One request of each kind waits there. */
async function parked(before: (cluster: Cluster, target: Member) => Promise<void> = async () => {}): Promise<Parked> {
  const cluster = await Cluster.founded(["n1", "n2", "n3"]);
  open = cluster;
  const target = cluster.followers[0]!;
  await before(cluster, target);
  target.holdsDisk = "everything";
  void cluster.leader.node.transfer(target.id);
  await cluster.until("it stands for election", () => target.node.state.role.kind === "candidate");
  const client = cluster.client(target.id);
  client.command("parked");
  client.query("parked");
  client.openSession();
  client.send((id) => ({ kind: "backup", id, timeoutMs: 60_000 }));
  await cluster.settle();
  expect([client.replies, target.node.requests.waitingCount]).toEqual([[], 4]);
  return { cluster, target, client };
}

/** The next write of the node: a vote for another candidate, after which it still waits for the end of an election. */
function anotherStands({ cluster, target }: Parked): void {
  const { currentTerm, log } = target.node.state;
  const other = cluster.followers.find(({ node }) => node !== target.node && node !== cluster.leader.node)!;
  target.node.incoming.onMessage(other.node.state.self, requestVote(currentTerm + 1, log.last, true));
}

/** Each kind of request was refused once, as something that has not happened, and has not happened. */
function expectRefusedOnce({ cluster, target, client }: Parked, codes: RegExp): void {
  const answered = client.replies.map((reply) => reply.split(" ", 2));
  expect(answered.map(([id = ""]) => id).toSorted((a, b) => a.localeCompare(b))).toEqual(["1", "2", "3", "4"]);
  for (const [, code] of answered) expect(code).toMatch(codes);
  expect(client.late).toEqual([]);
  const { requests } = target.node;
  expect([requests.waitingCount, requests.open.count, requests.open.bytes]).toEqual([0, 0, 0]);
  for (const { machine } of cluster.members.values()) {
    expect(machine.applied.filter((line) => line.endsWith(":parked"))).toEqual([]);
    expect(machine.queries.filter((line) => line.includes("parked"))).toEqual([]);
  }
}

describe("requests that wait for an election", () => {
  test("are sent on when the node stops gracefully, before it is closed", async () => {
    const all = await parked();
    const stopped = all.target.node.stop();
    await all.cluster.settle();
    expect(all.target.end).toBeNull();
    expectRefusedOnce(all, /^not-leader$/);
    await all.cluster.advance(5_000);
    await stopped;
    expectRefusedOnce(all, /^not-leader$/);
  });

  test("are answered when the disk fails, and the node ends", async () => {
    const all = await parked();
    all.target.store.breakDisk();
    anotherStands(all);
    await all.cluster.until("the node has ended", () => all.target.end !== null);
    expectRefusedOnce(all, /^(not-leader|unavailable)$/);
  });

  test("are sent on when the disk is full, and the node takes no part", async () => {
    const all = await parked();
    all.target.room = { freeBytes: 10 * mebibyte, totalBytes: 1_000 * mebibyte };
    all.target.store.isFull = true;
    anotherStands(all);
    await all.cluster.settle();
    expect(all.target.logs).toContain("error the disk is full: this node takes no part until there is space on it");
    expectRefusedOnce(all, /^not-leader$/);
  });

  test("are sent on when the state machine stops", async () => {
    const all = await parked(async (cluster, target) => {
      target.machine.poison = "bad";
      target.machine.isSlow = true;
      cluster.client(cluster.leader.id).command("bad");
      const has = (): boolean => target.machine.runs.flat().some(({ kind }) => kind === "command");
      await cluster.until("its state machine has the command", has);
    });
    all.target.machine.release();
    await all.cluster.until("the first is answered", () => all.client.replies.length > 0, 100);
    expectRefusedOnce(all, /^(not-leader|state-machine)$/);
  });
});

test("a command that waits for an election is told that it is committed and not applied when its node wins without a state machine", async () => {
  const { cluster, target, client } = await parked(async (at, sick) => {
    sick.machine.poison = "parked";
    await at.settle();
  });
  target.holdsDisk = "nothing";
  target.store.flushAll();
  await cluster.until("all are answered", () => client.replies.length === 4);
  const [command] = client.replies.filter((reply) => reply.startsWith("1 "));
  expect(command).toBe("1 apply-failed");
  await cluster.advance(100);
  for (const member of cluster.members.values()) {
    if (member !== target) expect(member.machine.applied.filter((line) => line.endsWith(":parked"))).toHaveLength(1);
  }
  const { requests } = target.node;
  expect([client.replies.length, client.late, requests.waitingCount, requests.open.count]).toEqual([4, [], 0, 0]);
});
