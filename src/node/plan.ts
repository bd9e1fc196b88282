// What would a change of the membership come to? Counted from what the leader knows, and told with what speaks against it.
// Pure; changes nothing. Who asks for it is change-request.ts.
import {
  type Configuration,
  isJoint,
  type MemberKey,
  type NodeId,
  nodeIdOf,
  type PlacedConfiguration,
} from "../core/configuration.ts";
import { describeRefusal } from "../core/describe-membership.ts";
import { counts } from "../core/faults.ts";
import { formerMembers } from "../core/removal.ts";
import type { MembershipChange } from "../core/membership-change.ts";
import { finalConfiguration, nextConfiguration, settledConfiguration } from "../core/next-configuration.ts";
import type { State } from "../core/state.ts";
import type { MembershipPlanReply, PlannedNode, VotingBody } from "../ports/membership-requests.ts";

export type Plan = Omit<MembershipPlanReply, "kind" | "id">;

/** What trying to reach the newcomers has shown. */
export interface Tried {
  /** Why they cannot be added; null: nothing speaks against it. */
  readonly refusal: string | null;
  /** Voters that did not answer. */
  readonly unasked: readonly NodeId[];
  /** For people: who can be dialled by nobody, or not by all. */
  readonly remarks: readonly string[];
}

/** Who lacks more entries than this is said to be far behind. */
const farBehindEntries = 10_000;

/** `state` is that of a leader. */
export function planOf(state: State, change: MembershipChange, tried: Tried): Plan {
  const placed = latestOf(state);
  const before = isJoint(placed.configuration) ? finalConfiguration(placed.configuration) : placed.configuration;
  const decision = nextConfiguration(before, change, formerMembers(state));
  const ruled = decision.kind === "refused" ? describeRefusal(decision.reason) : null;
  const after =
    decision.kind === "append" ? settledConfiguration(decision.configuration) : ruled === null ? before : null;
  const newcomers = change.add.map(({ key }) => key);
  const halt = after === null ? null : standstill(state, after, newcomers);
  return {
    index: placed.position.index,
    before: bodyOf(before),
    after: after === null ? null : bodyOf(after),
    nodes: after === null ? [] : concerned(state, before, after),
    risks: after === null ? [] : risksOf(state, placed, { before, after, newcomers, tried }),
    refusal: tried.refusal ?? ruled ?? halt,
  };
}

/** Why the change must not be made: with it nothing could be decided any more. Null: something could. */
export function standstill(state: State, after: Configuration, newcomers: readonly MemberKey[]): string | null {
  const known = after.voters.filter((key) => !newcomers.includes(key));
  const silent = known.filter((key) => isSilent(state, key));
  const damaged = known.filter((key) => !silent.includes(key) && isDamaged(state, key));
  const needed = quorumOf(after.voters.length);
  const counted = after.voters.length - silent.length - damaged.length;
  if (counted >= needed) return null;
  const reasons = [
    ...(silent.length === 0 ? [] : [`${ids(silent)} ${silent.length === 1 ? "does" : "do"} not answer`]),
    ...(damaged.length === 0 ? [] : [damage(damaged)]),
  ];
  return `with it nothing could be committed any more: ${needed} of the voters ${ids(after.voters)} would be needed, and ${reasons.join(", and ")}`;
}

const damage = (keys: readonly MemberKey[]): string =>
  keys.length === 1
    ? `${ids(keys)} has lost data and does not count yet: remove it first, or wait until it counts`
    : `${ids(keys)} have lost data and do not count yet: remove them first, or wait until they count`;

const bodyOf = ({ members, voters }: Configuration): VotingBody => ({
  voters: voters.map(nodeIdOf),
  learners: members.filter(({ key }) => !voters.includes(key)).map(({ key }) => nodeIdOf(key)),
  quorum: quorumOf(voters.length),
  tolerates: voters.length - quorumOf(voters.length),
});

const quorumOf = (voters: number): number => Math.floor(voters / 2) + 1;

interface Comparison {
  readonly before: Configuration;
  readonly after: Configuration;
  readonly newcomers: readonly MemberKey[];
  readonly tried: Tried;
}

function risksOf(state: State, placed: PlacedConfiguration, comparison: Comparison): readonly string[] {
  const { before, after, newcomers, tried } = comparison;
  const count = after.voters.length;
  const spare = count - quorumOf(count);
  const risks: string[] = [...tried.remarks];
  if (isJoint(placed.configuration) || placed.position.index > state.commitIndex) {
    risks.push("another change is under way: this one waits for it, and is counted from what it ends in");
  }
  if (spare === 0) risks.push(`with ${count === 1 ? "one voter" : `${count} voters`} no failure is tolerated`);
  else if (count % 2 === 0) risks.push(`${count} voters tolerate no more failures than ${count - 1} would`);
  const silent = after.voters.filter((key) => !newcomers.includes(key) && isSilent(state, key));
  for (const key of silent) {
    risks.push(
      `${nodeIdOf(key)} ${silence(state, key)}: it counts all the same, ${Math.max(0, spare - silent.length)} more may fail`,
    );
  }
  const damaged = after.voters.filter((key) => !silent.includes(key) && isDamaged(state, key));
  for (const key of damaged) {
    const more = Math.max(0, spare - silent.length - damaged.length);
    risks.push(`${nodeIdOf(key)} has lost data: it does not count yet, ${more} more may fail`);
  }
  for (const key of after.voters.filter((each) => !before.voters.includes(each))) {
    const lag = lagOf(state, key);
    if (lag !== null && lag > farBehindEntries) {
      risks.push(`${nodeIdOf(key)} is ${lag} entries behind: the change is complete when it has caught up`);
    }
  }
  if (!after.voters.includes(state.self)) risks.push(`${nodeIdOf(state.self)} leads: it hands leadership over first`);
  for (const id of tried.unasked) {
    const whom = newcomers.map(nodeIdOf).join(", ");
    risks.push(`${id} does not answer: whether it can reach ${whom} is not known`);
  }
  return risks;
}

function concerned(state: State, before: Configuration, after: Configuration): readonly PlannedNode[] {
  const keys = new Set([...before.members, ...after.members].map(({ key }) => key));
  return [...keys].flatMap((key): readonly PlannedNode[] => {
    const [old, next] = [memberOf(before, key), memberOf(after, key)];
    const member = next ?? old;
    const isAsBefore = before.voters.includes(key) === after.voters.includes(key);
    const isMoved = old?.address !== next?.address || old?.priority !== next?.priority;
    if (member === undefined || (isAsBefore && !isMoved)) return [];
    const becomes = next === undefined ? "gone" : after.voters.includes(key) ? "voter" : "learner";
    const silentMs = silentMsOf(state, key);
    return [{ id: nodeIdOf(key), address: member.address, becomes, lagEntries: lagOf(state, key), silentMs }];
  });
}

const memberOf = ({ members }: Configuration, key: MemberKey) => members.find((member) => member.key === key);

function lagOf({ self, log, role }: State, key: MemberKey): number | null {
  if (key === self) return 0;
  const progress = role.kind === "leader" ? role.progress.get(key) : undefined;
  // Before its first answer nothing is known of what it has.
  return progress === undefined || progress.ackedRound === 0 ? null : log.last.index - progress.matchIndex;
}

function silentMsOf({ self, role, nowMs }: State, key: MemberKey): number | null {
  if (key === self) return 0;
  const heardMs = role.kind === "leader" ? role.progress.get(key)?.heardMs : undefined;
  return heardMs === undefined ? null : Math.max(0, Math.floor(nowMs - heardMs));
}

function isSilent(state: State, key: MemberKey): boolean {
  const silentMs = silentMsOf(state, key);
  return silentMs === null || silentMs >= state.settings.electionTimeoutMs;
}

/** Whether it has lost data, and counts for nothing until it holds all of it again. */
function isDamaged({ role }: State, key: MemberKey): boolean {
  const progress = role.kind === "leader" ? role.progress.get(key) : undefined;
  return progress !== undefined && !counts(progress);
}

function silence(state: State, key: MemberKey): string {
  const silentMs = silentMsOf(state, key);
  return silentMs === null ? "has not been heard yet" : `has not been heard for ${Math.round(silentMs / 1000)} s`;
}

function latestOf(state: State): PlacedConfiguration {
  const latest = state.log.configurations.at(-1);
  if (latest === undefined) throw new Error("a leader without a configuration");
  return latest;
}

const ids = (keys: readonly MemberKey[]): string => keys.map(nodeIdOf).join(", ");
