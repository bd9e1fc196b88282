// Nothing of a copy that is wrong leaves its node, and a verdict holds for the copy that it names alone: node/copies.ts, node/snapshots.ts.
import { expect, spyOn, test } from "bun:test";
import { incarnationOf, type MemberKey, nodeIdOf } from "../../src/core/configuration.ts";
import type { BulkMessage } from "../../src/ports/bulk-messages.ts";
import type { BulkLink } from "../../src/ports/transport.ts";
import { snapshotAt } from "../core/say.ts";
import { Cluster, type Member } from "./cluster.ts";

const three = ["n1", "n2", "n3"] as const;
const keyOf = ({ node }: Member): MemberKey => node.state.self;
const ownOf = ({ node }: Member) => node.parts.copies.own;

/** A cluster in which every node has a snapshot, and a follower of it. */
async function founded(): Promise<{ readonly cluster: Cluster; readonly follower: Member }> {
  const cluster = new Cluster(three, { tailEntriesMax: 0 });
  cluster.compareEveryEntries = 4;
  cluster.snapshotPolicy = { everyEntries: 8, everyBytes: 1e9 };
  for (const id of three) await cluster.start(id);
  await cluster.settle();
  await cluster.electLeader();
  await commands(cluster, 8);
  const [follower] = cluster.followers as [Member];
  await cluster.until("there is a snapshot", () => follower.node.state.snapshot !== null);
  return { cluster, follower };
}

async function commands(cluster: Cluster, count: number): Promise<void> {
  const client = cluster.client(cluster.leader.id);
  for (let nth = 0; nth < count; nth++) client.command("x");
  await cluster.settle();
}

/** As the leader says it of the copy with this number. */
function condemn(cluster: Cluster, follower: Member, copy: number, standing: "wrong" | "doubted" = "wrong"): void {
  const term = cluster.leader.node.state.currentTerm;
  const range = { of: "content", after: 0, through: 8 } as const;
  const verdict = { kind: "copyVerdict", term, copy, standing, isConfirmed: false, ...range } as const;
  follower.node.parts.copies.onMessage(keyOf(cluster.leader), verdict);
}

/** A peer that reads the latest snapshot of this node. */
function reader(cluster: Cluster, of: Member) {
  const received: BulkMessage[] = [];
  const closed: string[] = [];
  const link: BulkLink = {
    onMessage: null,
    onClose: null,
    isOpen: true,
    send: (message) => void received.push(message),
    queuedBytes: 0,
    close: (reason) => void closed.push(reason),
  };
  const key = keyOf(cluster.leader);
  const peer = { id: nodeIdOf(key), incarnation: incarnationOf(key), bootId: "boot-1" };
  of.node.parts.snapshots.onBulk(peer, link);
  const { file } = of.node.state.snapshot!;
  return { received, closed, read: () => link.onMessage?.({ kind: "snapshotRead", file, offset: 0, bytesMax: 1000 }) };
}

test("a verdict on an earlier copy of the same node changes nothing", async () => {
  const { cluster, follower } = await founded();
  condemn(cluster, follower, ownOf(follower).number + 1);
  expect(ownOf(follower).standing).toBe("sound");
  condemn(cluster, follower, ownOf(follower).number);
  expect(ownOf(follower).standing).toBe("wrong");
  await cluster.stopAll();
});

test("a snapshot that is offered in the place of an earlier copy replaces nothing", async () => {
  const { cluster, follower } = await founded();
  const { copies, snapshots } = follower.node.parts;
  const replaced = spyOn(snapshots, "replaceBy").mockImplementation(() => {});
  condemn(cluster, follower, copies.own.number);
  const term = cluster.leader.node.state.currentTerm;
  const offer = { kind: "copyOffer", term, snapshot: snapshotAt(follower.node.state.snapshot!.position) } as const;
  copies.onMessage(keyOf(cluster.leader), { ...offer, copy: copies.own.number + 1 });
  expect(replaced).not.toHaveBeenCalled();
  copies.onMessage(keyOf(cluster.leader), { ...offer, copy: copies.own.number });
  expect(replaced).toHaveBeenCalledTimes(1);
  replaced.mockRestore();
  await cluster.stopAll();
});

test.each(["wrong", "doubted"] as const)(
  "a node whose copy is %s ends the reading of its snapshots, and lets nobody begin",
  async (standing) => {
    const { cluster, follower } = await founded();
    const before = reader(cluster, follower);
    before.read();
    await cluster.settle();
    expect(before.received.map(({ kind }) => kind)).toEqual(["snapshotChunk"]);
    condemn(cluster, follower, ownOf(follower).number, standing);
    const after = reader(cluster, follower);
    after.read();
    await cluster.settle();
    expect([after.received, before.closed, after.closed]).toEqual([
      [],
      ["the state of this node is not to be trusted"],
      ["the state of this node is not to be trusted"],
    ]);
    await cluster.stopAll();
  },
);

test.each(["wrong", "doubted"] as const)(
  "a node whose copy is %s takes no snapshot and hands out no backup",
  async (standing) => {
    const { cluster, follower } = await founded();
    const { snapshots } = follower.node.parts;
    expect(await snapshots.backups.take(1)).toMatchObject({ kind: "ok" });
    const { file } = follower.node.state.snapshot!;
    const taken = spyOn(follower.machine, "snapshot");
    condemn(cluster, follower, ownOf(follower).number, standing);
    const refused = { kind: "failed", error: { message: "the state of this node is not to be trusted" } };
    expect(await snapshots.backups.take(1)).toMatchObject(refused);
    expect(await snapshots.backups.read(file, 0, 1000)).toMatchObject(refused);
    expect(await snapshots.taker.take(snapshots.taker.handed!)).toBeNull();
    expect(taken).not.toHaveBeenCalled();
    taken.mockRestore();
    await cluster.stopAll();
  },
);

test("a snapshot of a state that was given names the node that came to it, as long as too few others are there to compare it", async () => {
  const { cluster, follower } = await founded();
  const { leader } = cluster;
  const origin = leader.store.saved.incarnation;
  const other = cluster.followers.find((member) => member !== follower)!;
  cluster.kill(other.id);
  condemn(cluster, follower, ownOf(follower).number);
  await cluster.until("it has the leader's state", () => ownOf(follower).number > 0);
  await cluster.until("it is there", () => follower.node.parts.applier.isIdle && ownOf(follower).standing === "sound");
  await cluster.electLeader();
  await commands(cluster, 10);
  await cluster.until("it has a snapshot of its own", () => follower.node.state.snapshot!.position.index === 16);
  expect([ownOf(follower).isGiven, follower.node.state.snapshot!.origin]).toEqual([true, origin]);
  await cluster.stopAll();
});

test("the record of a snapshot that was on its way when its state was found wrong is marked as well", async () => {
  const { cluster, follower } = await founded();
  cluster.isolate(follower.id);
  const { taker } = follower.node.parts.snapshots;
  const taken = await taker.take(taker.handed!);
  expect(taken!.position.index).toBeGreaterThan(follower.node.state.snapshot!.position.index);
  condemn(cluster, follower, ownOf(follower).number);
  await cluster.advance(100);
  expect(follower.node.state.snapshot).toMatchObject({ file: taken!.file, origin: "nobody" });
  await cluster.stopAll();
});
