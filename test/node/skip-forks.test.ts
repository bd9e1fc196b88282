// Where a majority has got past an entry it is not skipped, however they stand: their states would differ from then on.
import { expect, test } from "bun:test";
import type { VersionAtHand } from "../../src/core/activation.ts";
import { Cluster } from "./cluster.ts";

const v1: VersionAtHand = { name: "recording", version: "1", hash: "1".repeat(64), snapshots: true };

test("an entry that others have got past, and which stand still behind it, is not skipped", async () => {
  const cluster = await Cluster.founded(["n1", "n2", "n3"], { versions: [v1] });
  const sick = cluster.leader;
  const others = cluster.followers;
  sick.machine.poison = "bad";
  for (const { machine } of others) machine.poison = "later";
  cluster.client(sick.id).command("bad");
  await cluster.until("another one leads", () => others.includes(cluster.leader));
  const next = cluster.leader;
  cluster.client(next.id).command("later");
  await cluster.until("all stand still", () =>
    [...cluster.members.values()].every(({ node }) => node.parts.applier.stuckAt !== null),
  );
  await cluster.advance(2_000, 50);
  const [entry, later] = [sick, next].map(({ node }) => node.parts.applier.stuckAt!);
  expect(later).toBeGreaterThan(entry!);
  const { fitness } = sick.node.parts;
  expect(others.map(({ node }) => fitness.standsStillAt(node.state.self, entry!))).toEqual([false, false]);
  expect(others.map(({ node }) => fitness.standsStillAt(node.state.self, later!))).toEqual([true, true]);
  await cluster.stopAll();
});
