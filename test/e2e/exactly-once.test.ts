// A command takes effect exactly once (§6.3) while leaders die without a word: nobody sees an error, and nothing counts twice.
import { expect, test } from "bun:test";
import { TestCluster, until } from "./test-cluster.ts";

const killsMax = 4;
const workers = 12;

test("P25: a counter has the value that was acknowledged, through SIGKILLs of its leaders, and no client sees an error", async () => {
  const cluster = await TestCluster.start({ plugin: "counter" });
  try {
    const clients = Array.from({ length: 3 }, () => cluster.connect());
    const add = new TextEncoder().encode("add 1");
    let acknowledged = 0;
    let isOver = false;
    const errors: unknown[] = [];
    const work = Array.from({ length: workers }, async (_, number) => {
      for (;;) {
        if (isOver) return;
        await clients[number % clients.length]!.command(add).then(
          () => acknowledged++,
          (error: unknown) => errors.push(error),
        );
      }
    });
    const progress = async (more: number): Promise<void> => {
      const wanted = acknowledged + more;
      await until(`${more} more increments`, () => acknowledged >= wanted || errors.length > 0);
    };
    for (let kills = 0; kills < killsMax; kills++) {
      await progress(200);
      const leader = await cluster.leader();
      await cluster.process(leader).kill();
      await progress(200);
      cluster.run(leader);
      await cluster.caughtUp();
    }
    isOver = true;
    await Promise.all(work);
    expect(errors).toEqual([]);
    const { payload } = await cluster.client.query(new Uint8Array());
    expect(new TextDecoder().decode(payload)).toBe(String(acknowledged));
    expect(acknowledged).toBeGreaterThanOrEqual(killsMax * 400);
  } finally {
    await cluster.remove();
  }
}, 180_000);
