// What each request becomes, what bounds them, and who is told what about a hand-over.
import { describe, expect, test } from "bun:test";
import { Cluster } from "./cluster.ts";

const three = ["n1", "n2", "n3"] as const;

describe("requests", () => {
  test("a follower names the leader, a node without one says so", async () => {
    const cluster = await Cluster.founded(three);
    const follower = cluster.followers[0]!;
    const client = cluster.client(follower.id);
    client.command("a");
    await cluster.settle();
    expect(client.replies).toEqual([`1 not-leader ${cluster.leader.id}`]);
    cluster.isolate(follower.id);
    await cluster.advance(2_000);
    client.command("a");
    client.query("b");
    await cluster.settle();
    expect(client.replies.slice(1).sort()).toEqual(["2 not-leader", "3 not-leader"]);
    cluster.rejoin(follower.id);
    await cluster.stopAll();
  });

  test("more than fit are refused at once, those of the same moment included, and room is given back", async () => {
    const cluster = await Cluster.founded(three);
    const { leader } = cluster;
    const client = cluster.client(leader.id);
    cluster.isolate(leader.id);
    await cluster.settle();
    for (let at = 0; at < 32_768; at++) client.command("x", 100);
    expect(client.replies).toEqual([]);
    client.command("one too many");
    client.query("and another");
    expect(client.replies).toEqual(["32769 overloaded", "32770 overloaded"]);
    await cluster.settle();
    client.command("still too many");
    expect(client.replies.at(-1)).toBe("32771 overloaded");
    await cluster.advance(200, 100);
    expect(client.replies.length).toBe(32_771);
    expect(leader.node.requests.waitingCount).toBe(0);
    // No client waits for them any more, but the log holds as many as a leader lets into it.
    expect(leader.node.requests.open.count).toBe(16_384);
    cluster.rejoin(leader.id);
    await cluster.advance(1_000);
    client.command("room again");
    await cluster.advance(100);
    expect(client.replies.at(-1)).toStartWith("32772 result");
    await cluster.stopAll();
  });

  test("the bytes that wait are bounded too, those of the same moment included", async () => {
    const cluster = await Cluster.founded(["n1"]);
    const client = cluster.client("n1");
    const payload = new Uint8Array(32 * 1024 * 1024);
    const query = (): number =>
      client.send((id) => ({
        kind: "query",
        id,
        payload,
        timeoutMs: 1_000,
        consistency: "linearizable",
        maxStalenessMs: null,
      }));
    for (let at = 0; at < 4; at++) query();
    expect(client.replies).toEqual([]);
    query();
    expect(client.replies).toEqual(["5 overloaded"]);
    await cluster.settle();
    expect([client.replies.length, cluster.leader.node.requests.open.bytes]).toEqual([5, 0]);
    query();
    await cluster.settle();
    expect(client.replies[5]).toStartWith("6 result");
    await cluster.stopAll();
  });

  test("a command that the state machine is slow with has one answer: that its outcome is unknown", async () => {
    const cluster = await Cluster.founded(["n1"]);
    const { machine } = cluster.leader;
    const client = cluster.client("n1");
    machine.isSlow = true;
    client.command("slow", 300);
    client.query("slow", 300);
    await cluster.advance(200);
    expect(client.replies).toEqual([]);
    await cluster.advance(200);
    expect([...client.replies].sort()).toEqual(["1 outcome-unknown", "2 unavailable"]);
    machine.release();
    await cluster.settle();
    expect([client.replies.length, machine.applied]).toEqual([2, ["2:slow"]]);
    await cluster.stopAll();
  });

  test("a hand-over is answered with what became of it", async () => {
    const cluster = await Cluster.founded(three);
    const { leader } = cluster;
    const client = cluster.client(leader.id);
    const transfer = (to: string | null) => client.send((id) => ({ kind: "transferLeadership", id, to }));
    transfer(leader.id);
    transfer("n9");
    await cluster.settle();
    expect(client.replies).toEqual(["1 done", `2 rejected ${leader.id}`]);
    transfer(null);
    await cluster.advance(100);
    expect(client.replies[2]).toBe("3 done");
    transfer(null);
    await cluster.settle();
    expect(client.replies[3]).toBe(`4 not-leader ${cluster.leader.id}`);
    await cluster.stopAll();
  });

  test("a second hand-over is refused, and the first one is not told so", async () => {
    const cluster = await Cluster.founded(three);
    const { leader } = cluster;
    const client = cluster.client(leader.id);
    const [a, b] = [cluster.followers[0]!, cluster.followers[1]!];
    client.send((id) => ({ kind: "transferLeadership", id, to: a.id }));
    client.send((id) => ({ kind: "transferLeadership", id, to: b.id }));
    client.send((id) => ({ kind: "transferLeadership", id, to: leader.id }));
    cluster.clock.runSoon();
    // Joins the one that is under way.
    client.send((id) => ({ kind: "transferLeadership", id, to: null }));
    await cluster.advance(100);
    expect(cluster.leader).toBe(a);
    expect([...client.replies].map((reply) => reply.split(" ").slice(0, 2).join(" ")).sort()).toEqual([
      "1 done",
      "2 overloaded",
      "3 done",
      "4 done",
    ]);
    await cluster.stopAll();
  });

  test("a hand-over that the target does not take is in doubt, and leadership stays", async () => {
    const cluster = await Cluster.founded(three);
    const { leader } = cluster;
    const client = cluster.client(leader.id);
    const target = cluster.followers[0]!;
    cluster.isolate(target.id);
    await cluster.settle();
    client.send((id) => ({ kind: "transferLeadership", id, to: target.id }));
    await cluster.advance(700);
    expect(client.replies).toEqual([`1 outcome-unknown ${leader.id}`]);
    expect(cluster.leader).toBe(leader);
    cluster.rejoin(target.id);
    await cluster.stopAll();
  });
});
