// Who belongs to the cluster and who may vote: the configurations of §4, joint-capable from the start.
// How votes and acknowledgements are counted over one is quorum.ts.
import type { LogPosition } from "./log-position.ts";

/** The name an operator gave a node; letters, digits, '.', '_' and '-'. */
export type NodeId = string;

/** Random and durable from a node's first start on: a wiped disk comes back as another incarnation. */
export type Incarnation = string;

declare const memberKey: unique symbol;

/**
 * A node id together with an incarnation, written `id@incarnation`. Everything that is counted, voted for or
 * acknowledged is keyed by this and never by the id alone, so that a wiped disk cannot act as the old node.
 */
export type MemberKey = string & { readonly [memberKey]: true };

export const toMemberKey = (id: NodeId, incarnation: Incarnation): MemberKey => `${id}@${incarnation}` as MemberKey;
export const nodeIdOf = (key: MemberKey): NodeId => key.slice(0, key.indexOf("@"));
export const incarnationOf = (key: MemberKey): Incarnation => key.slice(key.indexOf("@") + 1);

export interface Member {
  readonly key: MemberKey;
  /** `host:port` under which the others reach it. */
  readonly address: string;
  /** Where leadership should live: a higher number is preferred, 0 is the ordinary one. */
  readonly priority: number;
}

/**
 * One configuration of the cluster. Every member receives the log; those in `voters` count. While `outgoing` is
 * not empty the configuration is joint (§4.3): each decision needs a majority of both lists. A member in neither
 * list is a learner.
 */
export interface Configuration {
  readonly members: readonly Member[];
  /** C_new, or the only voters there are. */
  readonly voters: readonly MemberKey[];
  /** C_old while the configuration is joint, otherwise empty. */
  readonly outgoing: readonly MemberKey[];
  /** Those of C_old that are no members of the configuration to come: they leave when the joint phase ends. */
  readonly leaving: readonly MemberKey[];
  /** Changes of voters that any leader makes once those who are to be voters have caught up. */
  readonly pending: readonly PendingStep[];
}

/** A configuration, and where its entry is in the log. */
export interface PlacedConfiguration {
  readonly position: LogPosition;
  readonly configuration: Configuration;
}

/**
 * One administrator's change of voters that waits for learners: as soon as all of `promote` have caught up they become
 * voters, in one joint step in which the others stop being voters. It stands in the configuration entry, so that a later
 * leader carries on with it (§4.2.1).
 */
export interface PendingStep {
  /** Learners; at least one. */
  readonly promote: readonly MemberKey[];
  /** Voters that become learners in the same step. */
  readonly demote: readonly MemberKey[];
  /** Voters that leave in the same step: a dead node makes room only when its replacement is ready. */
  readonly remove: readonly MemberKey[];
}

export const isJoint = (configuration: Configuration): boolean => configuration.outgoing.length > 0;

export const isMember = (configuration: Configuration, key: MemberKey): boolean =>
  configuration.members.some((member) => member.key === key);

/** Whether the member's vote counts in either half of the configuration. */
export const isVoter = (configuration: Configuration, key: MemberKey): boolean =>
  configuration.voters.includes(key) || configuration.outgoing.includes(key);

/** Whether a vote other than that of this incarnation counts in either half of the configuration. */
export const hasOtherVoters = (
  { voters, outgoing }: Pick<Configuration, "voters" | "outgoing">,
  self: Incarnation,
): boolean => [...voters, ...outgoing].some((key) => incarnationOf(key) !== self);
