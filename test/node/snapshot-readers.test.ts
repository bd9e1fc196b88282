// To whom does a node give its snapshots? A certificate of the cluster is not enough: they hold all that the state machine does.
import { expect, test } from "bun:test";
import type { MemberKey } from "../../src/core/configuration.ts";
import { noChange } from "../../src/core/membership-change.ts";
import type { Message } from "../../src/core/messages.ts";
import type { BulkMessage } from "../../src/ports/bulk-messages.ts";
import type { Transport, TransportHandler } from "../../src/ports/transport.ts";
import { Cluster, type Member } from "./cluster.ts";

const three = ["n1", "n2", "n3"] as const;

/** A cluster whose nodes all have a snapshot, and whose n3 has stopped. */
async function withSnapshots(): Promise<Cluster> {
  const cluster = new Cluster(three, { tailEntriesMax: 0 });
  cluster.snapshotPolicy = { everyEntries: 5, everyBytes: 1e9 };
  for (const id of three) await cluster.start(id);
  await cluster.settle();
  await cluster.electLeader();
  await commands(cluster);
  await cluster.crash("n3");
  return cluster;
}

async function commands(cluster: Cluster): Promise<void> {
  const client = cluster.client(cluster.leader.id);
  for (let count = 0; count < 10; count++) {
    client.command(`c${count}`);
    await cluster.settle();
  }
  await cluster.advance(100);
}

const askForVote: Message = { kind: "requestPreVote", term: 2, last: { index: 1, term: 1 }, transfer: false };

const silent: TransportHandler = {
  onPeerConnected() {},
  onPeerDisconnected() {},
  onPeerCrashed() {},
  onMessage() {},
  onPartReceived() {},
  onBulk() {},
  onRequest() {},
};

/** Takes part in the network as this node, and does nothing by itself. */
async function appear(cluster: Cluster, id: string, incarnation: string): Promise<Transport> {
  const self = { id, incarnation, bootId: "boot-of-a-reader" };
  const transport = cluster.network.transport({ self, address: `${id}.test:7400`, software: "0" });
  await transport.start(silent);
  transport.setPeers(["n1", "n2"].map((peer) => ({ id: peer, address: `${peer}.test:7400` })));
  await cluster.settle();
  return transport;
}

const keyOf = ({ node }: Member): MemberKey => node.state.self;

/** What comes of reading the first bytes of the node's snapshot. */
async function read(cluster: Cluster, reader: Transport, of: Member): Promise<string> {
  const { promise, resolve } = Promise.withResolvers<string>();
  const opening = reader.openBulk(keyOf(of));
  cluster.network.deliverNext();
  const link = await opening;
  link.onMessage = (message: BulkMessage) => resolve(message.kind);
  link.onClose = (reason) => resolve(`closed: ${reason}`);
  link.send({ kind: "snapshotRead", file: of.node.state.snapshot!.file, offset: 0, bytesMax: 100 });
  await cluster.settle();
  return promise;
}

test("a node that no configuration has named reads none, nor another disk under a member's name", async () => {
  const cluster = await withSnapshots();
  for (const [id, incarnation] of [
    ["n5", "n5-disk"],
    ["n3", "n3-other-disk"],
  ] as const) {
    const reader = await appear(cluster, id, incarnation);
    for (const of of ["n1", "n2"]) {
      expect(await read(cluster, reader, cluster.member(of))).toBe("closed: snapshots are for members");
    }
    await reader.stop(0);
  }
  await cluster.stopAll();
});

test("a member does", async () => {
  const cluster = await withSnapshots();
  const reader = await appear(cluster, "n3", "n3-disk");
  expect(await read(cluster, reader, cluster.member("n1"))).toBe("snapshotChunk");
  await reader.stop(0);
  await cluster.stopAll();
});

test("asking for a vote makes nobody a reader, as long as the log knows everyone who was ever a member", async () => {
  const cluster = await withSnapshots();
  const reader = await appear(cluster, "n5", "n5-disk");
  reader.send(keyOf(cluster.leader), askForVote);
  await cluster.settle();
  expect(await read(cluster, reader, cluster.leader)).toBe("closed: snapshots are for members");
  await reader.stop(0);
  await cluster.stopAll();
});

test("one to which the leader sends the log does, as who has left long ago, and from the leader alone", async () => {
  const cluster = await withSnapshots();
  const { leader } = cluster;
  const change = { ...noChange, prioritize: [{ name: leader.id, priority: 1 }] };
  const changed = leader.node.requests.membership.change(change, null);
  await cluster.settle();
  expect(await changed).toMatchObject({ kind: "done" });
  await commands(cluster);
  expect(leader.node.state.log.configurations[0]!.position.index).toBeGreaterThan(0);
  const reader = await appear(cluster, "n5", "n5-disk");
  reader.send(keyOf(leader), askForVote);
  await cluster.settle();
  expect(await read(cluster, reader, leader)).toBe("snapshotChunk");
  const follower = cluster.followers.find(({ end, id }) => end === null && id !== "n3")!;
  expect(await read(cluster, reader, follower)).toBe("closed: snapshots are for members");
  await reader.stop(0);
  await cluster.stopAll();
});
