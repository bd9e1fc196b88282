// A client whose entry a leader's snapshot covers: nobody here sees what becomes of it, and the client is told so at once.
import { expect, test } from "bun:test";
import { Cluster } from "./cluster.ts";

test("P26: a deposed leader that installs a snapshot over a client's entry tells the client that its outcome is unknown", async () => {
  const cluster = new Cluster(["n1", "n2", "n3"], { tailEntriesMax: 0 });
  cluster.snapshotPolicy = { everyEntries: 5, everyBytes: 1e9 };
  for (const id of ["n1", "n2", "n3"]) await cluster.start(id);
  await cluster.settle();
  const old = await cluster.electLeader();
  cluster.isolate(old.id);
  const client = cluster.client(old.id);
  client.command("never heard of", 600_000);
  await cluster.settle();
  const next = await cluster.anotherLeader(old);
  // For longer than a leader holds its log back for a follower that says nothing.
  await cluster.advance(2_000);
  const other = cluster.client(next.id);
  for (let count = 0; count < 30; count++) {
    other.command(`c${count}`);
    await cluster.advance(20);
  }
  await cluster.until("the log is cut", () => next.node.state.log.base.index > 10);
  expect(client.replies).toEqual([]);
  cluster.rejoin(old.id);
  await cluster.until("it has the snapshot", () => old.node.state.log.base.index > 10);
  await cluster.settle();
  expect(client.replies).toEqual(["1 outcome-unknown"]);
  expect([old.node.requests.waitingCount, old.node.requests.open.count]).toEqual([0, 0]);
  await cluster.until("it has applied all", () => old.node.appliedIndex === next.node.state.commitIndex);
  expect(old.machine.applied.some((line) => line.endsWith("never heard of"))).toBe(false);
  expect([client.replies.length, client.late]).toEqual([1, []]);
  await cluster.stopAll();
});
