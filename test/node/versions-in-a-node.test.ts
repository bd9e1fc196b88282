// A version of the state machine from the request that rolls it out to every node's state machine, and a node that does not have it.
import { afterEach, expect, test } from "bun:test";
import type { VersionAtHand } from "../../src/core/activation.ts";
import { createMemorySnapshotFiles, type MemorySnapshotFiles } from "../../src/sim/memory/snapshot-store.ts";
import { Cluster, type Member, type MemberOptions } from "./cluster.ts";

const three = ["n1", "n2", "n3"] as const;
const [v1, v2] = ["1", "2"].map((version): VersionAtHand => ({
  name: "recording",
  version,
  hash: version.repeat(64),
  snapshots: true,
})) as [VersionAtHand, VersionAtHand];
const rollOut = (version: string) => (id: number) =>
  ({ kind: "rollOut", id, timeoutMs: 5_000, version, replaces: false, dryRun: false }) as const;

let open: Cluster | null = null;
afterEach(async () => {
  await open?.stopAll();
  open = null;
});

/** A cluster that has begun with the first version, and whose nodes have both now. */
async function withBoth(options: (id: string) => MemberOptions = () => ({})): Promise<Cluster> {
  const cluster = (open = await Cluster.founded(three, { versions: [v1] }));
  for (const id of three) {
    const disk = await cluster.crash(id);
    await cluster.start(id, { ...options(id), versions: [v1, v2], disk });
    await cluster.until("it is in step", () => cluster.member(id).node.state.log.activations.length === 1);
  }
  await cluster.electLeader();
  await cluster.advance(1_000);
  return cluster;
}

const activated = ({ machine }: Member): readonly string[] =>
  machine.runs.flat().flatMap((entry) => (entry.kind === "activate" ? [entry.plugin.version] : []));

test("a version that is rolled out is active on every node, and is what the status says", async () => {
  const cluster = await withBoth();
  const { leader } = cluster;
  const client = cluster.client(leader.id);
  client.send(rollOut("2"));
  await cluster.advance(1_000);
  client.send((id) => ({ kind: "status", id }));
  expect(client.raw).toMatchObject([
    { kind: "rolledOut", id: 1, plugin: { version: "2" }, before: { version: "1" }, refusal: null },
    { kind: "status", plugin: { version: "2" } },
  ]);
  for (const member of cluster.members.values()) {
    expect([member.id, activated(member).at(-1), member.node.requests.open.count]).toEqual([member.id, "2", 0]);
  }
});

test("a node that lacks the version that is active applies nothing behind it, judges itself at once, and says why", async () => {
  const files = new Map<string, MemorySnapshotFiles>(three.map((id) => [id, createMemorySnapshotFiles()]));
  const cluster = await withBoth((id) => ({ files: files.get(id)! }));
  const client = cluster.client(cluster.leader.id);
  client.send(rollOut("2"));
  client.command("behind it");
  await cluster.advance(1_000);
  const { id } = cluster.followers[0]!;
  const disk = await cluster.crash(id);
  const back = await cluster.start(id, { versions: [v1], disk, files: files.get(id)! });
  await cluster.until("it stands still", () => back.node.parts.applier.standstill !== null);
  const { self } = back.node.state;
  expect(activated(back)).toEqual(["1"]);
  expect(back.machine.applied).toEqual([]);
  expect(back.node.requests.problemOf(self)).toContain("waits: recording 2");
  expect(back.node.requests.refusal?.message).toContain(cluster.leader.id);
  await cluster.settle();
  expect(back.node.state.unfit.get(self)).toBe("stateMachine");
});

test("a cluster begins with the last one of the versions that its founder has", async () => {
  const cluster = (open = await Cluster.founded(["n1"], { versions: [v1, v2] }));
  await cluster.advance(1_000);
  expect(activated(cluster.leader)).toEqual(["2"]);
});
