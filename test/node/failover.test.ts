// How long is a cluster without a leader when its leader's process ends, or when it only falls silent?
import { describe, expect, test } from "bun:test";
import { defaultSettings } from "../../src/core/settings.ts";
import { Cluster } from "./cluster.ts";

const three = ["n1", "n2", "n3"] as const;
const { electionTimeoutMs, heartbeatIntervalMs } = defaultSettings;

describe("without its leader", () => {
  test("whose process has ended, a cluster has another one within two heartbeat intervals", async () => {
    const cluster = await Cluster.founded(three);
    const [follower] = cluster.followers;
    if (follower === undefined) throw new Error("there is no follower");
    const beganMs = cluster.clock.nowMs();
    const old = cluster.leader;
    cluster.kill(old.id);
    await cluster.anotherLeader(old);
    expect(cluster.clock.nowMs() - beganMs).toBeLessThanOrEqual(2 * heartbeatIntervalMs);
    expect(follower.logs).toContain("info peer has crashed");
    await cluster.stopAll();
  });

  test("which is only cut off, it waits for an election timeout", async () => {
    const cluster = await Cluster.founded(three);
    const old = cluster.leader;
    const beganMs = cluster.clock.nowMs();
    cluster.isolate(old.id);
    await cluster.anotherLeader(old);
    expect(cluster.clock.nowMs() - beganMs).toBeGreaterThanOrEqual(electionTimeoutMs - heartbeatIntervalMs);
    cluster.rejoin(old.id);
    await cluster.stopAll();
  });

  test("a client that asks a survivor at once is answered by whoever leads next, or sent there", async () => {
    const cluster = await Cluster.founded(three);
    const old = cluster.leader;
    const survivors = cluster.followers;
    cluster.kill(old.id);
    await cluster.settle();
    const clients = survivors.map(({ id }) => cluster.client(id));
    for (const client of clients) client.command("next");
    await cluster.advance(4 * heartbeatIntervalMs);
    const { leader } = cluster;
    const replies = new Map(survivors.map(({ id }, at) => [id, clients[at]?.replies ?? []]));
    expect(replies.get(leader.id)?.[0]).toStartWith("1 result");
    const other = survivors.find(({ id }) => id !== leader.id);
    expect(replies.get(other?.id ?? "")).toEqual([`1 not-leader ${leader.id}`]);
    await cluster.stopAll();
  });
});
