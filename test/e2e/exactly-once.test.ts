// A command takes effect exactly once (§6.3) while leaders die or freeze without a word: nobody sees an error, and nothing counts
// twice.
import { describe, expect, test } from "bun:test";
import { TestCluster, until } from "./test-cluster.ts";

const disturbances = 4;
const workers = 12;
const leastEach = 200;

/** What happens to a leader, and how it comes back once the others have gone on. */
const troubles: readonly (readonly [string, (cluster: TestCluster, leader: string) => Promise<() => void>])[] = [
  [
    "SIGKILLs of its leaders",
    async (cluster, leader) => {
      await cluster.process(leader).kill();
      return () => void cluster.run(leader);
    },
  ],
  [
    // What it was given before it froze, it may still propose or hand over when it goes on.
    "leaders that freeze and go on",
    async (cluster, leader) => {
      cluster.process(leader).signal("SIGSTOP");
      return () => cluster.process(leader).signal("SIGCONT");
    },
  ],
];

describe("P25: a counter has the value that was acknowledged, and no client sees an error", () => {
  test.each(troubles)(
    "through %s",
    async (_, disturb) => {
      const cluster = await TestCluster.start({ plugin: "counter" });
      try {
        const clients = Array.from({ length: 3 }, () => cluster.connect());
        const add = new TextEncoder().encode("add 1");
        let acknowledged = 0;
        let isOver = false;
        const errors: unknown[] = [];
        const work = Array.from({ length: workers }, async (__, number) => {
          for (;;) {
            if (isOver) return;
            await clients[number % clients.length]!.command(add).then(
              () => acknowledged++,
              (error: unknown) => errors.push(error),
            );
          }
        });
        const progress = async (): Promise<void> => {
          const wanted = acknowledged + leastEach;
          await until(`${leastEach} more increments`, () => acknowledged >= wanted || errors.length > 0);
        };
        for (let nth = 0; nth < disturbances; nth++) {
          await progress();
          const comeBack = await disturb(cluster, await cluster.leader());
          await progress();
          comeBack();
          await cluster.caughtUp();
        }
        isOver = true;
        await Promise.all(work);
        expect(errors).toEqual([]);
        const { payload } = await cluster.client.query(new Uint8Array());
        expect(new TextDecoder().decode(payload)).toBe(String(acknowledged));
        expect(acknowledged).toBeGreaterThanOrEqual(disturbances * 2 * leastEach);
      } finally {
        await cluster.remove();
      }
    },
    180_000,
  );
});
