// What becomes of the requests that a leader has taken when it leads no more? Each gets one answer, and a true one.
import { describe, expect, test } from "bun:test";
import { Cluster } from "./cluster.ts";

const three = ["n1", "n2", "n3"] as const;
const appliedAnywhere = (cluster: Cluster): readonly string[] =>
  [...cluster.members.values()].flatMap(({ machine }) => machine.applied.map((line) => line.split(":")[1]!));

describe("lost leadership", () => {
  test("P26: a command that was overwritten did not happen, and may be sent to the new leader", async () => {
    const cluster = await Cluster.founded(three);
    const old = cluster.leader;
    const client = cluster.client(old.id);
    cluster.isolate(old.id);
    await cluster.settle();
    client.command("lost");
    await cluster.anotherLeader(old);
    expect(client.replies).toEqual([]);
    cluster.rejoin(old.id);
    await cluster.advance(300);
    expect(client.replies).toEqual([`1 not-leader ${cluster.leader.id}`]);
    expect(appliedAnywhere(cluster)).toEqual([]);
    expect(old.node.requests.waitingCount).toBe(0);
    await cluster.stopAll();
  });

  test("P26: a command that the next leader commits is answered with its result", async () => {
    const cluster = await Cluster.founded(three);
    const old = cluster.leader;
    const client = cluster.client(old.id);
    client.command("kept");
    // The entry reaches the followers, their acknowledgements do not come back.
    cluster.clock.runSoon();
    cluster.network.deliverAll();
    cluster.isolate(old.id);
    await cluster.anotherLeader(old);
    expect(client.replies).toEqual([]);
    cluster.rejoin(old.id);
    await cluster.advance(300);
    expect(client.replies).toEqual(["1 result 2.1 kept"]);
    expect(appliedAnywhere(cluster)).toEqual(["kept", "kept", "kept"]);
    await cluster.stopAll();
  });

  test("P26: a command whose fate is not known at its deadline is unknown, a query can be asked elsewhere once the lead is lost", async () => {
    const cluster = await Cluster.founded(three);
    const old = cluster.leader;
    const client = cluster.client(old.id);
    cluster.isolate(old.id);
    await cluster.settle();
    client.command("lost", 1_500);
    client.query("count", 1_500);
    await cluster.advance(1_400);
    expect(client.replies).toEqual(["2 not-leader"]);
    await cluster.advance(300);
    expect(client.replies).toEqual(["2 not-leader", "1 outcome-unknown"]);
    expect(old.node.requests.waitingCount).toBe(0);
    cluster.rejoin(old.id);
    await cluster.advance(500);
    expect(client.replies.length).toBe(2);
    await cluster.stopAll();
  });

  test("P26: a command that came during a hand-over is sent on to the new leader", async () => {
    const cluster = await Cluster.founded(three);
    const old = cluster.leader;
    const client = cluster.client(old.id);
    const target = cluster.followers[0]!;
    client.send((id) => ({ kind: "transferLeadership", id, to: target.id }));
    client.command("held");
    await cluster.settle();
    await cluster.advance(100);
    expect(cluster.leader).toBe(target);
    expect([...client.replies].sort()).toEqual(["1 done", `2 not-leader ${target.id}`]);
    expect(appliedAnywhere(cluster)).toEqual([]);
    await cluster.stopAll();
  });

  test("P26: a command held by a hand-over that fails gets its place afterwards", async () => {
    const cluster = await Cluster.founded(three);
    const { leader } = cluster;
    const client = cluster.client(leader.id);
    const target = cluster.followers[0]!;
    target.holdsDisk = "everything";
    client.command("before");
    await cluster.settle();
    client.send((id) => ({ kind: "transferLeadership", id, to: target.id }));
    client.command("held");
    await cluster.advance(400);
    expect(client.replies).toEqual(["1 result 2.1 before"]);
    await cluster.advance(200);
    expect(client.replies).toEqual(["1 result 2.1 before", "2 outcome-unknown " + leader.id, "3 result 3.1 held"]);
    target.holdsDisk = "nothing";
    target.store.flushAll();
    await cluster.stopAll();
  });

  test("P64: commands whose fate is open from an earlier time in office keep no others out of the log", async () => {
    const cluster = await Cluster.founded(three);
    const old = cluster.leader;
    const client = cluster.client(old.id);
    cluster.isolate(old.id);
    await cluster.settle();
    for (let nth = 0; nth < 200; nth++) client.command("x".repeat(65 * 1024), 500);
    await cluster.anotherLeader(old);
    const lost = old.node.requests.open.bytes;
    expect(lost).toBeGreaterThan(8 * 1024 * 1024);
    cluster.rejoin(old.id);
    await cluster.advance(500);
    cluster.client(cluster.leader.id).send((id) => ({ kind: "transferLeadership", id, to: old.id }));
    await cluster.until("the old one leads again", () => cluster.leader === old);
    client.command("after");
    await cluster.advance(500);
    expect(client.replies.at(-1)).toStartWith("201 result");
    await cluster.stopAll();
  });
});
