// What administrators ask about the membership, and what they are answered. What a change is made of stands in
// core/membership-change.ts; here newcomers have no incarnation yet, for the leader finds it out. The wire form is docs/protocol.md.
import type { MembershipChange } from "../core/membership-change.ts";
import type { LogIndex } from "../core/log-position.ts";

/** Any set of changes, made as one. */
export interface RequestedChange extends Omit<MembershipChange, "add"> {
  readonly add: readonly RequestedAddition[];
}

/** A new member; or a member as it is, with another address; or what runs under its id now, in its place. */
export interface RequestedAddition {
  readonly id: string;
  /** `host:port` where the members reach it. */
  readonly address: string;
  /** Null: what it was, or 0. */
  readonly priority: number | null;
  /** Whether it becomes a voter when it has caught up. */
  readonly voter: boolean;
  /** Whether it may be added though nobody can dial it: its own connections serve then. Clients do not reach it. */
  readonly behindNat: boolean;
}

/** Administrators only; answered by the leader, when the change is complete. */
export interface ChangeMembershipRequest {
  readonly kind: "changeMembership";
  readonly id: number;
  /** After this long the node answers `outcome-unknown`: the change goes on. */
  readonly timeoutMs: number;
  readonly change: RequestedChange;
  /** Only while the configuration stands there; null: whatever it is. */
  readonly expectedIndex: LogIndex | null;
  /** Changes nothing: answered with what the change would come to. */
  readonly dryRun: boolean;
}

export interface MembershipChangedReply {
  readonly kind: "membershipChanged";
  readonly id: number;
  /** Where the configuration stands that has completed the change. */
  readonly index: LogIndex;
  /** For people. */
  readonly message: string;
}

/** What of a configuration decides about failures. */
export interface VotingBody {
  readonly voters: readonly string[];
  readonly learners: readonly string[];
  /** How many voters make a majority. */
  readonly quorum: number;
  /** How many voters may fail. */
  readonly tolerates: number;
}

export interface PlannedNode {
  readonly id: string;
  readonly address: string;
  readonly becomes: "voter" | "learner" | "gone";
  /** How many entries it lacks; null: not known. */
  readonly lagEntries: number | null;
  /** How long the leader has not heard from it; null: it never has. */
  readonly silentMs: number | null;
}

export interface MembershipPlanReply {
  readonly kind: "membershipPlan";
  readonly id: number;
  /** Where the configuration stands that was looked at. */
  readonly index: LogIndex;
  readonly before: VotingBody;
  /** When the change is complete; null: it would be refused. */
  readonly after: VotingBody | null;
  /** Those that the change is about. */
  readonly nodes: readonly PlannedNode[];
  /** For people: what speaks against it, or is to be known before. */
  readonly risks: readonly string[];
  /** For people: why the change would be refused; null: it would not. */
  readonly refusal: string | null;
}
