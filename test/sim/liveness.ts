// Does the cluster get well again once nothing goes wrong any more? Within a bounded time it must have a leader, commit
// a new command everywhere, and hold one log.
import { isMember, type MemberKey } from "../../src/core/configuration.ts";
import { mayCampaign } from "../../src/core/election.ts";
import { formerMembers } from "../../src/core/removal.ts";
import type { State } from "../../src/core/state.ts";
import type { Cluster } from "./cluster.ts";
import type { SimNode } from "./sim-node.ts";
import { Violation } from "../../src/sim/violation.ts";

/** In election timeouts: how long recovering may take. */
const recoveryMax = 30;
/** How much longer for a node whose configuration names only members that are gone: core/vouching.ts. */
const cutOffMax = 65;
/** Some leaders may send one entry at a time: how many a follower catches up with in one election timeout at least. */
const catchUpMin = 50;
const stepsMax = 200_000;

/** Ends all faults and waits until all is well; throws when it takes too long. Returns how long it took, in election timeouts. */
export function checkLiveness(cluster: Cluster): number {
  const { world } = cluster;
  const { schedule, profile, coverage } = world;
  const timeoutMs = profile.settings.electionTimeoutMs;
  cluster.quieten();
  cluster.administrator?.end();
  cluster.damage?.end();
  cluster.faults.end();
  const startMs = schedule.nowMs;
  const stepsEnd = coverage.steps + stepsMax;
  const acknowledgedBefore = world.commands.acknowledged.size;
  let lookMs = startMs;
  const lengths = cluster.nodes.map((node) => node.durable.log.length);
  const isolation = cluster.administrator === null ? 0 : cutOffMax;
  const limit = recoveryMax + isolation + Math.max(...lengths) / catchUpMin;
  while (schedule.nowMs < startMs + limit * timeoutMs && coverage.steps < stepsEnd) {
    if (!schedule.runNext()) break;
    if (schedule.nowMs < lookMs) continue;
    lookMs = schedule.nowMs + timeoutMs / 4;
    if (world.commands.acknowledged.size === acknowledgedBefore) {
      if (cluster.leader !== null) cluster.propose(cluster.leader, 1);
    } else if (isWell(cluster)) {
      checkOneLog(cluster);
      return (schedule.nowMs - startMs) / timeoutMs;
    }
  }
  throw new Violation("liveness", `not well after ${Math.round(limit)} election timeouts without a fault`);
}

/** Whether there is one leader, every member has applied everything that it holds, and no read waits for a word. */
function isWell(cluster: Cluster): boolean {
  const { leader, members, world } = cluster;
  if (leader === null || !isSettled(cluster, leader) || world.reads.outstanding > 0) return false;
  return members.every(
    ({ state, appliedIndex, log }) =>
      state !== null &&
      state.refill === null &&
      state.currentTerm === leader.leadsTerm &&
      appliedIndex === leader.log.length &&
      log.length === appliedIndex,
  );
}

/** Whether no change of the members is half done that could be completed, and all who have left know it. */
function isSettled({ nodes }: Cluster, { state }: SimNode): boolean {
  const placed = state?.log.configurations.at(-1);
  if (!state || placed === undefined || placed.position.index > state.commitIndex) return false;
  const { outgoing, pending, members } = placed.configuration;
  const lives = (key: MemberKey): boolean => nodes.some((node) => node.isUp && node.key === key);
  if (outgoing.length > 0 || pending.some(({ promote }) => promote.every(lives))) return false;
  // Whoever the leader no longer knows to have been a member, its log being short, it finds out when it asks for votes.
  const former = formerMembers(state);
  return nodes.every((node) => {
    if (node.state === null || !knowsItself(node.state) || members.some(({ key }) => key === node.key)) return true;
    return !former.includes(node.key) && !mayCampaign(node.state);
  });
}

/** Whether the node has been a member for all that it knows: one that has never held an entry that names it only waits. */
const knowsItself = ({ wasMember, log, self }: State): boolean =>
  wasMember || log.configurations.some(({ configuration }) => isMember(configuration, self));

function checkOneLog({ members, nodes, world }: Cluster): void {
  for (const node of members) {
    world.safety.onCommitted(node, 0, node.log.length);
    world.commands.checkKept(node.log);
  }
  for (const node of nodes) {
    if (members.includes(node) || node.joins || node.durable.removed !== null) continue;
    if (node.isUp || node.halted?.kind !== "wiped")
      throw new Violation("a wiped node halts", `${node.key} goes on (P42)`);
  }
}
