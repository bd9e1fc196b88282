// What a state machine asks for while the disk of its node is full: the node takes no part then, and knows it when it does again.
import { expect, test } from "bun:test";
import { Cluster } from "./cluster.ts";

test("a node whose disk was full knows when its state machine is to be woken", async () => {
  const cluster = await Cluster.founded(["n1", "n2", "n3"]);
  const full = cluster.followers[0]!;
  const client = cluster.client(cluster.leader.id);
  full.machine.isSlow = true;
  client.command("a");
  await cluster.advance(300);
  expect(full.machine.heldCount).toBeGreaterThan(0);
  full.room = { freeBytes: 0, totalBytes: 2 ** 40 };
  await cluster.advance(1_000);
  client.command("b");
  await cluster.advance(1_000);
  expect(full.node.parts.loop.waitsForRoom).toBe(true);
  // What it was busy with all the time comes to its end.
  full.machine.wakeAtMs = 9e15;
  full.machine.isSlow = false;
  full.machine.release();
  await cluster.advance(100);
  full.room = { freeBytes: 2 ** 40, totalBytes: 2 ** 40 };
  await cluster.advance(3_000);
  expect(full.node.parts.loop.waitsForRoom).toBe(false);
  expect(full.node.state.wake?.atMs).toBe(9e15);
  await cluster.stopAll();
});
