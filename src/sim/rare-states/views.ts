// What predicates of rare states ask of nodes, in words.
import { type Configuration, isJoint, isVoter, type MemberKey, nodeIdOf } from "../../core/configuration.ts";
import type { LogPosition } from "../../core/log-position.ts";
import { latestConfiguration, type LogTerms, termAt } from "../../core/log-terms.ts";
import type { Leader } from "../../core/roles.ts";
import type { State } from "../../core/state.ts";
import { areEnough } from "../deciders.ts";
import type { Member } from "../member.ts";
import type { Scene } from "./rare-state.ts";

export const configurationOf = ({ log }: State): Configuration | null => latestConfiguration(log);

export function isJointAt(state: State): boolean {
  const configuration = configurationOf(state);
  return configuration !== null && isJoint(configuration);
}

/** Its latest configuration is not known to be committed. */
export const isUnsettled = ({ log, commitIndex }: State): boolean =>
  (log.configurations.at(-1)?.position.index ?? 0) > commitIndex;

export const leaderOf = ({ role }: State): Leader | null => (role.kind === "leader" ? role : null);

export function isVoterAt(state: State, key: MemberKey): boolean {
  const configuration = configurationOf(state);
  return configuration !== null && isVoter(configuration, key);
}

export function isMemberAt(state: State, key: MemberKey): boolean {
  return configurationOf(state)?.members.some((member) => member.key === key) ?? false;
}

/** Its vote ends with the joint configuration. */
export function votesInOldOnly(state: State, key: MemberKey): boolean {
  const configuration = configurationOf(state);
  return configuration !== null && configuration.outgoing.includes(key) && !configuration.voters.includes(key);
}

const priorityAt = (state: State, key: MemberKey): number =>
  configurationOf(state)?.members.find((member) => member.key === key)?.priority ?? 0;

/** Whether no other voter is to lead rather than this one, and some are to lead less. */
export function isPreferred(state: State, key: MemberKey): boolean {
  const own = priorityAt(state, key);
  const others = configurationOf(state)?.voters.filter((each) => each !== key) ?? [];
  return isVoterAt(state, key) && others.length > 0 && others.every((each) => priorityAt(state, each) < own);
}

export const isPreferredTo = (state: State, key: MemberKey, other: MemberKey): boolean =>
  isVoterAt(state, key) && priorityAt(state, key) > priorityAt(state, other);

export const machineOf = ({ members }: Scene, key: MemberKey): Member | null =>
  members.find((member) => member.key === key) ?? null;

export const stateOf = (scene: Scene, key: MemberKey): State | null => machineOf(scene, key)?.node?.state ?? null;

export const isRefilling = (member: Member): boolean => (member.node?.state.refill ?? null) !== null;

/** Nothing more fits. */
export const isFull = ({ disk }: Member): boolean => disk.room === "none";

/** Its node takes no commands, once it has looked. */
export const isNearlyFull = ({ disk }: Member): boolean => disk.room !== "plenty";

/** The log has this entry, or had it before its snapshot. Below the snapshot it is the log that all have. */
export const includes = ({ committedTermAt }: Scene, log: LogTerms, { index, term }: LogPosition): boolean =>
  (termAt(log, index) ?? committedTermAt(index)) === term;

export const isFetching = (scene: Scene, key: MemberKey): boolean => {
  const member = machineOf(scene, key);
  return member !== null && scene.isFetching(member);
};

/** It reaches no quorum of its configuration, or is not reached by one. */
export function isWithoutQuorum(scene: Scene, state: State): boolean {
  const configuration = configurationOf(state);
  const own = nodeIdOf(state.self);
  const isReached = (key: MemberKey): boolean => key === state.self || !scene.isCut(own, nodeIdOf(key));
  return configuration !== null && !areEnough(configuration, isReached);
}

/** Cut from the node that leads the latest term. */
export function isCutFromLeader(scene: Scene, member: Member): boolean {
  const leader = latestLeader(scene);
  return leader !== null && leader !== member && scene.isCut(leader.id, member.id);
}

export function latestLeader({ members }: Scene): Member | null {
  let latest: Member | null = null;
  for (const member of members) {
    if (member.isLeader && termOf(member) > (latest === null ? 0 : termOf(latest))) latest = member;
  }
  return latest;
}

const termOf = (member: Member): number => member.node?.state.currentTerm ?? 0;

/** Nodes that take themselves for leaders, of earlier terms than this one. */
export const formerLeaders = ({ members }: Scene, state: State): readonly Member[] =>
  members.filter((member) => member.isLeader && termOf(member) < state.currentTerm);

/** The node that led the term, with the data that it had. */
export function leaderOfTerm(scene: Scene, term: number): Member | null {
  const key = scene.leaders.get(term);
  return key === undefined ? null : machineOf(scene, key);
}

/** What its node knows of its copy of the state machine. Asked where the node runs. */
export const copyOf = ({ node }: Member) => node!.parts.copies.own;
