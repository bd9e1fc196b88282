// Configurations, changes of them and what becomes of a change, as prose: for transcripts, and for an administrator.
import { type Configuration, isMember, type MemberKey, nodeIdOf, type PendingStep } from "./configuration.ts";
import type { ChangeOutcome, ChangeRefusal, MembershipChange } from "./membership-change.ts";

/** `voters n1 n2, was n1 n2 n3, learners n4; n4 is to vote when caught up, n3 leaves then` */
export function describeConfiguration(configuration: Configuration): string {
  const { members, voters, outgoing, leaving, pending } = configuration;
  const name = nameIn(configuration);
  const names = (keys: readonly MemberKey[]): string => keys.map(name).join(" ");
  const learners = members.map(({ key }) => key).filter((key) => !voters.includes(key) && !outgoing.includes(key));
  const parts = [`voters ${names(voters)}`];
  if (outgoing.length > 0) parts.push(`were ${names(outgoing)}`);
  if (leaving.length > 0) parts.push(`leaving ${names(leaving)}`);
  if (learners.length > 0) parts.push(`learners ${names(learners)}`);
  for (const step of pending) parts.push(describeStep(step, names));
  return parts.join("; ");
}

function describeStep({ promote, demote, remove }: PendingStep, names: (keys: readonly MemberKey[]) => string): string {
  const then = [
    ...(demote.length > 0 ? [`${names(demote)} learn`] : []),
    ...(remove.length > 0 ? [`${names(remove)} leave`] : []),
  ];
  return `${names(promote)} to vote when caught up${then.length > 0 ? ` and ${then.join(", ")} then` : ""}`;
}

/** The id alone says it, unless two incarnations of it are members. */
function nameIn(configuration: Configuration): (key: MemberKey) => string {
  return (key) => {
    const id = nodeIdOf(key);
    const isAlone = configuration.members.every((member) => member.key === key || nodeIdOf(member.key) !== id);
    return isAlone && isMember(configuration, key) ? id : key;
  };
}

/** `add n4 as a voter, remove n3` */
export function describeChange({ add, promote, demote, remove, prioritize }: MembershipChange): string {
  const parts = [
    ...add.map(({ key, voter }) => `add ${nodeIdOf(key)} as a ${voter ? "voter" : "learner"}`),
    ...promote.map((name) => `promote ${name}`),
    ...demote.map((name) => `demote ${name}`),
    ...remove.map((name) => `remove ${name}`),
    ...prioritize.map(({ name, priority }) => `priority ${priority} for ${name}`),
  ];
  return parts.length === 0 ? "nothing" : parts.join(", ");
}

export function describeChangeOutcome(outcome: ChangeOutcome): string {
  switch (outcome.kind) {
    case "done":
      return `done, the configuration stands at ${outcome.index}`;
    case "notLeader":
      return `this node does not lead${outcome.leader === null ? "" : `, ${nodeIdOf(outcome.leader)} does`}`;
    case "refused":
      return `refused: ${describeRefusal(outcome.reason)}`;
    case "conflict":
      return `the configuration has changed: it stands at ${outcome.index}`;
    case "unknown":
      return "this node has stopped leading: the change may be completed by others, or never have happened";
  }
}

/** Why a change cannot be made, in words that follow a colon. */
export function describeRefusal(reason: ChangeRefusal): string {
  switch (reason.kind) {
    case "unknownMember":
      return `${reason.name} is not a member`;
    case "contradiction":
      return `two changes of ${reason.name} exclude each other`;
    case "alreadyVoter":
      return `${reason.name} is a voter already`;
    case "alreadyLearner":
      return `${reason.name} is a learner already`;
    case "nothingToDo":
      return "everything is so already";
    case "lastVoter":
      return "no voter would be left";
    case "damagedVoters":
      return `the change leaves no quorum without voters that lost data and do not count yet: ${reason.ids.join(", ")}; remove them first, or wait until they count`;
    case "removedBefore":
      return `${nodeIdOf(reason.key)} has been removed and does not come back with its old data: it needs an empty data directory`;
    case "addressTaken":
      return `${reason.by} has the address ${reason.address}; if ${reason.by} has moved as well, name both in one change with --also ${reason.by}=HOST:PORT; if ${reason.by} is gone, add --replace ${reason.by}`;
    case "tooManyMembers":
      return `a cluster has at most ${reason.max} members`;
    case "tooManyChanges":
      return `${reason.max} changes are waiting already`;
    case "withdrawn":
      return `${reason.id} was removed or demoted again before it could become a voter`;
  }
}
