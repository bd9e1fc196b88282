// A query is answered from a state that holds everything acknowledged before it was asked, or not at all.
import { describe, expect, test } from "bun:test";
import { Cluster } from "./cluster.ts";

const three = ["n1", "n2", "n3"] as const;

describe("queries", () => {
  test("P22: a new leader answers no query before an entry of its own term is committed", async () => {
    const cluster = await Cluster.founded(three);
    const old = cluster.leader;
    const writer = cluster.client(old.id);
    writer.command("a");
    await cluster.settle();
    expect(writer.replies).toEqual(["1 result 2.1 a"]);
    // Nobody else has heard yet that it is committed.
    expect(cluster.followers.map(({ machine }) => machine.applied)).toEqual([[], []]);
    for (const follower of cluster.followers) follower.holdsDisk = "appends";
    cluster.isolate(old.id);
    await cluster.anotherLeader(old);
    const { leader } = cluster;
    const reader = cluster.client(leader.id);
    reader.query("count");
    await cluster.advance(100);
    expect(leader.node.state.role.kind).toBe("leader");
    expect([reader.replies, leader.machine.queries]).toEqual([[], []]);
    for (const { store } of [...cluster.followers, leader]) store.flushAll();
    await cluster.settle();
    for (const { store } of [...cluster.followers, leader]) store.flushAll();
    await cluster.settle();
    expect(reader.replies).toEqual([`1 result ${leader.node.state.log.last.index}.2 count of 1`]);
    for (const member of cluster.members.values()) member.holdsDisk = "nothing";
    cluster.rejoin(old.id);
    await cluster.stopAll();
  });

  test("P22: a deposed leader behind a partition never answers from the past", async () => {
    const cluster = await Cluster.founded(three);
    const old = cluster.leader;
    cluster.isolate(old.id);
    const stale = cluster.client(old.id);
    stale.query("count");
    await cluster.settle();
    await cluster.anotherLeader(old);
    await cluster.electLeader();
    const writer = cluster.client(cluster.leader.id);
    writer.command("a");
    await cluster.settle();
    expect(writer.replies.length).toBe(1);
    stale.query("count again");
    await cluster.settle();
    await cluster.advance(300);
    expect(old.machine.queries).toEqual([]);
    cluster.rejoin(old.id);
    await cluster.advance(300);
    expect(stale.replies).toEqual(["1 not-leader", "2 not-leader"]);
    expect(old.machine.queries).toEqual([]);
    await cluster.stopAll();
  });

  test("a query makes no entry, and names how far the state reached that answered", async () => {
    const cluster = await Cluster.founded(three);
    const client = cluster.client(cluster.leader.id);
    client.command("a");
    await cluster.settle();
    client.query("count");
    await cluster.settle();
    expect(client.replies).toEqual(["1 result 2.1 a", "2 result 2.1 count of 1"]);
    expect(cluster.leader.node.state.log.last.index).toBe(2);
    await cluster.stopAll();
  });

  test("a follower answers as well, from a state that holds what was acknowledged", async () => {
    const cluster = await Cluster.founded(three);
    const writer = cluster.client(cluster.leader.id);
    writer.command("a");
    await cluster.settle();
    const follower = cluster.followers[0]!;
    const reader = cluster.client(follower.id);
    expect(follower.machine.applied).toEqual([]);
    reader.query("count");
    await cluster.settle();
    expect(reader.replies).toEqual(["1 result 2.1 count of 1"]);
    await cluster.stopAll();
  });
});
