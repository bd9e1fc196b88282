// What a node says of itself and its cluster, to clients and to whoever starts it.
import { describe, expect, test } from "bun:test";
import type { Configuration } from "../../src/core/configuration.ts";
import { describeStatus } from "../../src/node/status.ts";
import type { ClientReply } from "../../src/ports/requests.ts";
import { follower as followerOf } from "../core/build.ts";
import { n1, n2, n3, n4, n5 } from "../core/say.ts";
import { Cluster } from "./cluster.ts";

const three = ["n1", "n2", "n3"] as const;
type Kind = "status" | "configuration" | "describe";

function ask<K extends Kind>(cluster: Cluster, id: string, kind: K): Extract<ClientReply, { readonly kind: K }> {
  const client = cluster.client(id);
  client.send((request) => ({ kind, id: request }));
  const [reply] = client.raw;
  if (reply?.kind !== kind) throw new Error(`no reply to ${kind}`);
  return reply as Extract<ClientReply, { readonly kind: K }>;
}

describe("status", () => {
  test("of a founder that waits for the others: it names them and why they are missing", async () => {
    const cluster = new Cluster(three);
    await cluster.start("n1");
    await cluster.start("n2");
    await cluster.settle();
    const status = ask(cluster, "n1", "status");
    expect([status.cluster, status.node, status.leader, status.term]).toEqual(["test", "n1", null, 0]);
    expect(status.nodes.map(({ id, role, reachable }) => [id, role, reachable])).toEqual([
      ["n1", "founding", true],
      ["n2", null, true],
      ["n3", null, false],
    ]);
    expect(status.waitingFor).toEqual(["n3 at n3.test:7400: connection refused: nothing listens there"]);
    expect(ask(cluster, "n1", "configuration").members).toEqual([]);
    await cluster.stopAll();
  });

  test("of a leader: how far each member is", async () => {
    const cluster = await Cluster.founded(three);
    const { leader } = cluster;
    const [slow, quick] = [cluster.followers[0]!, cluster.followers[1]!];
    slow.holdsDisk = "everything";
    const client = cluster.client(leader.id);
    client.command("a");
    client.command("b");
    await cluster.advance(20);
    const status = ask(cluster, leader.id, "status");
    expect(status.leader).toEqual({ id: leader.id, address: `${leader.id}.test:7400` });
    expect([status.commitIndex, status.waitingFor]).toEqual([3, []]);
    const of = (id: string) => status.nodes.find((node) => node.id === id);
    const calm = { outgoing: false, pending: null, priority: 0, snapshot: null, plugins: [], problem: null } as const;
    const common = { ...calm, voter: true, reachable: true, version: "0" };
    const address = (id: string): string => `${id}.test:7400`;
    expect([of(leader.id), of(slow.id), of(quick.id)]).toEqual([
      {
        ...common,
        id: leader.id,
        address: address(leader.id),
        role: "leader",
        matchIndex: 3,
        appliedIndex: 3,
        lagEntries: 0,
      },
      {
        ...common,
        id: slow.id,
        address: address(slow.id),
        role: "follower",
        matchIndex: 1,
        appliedIndex: null,
        lagEntries: 2,
      },
      {
        ...common,
        id: quick.id,
        address: address(quick.id),
        role: "follower",
        matchIndex: 3,
        appliedIndex: null,
        lagEntries: 0,
      },
    ]);
    slow.holdsDisk = "nothing";
    slow.store.flushAll();
    await cluster.stopAll();
  });

  test("of a member whose process has ended: that it cannot be reached, and nothing of what it was", async () => {
    const cluster = await Cluster.founded(three);
    const [gone, other] = [cluster.followers[0]!, cluster.followers[1]!];
    cluster.kill(gone.id);
    await cluster.settle();
    for (const { id } of [cluster.leader, other]) {
      const row = ask(cluster, id, "status").nodes.find((node) => node.id === gone.id);
      expect(row).toMatchObject({ role: null, reachable: false, voter: true });
    }
    await cluster.stopAll();
  });

  test("of a follower: who leads, and of the others only what it knows", async () => {
    const cluster = await Cluster.founded(three);
    const { leader } = cluster;
    const follower = cluster.followers[0]!;
    const status = ask(cluster, follower.id, "status");
    expect(status.leader?.id).toBe(leader.id);
    expect(status.nodes.find(({ id }) => id === leader.id)).toMatchObject({ role: "leader", matchIndex: null });
    expect(status.nodes.find(({ id }) => id === follower.id)).toMatchObject({ role: "follower", appliedIndex: 0 });
    await cluster.stopAll();
  });

  test("without a quorum: no leader, and whom the node is waiting for", async () => {
    const cluster = await Cluster.founded(three);
    cluster.isolate("n1");
    await cluster.advance(3_000);
    const status = ask(cluster, "n1", "status");
    expect(status.leader).toBeNull();
    expect(status.waitingFor).toEqual([
      "n2 at n2.test:7400: the network is cut",
      "n3 at n3.test:7400: the network is cut",
    ]);
    expect(status.nodes.map(({ id, reachable }) => [id, reachable])).toEqual([
      ["n1", true],
      ["n2", false],
      ["n3", false],
    ]);
    cluster.rejoin("n1");
    await cluster.stopAll();
  });

  test("the configuration names members with their incarnations", async () => {
    const cluster = await Cluster.founded(three);
    const { index, members } = ask(cluster, "n2", "configuration");
    expect(index).toBe(0);
    expect(members.map((member) => [member.id, member.incarnation, member.voter, member.outgoing])).toEqual([
      ["n1", "n1-disk", true, false],
      ["n2", "n2-disk", true, false],
      ["n3", "n3-disk", true, false],
    ]);
    await cluster.stopAll();
  });

  test("the state machine describes itself", async () => {
    const cluster = await Cluster.founded(["n1"]);
    expect(ask(cluster, "n1", "describe")).toMatchObject({ name: "recording", version: "1", style: "raw" });
    await cluster.stopAll();
  });
});

describe("founding", () => {
  test("a genesis is shown to others only once it is durable here", async () => {
    const cluster = new Cluster(three);
    for (const id of three) (await cluster.start(id)).holdsDisk = "everything";
    await cluster.settle();
    const said = (id: string): readonly string[] =>
      cluster.member(id).trace.filter((line) => line.startsWith("setAffiliation") || line.startsWith("send genesis"));
    expect(cluster.member("n1").store.pendingWrites).toBe(1);
    expect(said("n1")).toEqual(["setAffiliation founding"]);
    cluster.member("n1").store.flushAll();
    await cluster.settle();
    expect(said("n1")).toEqual([
      "setAffiliation founding",
      "setAffiliation known",
      "send genesisNotice n2",
      "send genesisNotice n3",
    ]);
    // Adopted, and not durable there yet.
    expect(cluster.member("n2").store.pendingWrites).toBe(1);
    expect(said("n2")).toEqual(["setAffiliation founding"]);
    for (const member of cluster.members.values()) member.holdsDisk = "nothing";
    for (const id of ["n2", "n3"]) cluster.member(id).store.flushAll();
    await cluster.settle();
    expect(said("n2")).toContain("setAffiliation known");
    await cluster.electLeader();
    await cluster.stopAll();
  });
});

describe("what a member is to become", () => {
  /** What the status says of each member while these steps are to come. */
  function pendingWith(...pending: Configuration["pending"]): Record<string, unknown> {
    const state = followerOf({
      self: n1,
      members: [n1, n2, n3, n4, n5],
      configuration: { voters: [n1, n2, n3], pending },
    });
    const { nodes } = describeStatus({
      state,
      options: { cluster: "c", version: "0", address: "n1:7400" },
      appliedIndex: 0,
      agreesThrough: null,
      membership: {
        acquaintance: { bootstrap: null, list: null, contacts: [] },
        notFound: [],
        isConnected: () => true,
      },
      snapshots: { sentTo: () => null },
      peers: () => [],
      problemOf: () => null,
      isRefilling: () => false,
      versions: [],
      versionsOf: () => null,
    });
    return Object.fromEntries(nodes.map((node) => [node.id, node.pending]));
  }
  const step = (more: Partial<Configuration["pending"][number]>) => ({ promote: [], demote: [], remove: [], ...more });

  test("is told of any step to come, and of several the one that it ends in", () => {
    const calm = { n1: null, n2: null, n3: null, n4: null, n5: null };
    expect(pendingWith()).toEqual(calm);
    const swap = step({ promote: [n4], demote: [n2] });
    expect(pendingWith(swap)).toEqual({ ...calm, n2: "demote", n4: "promote" });
    expect(pendingWith(swap, step({ promote: [n5], remove: [n2] }))).toMatchObject({ n2: "remove", n5: "promote" });
    expect(pendingWith(step({ promote: [n4], demote: [n2], remove: [n2] }))).toMatchObject({ n2: "remove" });
  });
});
