// A stale read is answered at once by any node, which says how old its state is, and refuses when that is too old.
import { describe, expect, test } from "bun:test";
import { Cluster } from "./cluster.ts";
import type { Client } from "./client.ts";

const three = ["n1", "n2", "n3"] as const;

/** Of the client's last reply: how old the state was that answered; null: not known. */
function staleness(client: Client): number | null {
  const last = client.raw.at(-1);
  if (last?.kind !== "result") throw new Error(`no result but ${client.replies.at(-1)}`);
  return last.stalenessMs;
}

describe("stale reads", () => {
  test("a follower answers at once, and says how old its state is at the most", async () => {
    const cluster = await Cluster.founded(three);
    const writer = cluster.client(cluster.leader.id);
    writer.command("a");
    await cluster.settle();
    await cluster.advance(500);
    for (const { id } of cluster.members.values()) {
      const client = cluster.client(id);
      client.stale("count");
      await cluster.settle();
      expect(client.replies).toEqual(["1 result 2.1 count of 1"]);
      // Heartbeats are 50 ms apart.
      expect(staleness(client)).toBeLessThanOrEqual(160);
    }
    await cluster.stopAll();
  });

  test("one that is cut off goes on answering, from a state that grows older, and refuses what asks for less", async () => {
    const cluster = await Cluster.founded(three);
    await cluster.advance(300);
    const follower = cluster.followers[0]!;
    const client = cluster.client(follower.id);
    cluster.isolate(follower.id);
    cluster.client(cluster.leader.id).command("a");
    await cluster.advance(2_000);
    client.stale("count", 1_000);
    expect(client.replies).toEqual(["1 unavailable"]);
    expect(client.raw[0]?.kind === "error" && client.raw[0].message).toMatch(/may be 2\d\d\d ms old/);
    client.stale("count");
    await cluster.settle();
    expect(client.replies[1]).toEndWith("count of 0");
    expect(staleness(client)).toBeGreaterThanOrEqual(2_000);
    cluster.rejoin(follower.id);
    await cluster.advance(1_500);
    client.stale("count", 1_000);
    await cluster.settle();
    expect(client.replies[2]).toEndWith("count of 1");
    await cluster.stopAll();
  });

  test("a node that has not heard from a leader since its start says that it does not know", async () => {
    const cluster = await Cluster.founded(three);
    const follower = cluster.followers[0]!;
    const disk = await cluster.crash(follower.id);
    cluster.isolate(follower.id);
    await cluster.start(follower.id, { disk });
    const client = cluster.client(follower.id);
    client.stale("count");
    await cluster.settle();
    expect(staleness(client)).toBeNull();
    client.stale("count", 60_000);
    await cluster.settle();
    expect(client.replies[1]).toBe("2 unavailable");
    cluster.rejoin(follower.id);
    await cluster.stopAll();
  });
});
