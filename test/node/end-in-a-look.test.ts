// A node that ends within its own look at the clock looks no more: another node may have begun with the same data by then.
import { expect, test } from "bun:test";
import { GraftError } from "../../src/errors.ts";
import { Cluster } from "./cluster.ts";

test("a node that finds its log damaged while it relieves its disk looks at the clock no more", async () => {
  const cluster = await Cluster.founded(["n1"]);
  const { leader } = cluster;
  cluster.client("n1").command("a");
  await cluster.settle();
  leader.store.chainAt = () => {
    throw new GraftError("damaged", "entry 3 is damaged");
  };
  leader.room = { freeBytes: 90 * 2 ** 20, totalBytes: 1_000 * 2 ** 20 };
  await cluster.until("it has ended", () => leader.end !== null);
  expect(leader.end?.kind).toBe("damaged");
  let looks = 0;
  leader.node.parts.fitness.sweep = () => void looks++;
  await cluster.advance(1_000, 100);
  expect([looks, cluster.clock.pendingTimers]).toEqual([0, 0]);
});
