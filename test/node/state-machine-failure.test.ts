// A state machine that cannot go on: its node says so, refuses what it cannot answer, and does not keep leading.
import { describe, expect, test } from "bun:test";
import { Cluster } from "./cluster.ts";

const three = ["n1", "n2", "n3"] as const;

describe("a state machine that fails", () => {
  test("on the leader: it hands over, refuses what comes, and the cluster goes on", async () => {
    const cluster = await Cluster.founded(three);
    const old = cluster.leader;
    const client = cluster.client(old.id);
    old.machine.poison = "bad";
    client.command("good");
    client.command("bad");
    client.query("count");
    await cluster.settle();
    expect(client.replies.map((reply) => reply.split(" ")[1])).toEqual([
      "state-machine",
      "state-machine",
      "state-machine",
    ]);
    await cluster.advance(100);
    const { leader } = cluster;
    expect(leader).not.toBe(old);
    // It follows now: its clients are sent on, and not kept by a node that cannot help them.
    client.command("later");
    expect(client.replies[3]).toBe(`4 not-leader ${leader.id}`);
    const other = cluster.client(leader.id);
    other.command("more");
    await cluster.advance(100);
    expect(other.replies.length).toBe(1);
    expect(leader.machine.applied.map((line) => line.split(":")[1])).toEqual(["good", "bad", "more"]);
    // Its log goes on: it still votes and acknowledges.
    expect([old.end, old.node.state.log.last]).toEqual([null, leader.node.state.log.last]);
    expect(old.logs).toContain("error the state machine has stopped");
    const asking = cluster.client(old.id);
    asking.send((id) => ({ kind: "status", id }));
    const [status] = asking.raw;
    const own = status?.kind === "status" ? status.nodes.find(({ id }) => id === old.id) : undefined;
    expect(own?.problem).toStartWith("its state machine has stopped: ");
    await cluster.stopAll();
  });

  test("a node whose state machine has stopped does not keep a leadership that it gets later", async () => {
    const cluster = await Cluster.founded(three);
    const first = cluster.leader;
    const sick = cluster.followers[0]!;
    sick.machine.poison = "bad";
    const client = cluster.client(first.id);
    client.command("bad");
    await cluster.advance(100);
    expect(client.replies.length).toBe(1);
    void first.node.transfer(sick.id);
    await cluster.anotherLeader(first);
    await cluster.anotherLeader(sick);
    const next = cluster.client(cluster.leader.id);
    next.query("count");
    await cluster.settle();
    expect(next.replies.length).toBe(1);
    await cluster.stopAll();
  });

  test("a leader that finds nobody to hand over to tries again, but not all the time", async () => {
    const cluster = await Cluster.founded(["n1"]);
    const { leader } = cluster;
    leader.machine.poison = "bad";
    const client = cluster.client("n1");
    client.command("bad");
    await cluster.settle();
    const asked = (): number =>
      leader.logs.filter((line) => line.endsWith("leadership shall go to the best prepared voter")).length;
    expect(asked()).toBe(1);
    await cluster.advance(3_000);
    expect(asked()).toBeGreaterThanOrEqual(3);
    expect(asked()).toBeLessThanOrEqual(4);
    client.command("later");
    client.query("later");
    expect(client.replies).toEqual(["1 state-machine", "2 state-machine", "3 state-machine"]);
    expect(leader.machine.runs.flat().length).toBe(1);
    await cluster.stopAll();
  });

  test("a rejected command is an answer, the same on every node, and nothing stops", async () => {
    const cluster = await Cluster.founded(three);
    const client = cluster.client(cluster.leader.id);
    client.command("reject this");
    client.command("good");
    await cluster.advance(100);
    expect(client.replies).toEqual(["1 rejected", "2 result 3.1 good"]);
    for (const { machine } of cluster.members.values()) expect(machine.applied.length).toBe(2);
    await cluster.stopAll();
  });

  test("nothing is applied on a node before it is durable there, the leader's own disk included", async () => {
    const cluster = await Cluster.founded(three);
    const { leader } = cluster;
    const client = cluster.client(leader.id);
    leader.holdsDisk = "everything";
    client.command("a");
    await cluster.advance(100);
    expect(leader.node.state.commitIndex).toBe(2);
    expect([leader.machine.applied, client.replies]).toEqual([[], []]);
    expect(cluster.followers.map(({ machine }) => machine.applied)).toEqual([["2:a"], ["2:a"]]);
    leader.store.flushAll();
    await cluster.settle();
    expect([leader.machine.applied, client.replies]).toEqual([["2:a"], ["1 result 2.1 a"]]);
    leader.holdsDisk = "nothing";
    await cluster.stopAll();
  });
});
