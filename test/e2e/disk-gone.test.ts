// A disk that is taken away from a running node is a failed disk, and no mistake in Graft.
import { expect, test } from "bun:test";
import { renameSync } from "node:fs";
import { TestCluster } from "./test-cluster.ts";

test("a node whose data directory is gone names the disk and the remedy, and exits with 1", async () => {
  const cluster = await TestCluster.start({ nodes: 1 });
  try {
    const [{ id, dataDir }] = cluster.layout.nodes as readonly [(typeof cluster.layout.nodes)[number]];
    renameSync(dataDir, `${dataDir}.away`);
    expect(await cluster.process(id).exited).toBe(1);
    const log = cluster.logOf(id);
    expect(log).toContain(`how much space is free on the disk of ${dataDir}`);
    expect(log).toContain("Look at the disk's health and its mount, then start the node again.");
    expect(log).not.toContain("mistake in Graft");
  } finally {
    await cluster.remove();
  }
});
