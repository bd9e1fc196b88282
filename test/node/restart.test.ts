// A node that starts again has its log and its vote, and an empty state machine: it applies anew what is known to be
// committed, and nothing before it is known.
import { describe, expect, test } from "bun:test";
import { Cluster } from "./cluster.ts";

const three = ["n1", "n2", "n3"] as const;

describe("restart", () => {
  test("P20: the whole log is replayed into the fresh state machine once commit is known, each entry once", async () => {
    const cluster = await Cluster.founded(three);
    const client = cluster.client(cluster.leader.id);
    const follower = cluster.followers[0]!;
    const commands = Array.from({ length: 20 }, (_, at) => `c${at}`);
    for (const command of commands) {
      client.command(command);
      await cluster.settle();
    }
    await cluster.advance(100);
    const disk = await cluster.crash(follower.id);
    cluster.isolate(follower.id);
    const again = await cluster.start(follower.id, { disk });
    await cluster.advance(3_000, 50);
    // It has every entry, and nobody who tells it what is committed.
    expect(again.node.state.log.last.index).toBe(21);
    expect(again.machine.runs).toEqual([]);
    cluster.rejoin(follower.id);
    await cluster.advance(500);
    expect(again.machine.applied).toEqual(commands.map((command, at) => `${at + 2}:${command}`));
    expect(again.node.appliedIndex).toBe(cluster.leader.node.state.commitIndex);
    await cluster.stopAll();
  });

  test("P45: after all of them crashed at once no acknowledged command is missing", async () => {
    const cluster = await Cluster.founded(three);
    const client = cluster.client(cluster.leader.id);
    for (const command of ["a", "b", "c"]) client.command(command);
    await cluster.settle();
    expect(client.replies.length).toBe(3);
    const disks = new Map<string, Awaited<ReturnType<Cluster["crash"]>>>();
    for (const id of three) disks.set(id, cluster.member(id).store.crash());
    for (const id of three) await cluster.crash(id);
    for (const id of three) await cluster.start(id, { disk: disks.get(id)! });
    await cluster.settle();
    const leader = await cluster.electLeader();
    await cluster.advance(200);
    for (const { machine } of cluster.members.values()) expect(machine.applied).toEqual(["2:a", "3:b", "4:c"]);
    const reader = cluster.client(leader.id);
    reader.query("count");
    await cluster.settle();
    expect(reader.replies.map((reply) => reply.split(" ").slice(3).join(" "))).toEqual(["count of 3"]);
    await cluster.stopAll();
  });

  test("P17: a node alone applies and answers nothing before its own disk has it", async () => {
    const cluster = await Cluster.founded(["n1"]);
    const { leader } = cluster;
    const client = cluster.client("n1");
    leader.holdsDisk = "everything";
    client.command("a");
    await cluster.advance(1_000);
    expect([client.replies, leader.machine.applied]).toEqual([[], []]);
    const disk = await cluster.crash("n1");
    const again = await cluster.start("n1", { disk });
    await cluster.electLeader();
    expect(again.machine.applied).toEqual([]);
    // And what had not been promised is gone without harm.
    expect(client.replies).toEqual(["1 outcome-unknown"]);
    await cluster.stopAll();
  });
});
