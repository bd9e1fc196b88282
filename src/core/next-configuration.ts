// Which configuration follows which? (§4.1, §4.3) What a change makes of the present one, which joint one promotes learners
// that have caught up, and what a joint one ends in. Pure: who appends them, and when, is membership.ts.
import {
  type Configuration,
  isJoint,
  isMember,
  type Member,
  type MemberKey,
  nodeIdOf,
  type PendingStep,
} from "./configuration.ts";
import { faultOfAdditions, membersCalled, type Named, nameMembers } from "./member-names.ts";
import type { ChangeRefusal, MembershipChange } from "./membership-change.ts";

/** The most members a configuration may have, those included that leave with it: the wire carries no more. */
export const membersMax = 128;

export type Decision =
  /** Append `configuration`; the change is complete when none of `awaits` waits any more. */
  | { readonly kind: "append"; readonly configuration: Configuration; readonly awaits: readonly MemberKey[] }
  /** An earlier change has asked for the same and is not complete: it waits for these. */
  | { readonly kind: "underWay"; readonly awaits: readonly MemberKey[] }
  | { readonly kind: "refused"; readonly reason: ChangeRefusal };

/**
 * What `change` makes of `current`, which must not be joint. `former` are incarnations known to have been members before.
 * New members are learners first. Voters change at once, by a joint configuration, unless the change also brings voters:
 * then everything that it does to voters waits until those have caught up.
 */
export function nextConfiguration(
  current: Configuration,
  change: MembershipChange,
  former: readonly MemberKey[],
): Decision {
  if (isJoint(current)) throw new Error("a change of a joint configuration");
  const named = nameMembers(current, change);
  if (named.kind === "refused") return named;
  const fault = faultOfAdditions(current, change, named, former);
  if (fault !== null) return { kind: "refused", reason: fault };

  const awaits = named.promote;
  const configuration = changed(current, change, named);
  if (configuration.voters.length === 0) return { kind: "refused", reason: { kind: "lastVoter" } };
  if (configuration.members.length > membersMax) {
    return { kind: "refused", reason: { kind: "tooManyMembers", max: membersMax } };
  }
  if (!isSame(configuration, current)) return { kind: "append", configuration, awaits };
  if (awaits.length > 0) return { kind: "underWay", awaits };
  // Being added as a learner takes no vote from a member.
  const voting = change.add.find(({ key, voter }) => !voter && current.voters.includes(key));
  const reason: ChangeRefusal =
    voting === undefined ? { kind: "nothingToDo" } : { kind: "alreadyVoter", name: nodeIdOf(voting.key) };
  return { kind: "refused", reason };
}

function changed(current: Configuration, change: MembershipChange, named: Named): Configuration {
  const { promote, demote } = named;
  const isVoting = (key: MemberKey): boolean => current.voters.includes(key);
  const leavesNow = named.remove.filter((key) => !isVoting(key));
  const members = withAdditions(current, change).filter(({ key }) => !leavesNow.includes(key));
  // What is asked last holds: who is to learn waits for no promotion any more, and who is to vote leaves for nobody.
  const withdrawn = current.pending.map((step) => ({
    ...step,
    promote: without(step.promote, demote),
    remove: without(step.remove, promote),
  }));
  const still = tidied({ ...current, members, pending: withdrawn });
  const step = { promote, demote: demote.filter(isVoting), remove: named.remove.filter(isVoting) };
  return promote.length > 0 ? { ...still, pending: withPending(still.pending, step) } : afterStep(still, step);
}

function withAdditions(current: Configuration, { add, prioritize }: MembershipChange): readonly Member[] {
  const priorities = new Map<MemberKey, number>();
  for (const { name, priority } of prioritize) {
    for (const { key } of membersCalled(current, name)) priorities.set(key, priority);
  }
  const kept = current.members.map((member): Member => {
    const again = add.find(({ key }) => key === member.key);
    const priority = again?.priority ?? priorities.get(member.key) ?? member.priority;
    return { key: member.key, address: again?.address ?? member.address, priority };
  });
  const added = add.filter(({ key }) => !isMember(current, key));
  return [...kept, ...added.map(({ key, address, priority }) => ({ key, address, priority: priority ?? 0 }))];
}

/** A step that waits for nodes that an earlier one waits for becomes one with it: it was asked for again, or enlarged. */
function withPending(pending: readonly PendingStep[], step: PendingStep): readonly PendingStep[] {
  const meets = ({ promote }: PendingStep): boolean => promote.some((key) => step.promote.includes(key));
  const place = pending.findIndex(meets);
  if (place === -1) return [...pending, step];
  const merged = [...pending.filter(meets), step].reduce(union);
  return pending.flatMap((each, at) => (at === place ? [merged] : meets(each) ? [] : [each]));
}

const union = (a: PendingStep, b: PendingStep): PendingStep => {
  const remove = joined(a.remove, b.remove);
  // Who is to leave need not be demoted before.
  return { promote: joined(a.promote, b.promote), demote: without(joined(a.demote, b.demote), remove), remove };
};

/**
 * The joint configuration that promotes every learner whose step is ready, in one; null when none is. A step is ready when
 * all that it promotes have caught up.
 */
export function promotionsOf(current: Configuration, hasCaughtUp: (key: MemberKey) => boolean): Configuration | null {
  const ready = current.pending.filter(({ promote }) => promote.every(hasCaughtUp));
  if (ready.length === 0) return null;
  const pending = current.pending.filter((step) => !ready.includes(step));
  return afterStep({ ...current, pending }, ready.reduce(union));
}

/** Takes the step: joint if it changes the voters (§4.3). */
function afterStep(current: Configuration, { promote, demote, remove }: PendingStep): Configuration {
  const gone = [...demote, ...remove];
  const voters = [...without(current.voters, gone), ...without(promote, current.voters)];
  if (isSameList(voters, current.voters)) return current;
  const leaving = remove.filter((key) => current.voters.includes(key));
  const members = current.members.filter(({ key }) => leaving.includes(key) || !remove.includes(key));
  return tidied({ ...current, members, voters, outgoing: current.voters, leaving });
}

/** C_new: what a joint configuration ends in. */
export function finalConfiguration(joint: Configuration): Configuration {
  const members = joint.members.filter(({ key }) => !joint.leaving.includes(key));
  return tidied({ ...joint, members, outgoing: [], leaving: [] });
}

/** What a configuration comes to once its joint phase is over and all who wait to vote have caught up. */
export function settledConfiguration(configuration: Configuration): Configuration {
  if (isJoint(configuration)) return settledConfiguration(finalConfiguration(configuration));
  const promoted = promotionsOf(configuration, () => true);
  return promoted === null ? configuration : settledConfiguration(promoted);
}

/** Steps name only those for whom they still mean something; one that waits for nobody any more is withdrawn. */
function tidied(configuration: Configuration): Configuration {
  const { voters, leaving } = configuration;
  const stays = (key: MemberKey): boolean => isMember(configuration, key) && !leaving.includes(key);
  const pending = configuration.pending.map(({ promote, demote, remove }) => ({
    promote: promote.filter((key) => stays(key) && !voters.includes(key)),
    demote: demote.filter((key) => stays(key) && voters.includes(key)),
    remove: remove.filter(stays),
  }));
  return { ...configuration, pending: pending.filter(({ promote }) => promote.length > 0) };
}

const joined = (a: readonly MemberKey[], b: readonly MemberKey[]): readonly MemberKey[] => [...a, ...without(b, a)];
const without = (keys: readonly MemberKey[], others: readonly MemberKey[]): readonly MemberKey[] =>
  keys.filter((key) => !others.includes(key));

const isSameList = (a: readonly MemberKey[], b: readonly MemberKey[]): boolean =>
  a.length === b.length && a.every((key, at) => key === b[at]);

/** Whether two configurations of one cluster, neither of them joint, say the same. */
function isSame(a: Configuration, b: Configuration): boolean {
  const isSameMember = (member: Member, at: number): boolean => {
    const other = b.members[at]!;
    return member.key === other.key && member.address === other.address && member.priority === other.priority;
  };
  const isSameStep = (step: PendingStep, at: number): boolean => {
    const other = b.pending[at]!;
    const lists = [[step.promote, other.promote] as const, [step.demote, other.demote] as const];
    return [...lists, [step.remove, other.remove] as const].every(([one, two]) => isSameList(one, two));
  };
  return (
    a.members.length === b.members.length &&
    a.members.every(isSameMember) &&
    isSameList(a.voters, b.voters) &&
    isSameList(a.outgoing, b.outgoing) &&
    a.pending.length === b.pending.length &&
    a.pending.every(isSameStep)
  );
}
