// A command takes effect exactly once (§6.3) while leaders die or freeze without a word: nobody sees an error, and nothing counts
// twice.
import { describe, expect, test } from "bun:test";
import { LoadedCounter, valueOf } from "./loaded-counter.ts";
import { TestCluster, until } from "./test-cluster.ts";

const disturbances = 4;
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
      const counters = Array.from({ length: 3 }, () => new LoadedCounter(cluster.connect(), { workers: 4 }));
      const acknowledged = (): number => counters.reduce((sum, counter) => sum + counter.acknowledged, 0);
      const errors = (): readonly unknown[] => counters.flatMap((counter) => counter.errors);
      const progress = async (): Promise<void> => {
        const wanted = acknowledged() + leastEach;
        await until(`${leastEach} more increments`, () => acknowledged() >= wanted || errors().length > 0);
      };
      try {
        for (let nth = 0; nth < disturbances; nth++) {
          await progress();
          const comeBack = await disturb(cluster, await cluster.leader());
          await progress();
          comeBack();
          await cluster.inStep();
        }
        await Promise.all(counters.map((counter) => counter.stop()));
        expect(errors()).toEqual([]);
        expect(await valueOf(cluster.client)).toBe(acknowledged());
        expect(acknowledged()).toBeGreaterThanOrEqual(disturbances * 2 * leastEach);
      } finally {
        await cluster.remove();
      }
    },
    180_000,
  );
});
