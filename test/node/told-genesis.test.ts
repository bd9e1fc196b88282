// A founder tells strangers of the cluster's genesis once it is durable: after a power cut it would found another cluster.
import { expect, test } from "bun:test";
import { join } from "./administering.ts";
import { Cluster, type Member } from "./cluster.ts";

const three = ["n1", "n2", "n3"] as const;

test("P45: a genesis that is not durable is told to nobody, and to each stranger as soon as it is", async () => {
  const cluster = new Cluster(three);
  const joining = await join(cluster, "n4", three);
  // Until the stranger has found them all, the founders do not find each other.
  cluster.network.cut("n1", "n3");
  const founders: Member[] = three.map((id) => cluster.make(id));
  for (const founder of founders) {
    founder.holdsDisk = "everything";
    await founder.node.start();
  }
  await cluster.until("the stranger is connected with all", () => {
    return joining.logs.filter((line) => line === "info peer connected").length === 3;
  });
  cluster.network.heal("n1", "n3");
  const tells = ({ trace }: Member): boolean => trace.some((line) => line.startsWith("send genesisNotice"));
  const knows = ({ node }: Member): boolean => node.state.genesis !== null;
  await cluster.until("one of them has decided on it", () => founders.some(knows));
  await cluster.advance(200);
  expect(founders.filter(tells)).toEqual([]);
  for (const founder of founders) {
    founder.holdsDisk = "nothing";
    founder.store.flushAll();
  }
  await cluster.until("all know it", () => [...cluster.members.values()].every(knows));
  expect(founders.some(({ trace }) => trace.includes("send genesisNotice n4"))).toBe(true);
  await cluster.stopAll();
});
