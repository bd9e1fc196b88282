// What must hold of every configuration, between one and the next, and of what a leader keeps about its members.
// Called by invariants.ts after every step of tests and of the simulator.
import { type Configuration, isJoint, isMember, type MemberKey } from "./configuration.ts";
import { latestConfiguration } from "./log-terms.ts";
import type { Leader } from "./roles.ts";
import type { State } from "./state.ts";

type Must = (holds: boolean, rule: string) => void;

export function checkMembership(state: State, must: Must): void {
  const { configurations } = state.log;
  for (const { configuration } of configurations) checkConfiguration(configuration, must);
  for (const [at, { configuration }] of configurations.entries()) {
    if (at > 0)
      must(mayFollow(configurations[at - 1]!.configuration, configuration), "one configuration leads to the next");
  }
  if (state.removed !== null) {
    must(state.role.kind === "follower", "who has been removed does not stand for election");
    must(!isMember(state.removed.configuration, state.self), "who has been removed is no member");
    must(state.wasMember, "only a member can be removed");
  }
  if (state.role.kind === "leader") checkAdministration(state, state.role, must);
}

function checkConfiguration(configuration: Configuration, must: Must): void {
  const { members, voters, outgoing, leaving, pending } = configuration;
  const areMembers = (keys: readonly MemberKey[]): boolean => keys.every((key) => isMember(configuration, key));
  must(isSet(members.map(({ key }) => key)), "no member is there twice");
  must(voters.length > 0, "somebody votes");
  must(isSet(voters) && areMembers(voters), "voters are members, each once");
  must(isSet(outgoing) && areMembers(outgoing), "who voted before is a member until the joint phase is over");
  must(
    isSet(leaving) && leaving.every((key) => outgoing.includes(key) && !voters.includes(key)),
    "only who voted before and will not vote leaves with a joint configuration",
  );
  must(isSet(pending.flatMap(({ promote }) => promote)), "nobody waits twice to be promoted");
  for (const { promote, demote, remove } of pending) {
    must(promote.length > 0, "a step waits for somebody");
    must(areMembers(promote) && !promote.some((key) => voters.includes(key)), "learners wait to be promoted");
    must(areMembers([...demote, ...remove]) && demote.every((key) => voters.includes(key)), "voters wait to leave");
  }
}

/** §4.3: voters change through a joint configuration and by nothing else. */
function mayFollow(before: Configuration, after: Configuration): boolean {
  if (isJoint(before)) return !isJoint(after) && isSameSet(before.voters, after.voters);
  return isSameSet(before.voters, isJoint(after) ? after.outgoing : after.voters);
}

function checkAdministration(state: State, { administration, progress, termStartIndex }: Leader, must: Must): void {
  const { queue, begun, rounds, farewells } = administration;
  const configuration = latestConfiguration(state.log)!;
  for (const key of progress.keys()) {
    must(
      isMember(configuration, key) || farewells.has(key),
      "progress is kept for members and for those that have left",
    );
  }
  for (const { key } of configuration.members) {
    must(key === state.self || progress.has(key), "progress is kept for every member");
  }
  for (const key of farewells.keys()) {
    must(!isMember(configuration, key) && progress.has(key), "only who has left is bidden farewell");
  }
  for (const key of rounds.keys()) {
    must(
      configuration.pending.some(({ promote }) => promote.includes(key)),
      "rounds are kept for who is to be promoted",
    );
  }
  must(isSet([...queue, ...begun].map(({ ref }) => ref)), "a change is queued or begun, once");
  const uncommitted = state.log.configurations.filter(
    ({ position }) => position.index > Math.max(state.commitIndex, termStartIndex),
  );
  const latestIndex = state.log.configurations.at(-1)!.position.index;
  must(
    latestIndex <= termStartIndex || state.commitIndex >= termStartIndex,
    "no configuration is added before the term's first entry is committed",
  );
  must(uncommitted.length <= 1, "a leader adds a configuration only when the one before is committed");
}

const isSet = (values: readonly (number | string)[]): boolean => new Set(values).size === values.length;
const isSameSet = (a: readonly MemberKey[], b: readonly MemberKey[]): boolean =>
  a.length === b.length && a.every((key) => b.includes(key));
