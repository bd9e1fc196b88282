// A log may hold an address that is none: a client's slip that an older rule let pass. It ends no node.
import { expect, test } from "bun:test";
import { randomBytes } from "node:crypto";
import { openSqliteLogStore } from "../../src/adapters/sqlite/log-store.ts";
import { toMemberKey } from "../../src/core/configuration.ts";
import { TestCluster, until } from "./test-cluster.ts";

test("a member that is known at an address that is none is reported, and the others run and start again", async () => {
  const cluster = await TestCluster.create({ nodes: 1 });
  try {
    const { dataDir, address } = cluster.node("n1");
    const store = openSqliteLogStore({ dataDir, randomBytes });
    const members = [
      { key: toMemberKey("n1", store.saved.incarnation), address, priority: 0 },
      { key: toMemberKey("n4", "another-disk"), address: "::1:7404", priority: 0 },
    ];
    const genesis = { clusterUuid: "00112233445566778899aabbccddeeff", members, foundedAtMs: Date.now() };
    store.write([{ kind: "writeGenesis", ticket: 1, genesis }], () => undefined);
    store.close();

    for (const start of ["first", "second"]) {
      const node = cluster.run("n1");
      const status = await until(`the ${start} start`, () => cluster.client.status().catch(() => null));
      expect(status.waitingFor.join()).toContain("n4 at ::1:7404: its address needs brackets: [::1]:7404");
      expect(cluster.logOf("n1")).toContain("its address needs brackets");
      expect(node.isRunning).toBe(true);
      expect(await node.stop()).toBe(0);
    }
  } finally {
    await cluster.remove();
  }
});
