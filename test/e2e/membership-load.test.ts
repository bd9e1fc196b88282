// Under load every node of the first three but the data leaves: nobody who counts sees an error, and nothing counts twice.
// How long nobody is answered is measured by bench/membership.ts.
import { expect, test } from "bun:test";
import { viewMembers } from "../../src/client/members.ts";
import { changeUnderLoad } from "../../src/local/membership-load.ts";
import { TestCluster } from "./test-cluster.ts";

const clients = 6;

test("P40: two nodes come, two founders go, the leader among them, a killed one is replaced, and the counter is what was acknowledged", async () => {
  const cluster = await TestCluster.start({ plugin: "counter" });
  try {
    const seen = await changeUnderLoad(
      {
        connect: () => cluster.connect(),
        join: (id) => cluster.join(id),
        kill: (id) => cluster.process(id).kill(),
      },
      { clients, calmMs: 300 },
    );
    expect(seen.errors).toEqual([]);
    expect(seen.counter).toBe(seen.acknowledged);
    expect((await viewMembers(cluster.client, 5_000)).members.map(({ id }) => id).sort()).toEqual(["n4", "n5", "n6"]);
  } finally {
    await cluster.remove();
  }
}, 120_000);
