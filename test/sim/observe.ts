// What has one step changed that the cluster-wide properties are about? Tells safety.ts, and counts for coverage.ts.
import type { State } from "../../src/core/state.ts";
import type { SimNode } from "./sim-node.ts";

/** Looks at a step from `before` to `after`, whose effects `execute` carries out. */
export function observe(node: SimNode, before: State, after: State, execute: () => void): void {
  const { world } = node;
  // Who leads is known before its first entry is made, and what is committed once the entries are in the log.
  const isElected = after.role.kind === "leader" && before.role.kind !== "leader";
  if (isElected) {
    if (world.checks.promises) world.promises.onElected(node, after.currentTerm);
    world.safety.onElected(node, after.currentTerm);
  }
  if (before.role !== after.role) countRoles(node, before, after);
  execute();
  if (after.commitIndex > before.commitIndex) onCommit(node, before, after);
  if (isElected) world.onElected(node);
}

function onCommit(node: SimNode, before: State, after: State): void {
  const { safety, promises, checks, disks, coverage } = node.world;
  coverage.commits++;
  // A leader whose last act it was to commit that it is no voter any more has committed it as the leader.
  const isLeader = before.role.kind === "leader" || after.role.kind === "leader";
  if (isLeader) {
    const commit = { index: after.commitIndex, logEnd: before.log.last.index };
    if (checks.promises) promises.onLeaderCommit(node, commit, disks);
    safety.onLeaderCommit(node, after.commitIndex, after.currentTerm);
  }
  safety.onCommitted(node, before.commitIndex, after.commitIndex);
  if (after.role.kind === "leader") node.world.onLeaderCommit(node);
}

function countRoles(node: SimNode, { role: before, crashedLeader, commitIndex }: State, later: State): void {
  const { coverage } = node.world;
  const { role: after } = later;
  if (after.kind === "follower") {
    if (before.kind === "leader" && later.commitIndex > commitIndex) coverage.abdications++;
    if (after.wokeLate && (before.kind !== "follower" || !before.wokeLate)) coverage.wokeLate++;
    if (before.kind === "leader" && after.leader === null) coverage.quorumsLost++;
    return;
  }
  if (after.kind === before.kind && after.kind !== "leader") return;
  if (after.kind === "preCandidate") coverage.preVotes++;
  if (after.kind === "candidate") coverage.elections++;
  if (after.kind === "candidate" && crashedLeader !== null) coverage.crashElections++;
  if (after.kind === "leader" && before.kind !== "leader") coverage.leaders++;
  if (after.kind === "leader" && before.kind === "leader") {
    if (after.transfer?.ref === null && before.transfer === null) coverage.homecomings++;
    const held = after.transfer?.held.length ?? 0;
    coverage.heldProposals += Math.max(0, held - (before.transfer?.held.length ?? 0));
  }
}
