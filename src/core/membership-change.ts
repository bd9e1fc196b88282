// What can an administrator ask to be changed about the membership, and what can the answer be? Only words; what a change
// makes of a configuration is next-configuration.ts, and who carries it out, and when, membership.ts.
import type { MemberKey, NodeId } from "./configuration.ts";
import type { LogIndex } from "./log-position.ts";

/**
 * A node id, or one of its incarnations as `id@incarnation`. While a new incarnation waits to take the place of an old one
 * the id alone means both of them where it is to be removed, the learner to be promoted, the voter to be demoted.
 */
export type MemberName = string;

/**
 * Any set of changes, made as one. A change of voters goes through a joint configuration (§4.3) at once, unless the change
 * also brings voters that have to catch up first: then all of its changes of voters wait for them (§4.2.1).
 */
export interface MembershipChange {
  readonly add: readonly Addition[];
  /** Learners that become voters when they have caught up. */
  readonly promote: readonly MemberName[];
  /** Voters that become learners; a learner that waits to be promoted no longer does. */
  readonly demote: readonly MemberName[];
  readonly remove: readonly MemberName[];
  readonly prioritize: readonly { readonly name: MemberName; readonly priority: number }[];
}

/**
 * A new member; or a member as it is, with another address; or a new incarnation of a member, which takes the place of the
 * old one. A member that votes goes on voting whatever `voter` says.
 */
export interface Addition {
  readonly key: MemberKey;
  readonly address: string;
  /** Null: what it was, or 0. */
  readonly priority: number | null;
  /** Whether it becomes a voter when it has caught up. */
  readonly voter: boolean;
}

export const noChange: MembershipChange = { add: [], promote: [], demote: [], remove: [], prioritize: [] };

/** The answer to a changeMembership event. */
export type ChangeOutcome =
  /** The change is complete, promotions and its joint phase included; `index` is that of the configuration's entry. */
  | { readonly kind: "done"; readonly index: LogIndex }
  /** Nothing has happened: another node may be asked. */
  | { readonly kind: "notLeader"; readonly leader: MemberKey | null }
  /** Nothing has happened, and nothing will. */
  | { readonly kind: "refused"; readonly reason: ChangeRefusal }
  /** Nothing has happened: the configuration is not the expected one, it stands at `index`. */
  | { readonly kind: "conflict"; readonly index: LogIndex }
  /** Leadership was lost after the change was begun: later leaders may complete it, or it may never have happened. */
  | { readonly kind: "unknown" };

export type ChangeRefusal =
  | { readonly kind: "unknownMember"; readonly name: MemberName }
  /** The change asks for two things of this member that exclude each other. */
  | { readonly kind: "contradiction"; readonly name: MemberName }
  | { readonly kind: "alreadyVoter"; readonly name: MemberName }
  | { readonly kind: "alreadyLearner"; readonly name: MemberName }
  /** Everything is as the change would make it. */
  | { readonly kind: "nothingToDo" }
  | { readonly kind: "lastVoter" }
  /** These voters have lost data and do not count. The others would be no quorum any more. */
  | { readonly kind: "damagedVoters"; readonly ids: readonly NodeId[] }
  /** This incarnation has been a member and was removed: it knows, or will, and takes no part any more. */
  | { readonly kind: "removedBefore"; readonly key: MemberKey }
  | { readonly kind: "addressTaken"; readonly address: string; readonly by: NodeId }
  | { readonly kind: "tooManyMembers"; readonly max: number }
  /** This leader keeps no more changes that are not complete. */
  | { readonly kind: "tooManyChanges"; readonly max: number }
  /** A node that was to become a voter was removed or demoted by a later change before it had caught up. */
  | { readonly kind: "withdrawn"; readonly id: NodeId };
