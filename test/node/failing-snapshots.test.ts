// What does a node say while it can take no snapshot? Its log grows meanwhile, so the status shows it until a snapshot succeeds.
import { afterEach, expect, test } from "bun:test";
import { Cluster, type Member } from "./cluster.ts";

const mebibyte = 2 ** 20;
let open: Cluster | null = null;
afterEach(async () => {
  await open?.stopAll();
  open = null;
});

function problemOf(cluster: Cluster, { id }: Member): string | null {
  const client = cluster.client(cluster.leader.id);
  client.send((request) => ({ kind: "status", id: request }));
  const [status] = client.raw;
  if (status?.kind !== "status") throw new Error("no status");
  return status.nodes.find((node) => node.id === id)!.problem;
}

async function commands(cluster: Cluster, count: number): Promise<void> {
  const client = cluster.client(cluster.leader.id);
  for (let at = 0; at < count; at++) client.command(`c${at}`);
  await cluster.advance(2_000, 100);
}

test("the status of every node shows the failure, its reason and the remedy until a snapshot succeeds", async () => {
  const cluster = (open = new Cluster(["n1", "n2", "n3"]));
  cluster.snapshotPolicy = { everyEntries: 5, everyBytes: 1e9 };
  for (const id of ["n1", "n2", "n3"]) await cluster.start(id);
  const leader = await cluster.electLeader();
  const [follower] = cluster.followers;
  const troubled = [leader, follower!];
  const held = await Promise.all(troubled.map(({ machine }) => machine.snapshot()));
  await commands(cluster, 6);
  for (const member of troubled) {
    expect(member.logs).toContain("error no snapshot could be taken");
    expect(problemOf(cluster, member)).toBe(
      "its last snapshot failed, so its log grows and is not cut; no data is lost; remove the cause, and the next snapshot succeeds: a snapshot is being read",
    );
  }
  expect(problemOf(cluster, cluster.followers[1]!)).toBeNull();
  for (const snapshot of held) snapshot.close();
  await commands(cluster, 6);
  for (const member of troubled) expect(problemOf(cluster, member)).toBeNull();
});

test("a snapshot for which the disk had no room is taken once there is space, without another command", async () => {
  const cluster = (open = await Cluster.founded(["n1", "n2", "n3"]));
  const [crowded] = cluster.followers;
  await commands(cluster, 1);
  crowded!.room = { freeBytes: 20 * mebibyte, totalBytes: 1_000 * mebibyte };
  await cluster.advance(2_000, 100);
  expect(crowded!.logs).toContain("error no snapshot could be taken");
  expect(problemOf(cluster, crowded!)).toMatch(/^its disk is nearly full: [^:]*$/);
  crowded!.room = { freeBytes: 500 * mebibyte, totalBytes: 1_000 * mebibyte };
  await cluster.until("it has taken one", () => crowded!.node.state.snapshot !== null);
  await cluster.advance(2_000, 100);
  expect(problemOf(cluster, crowded!)).toBeNull();
});
