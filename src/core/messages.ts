// The messages nodes send each other: the RPCs of the thesis as one-way messages, requests and replies apart.
// The sender is not in the message: the transport knows it from the connection's hello, and nobody can claim another.
import type { MemberKey } from "./configuration.ts";
import type { Entry } from "./entry.ts";
import type { Genesis } from "./genesis.ts";
import type { LogIndex, LogPosition, Term } from "./log-position.ts";
import type { SnapshotRecord } from "./snapshot-record.ts";

/** §9.6: would you vote for me in this term? Changes nothing on the node asked. */
export interface RequestPreVote {
  readonly kind: "requestPreVote";
  /** The term the sender would campaign in: its current term plus one. */
  readonly term: Term;
  readonly last: LogPosition;
  /** Sent on behalf of a leader that hands over: lifts stickiness (§4.2.3). */
  readonly transfer: boolean;
}

export interface RequestPreVoteReply {
  readonly kind: "requestPreVoteReply";
  /** The term that was asked about. */
  readonly askedTerm: Term;
  /** The current term of the node that answers. */
  readonly term: Term;
  readonly granted: boolean;
}

/** §3.4 */
export interface RequestVote {
  readonly kind: "requestVote";
  readonly term: Term;
  readonly last: LogPosition;
  readonly transfer: boolean;
}

export interface RequestVoteReply {
  readonly kind: "requestVoteReply";
  readonly term: Term;
  readonly granted: boolean;
}

/** §3.5; without entries it is a heartbeat, which is checked against the log like any other. */
export interface AppendEntries {
  readonly kind: "appendEntries";
  readonly term: Term;
  readonly prev: LogPosition;
  /** The chained checksum of the leader's log at `prev`: with equal index and term it shows whether the histories are equal. */
  readonly prevChain: number;
  /** Contiguous, the first at `prev.index + 1`. */
  readonly entries: readonly Entry[];
  readonly leaderCommit: LogIndex;
  /** Rises with each message of this leader in this term; the reply returns the highest one seen. */
  readonly round: number;
  /**
   * What was acknowledged before the receiver's own clock showed this is committed through `leaderCommit`; null: nothing is
   * known of that yet.
   */
  readonly freshAsOf: number | null;
  /** What the leader has had confirmed by the receiver in this term: it must be in the receiver's log. */
  readonly confirmed: LogIndex;
  /** For a receiver that refills itself: how far. */
  readonly refill: RefillGoal | null;
}

/** Names one start of a node that refills itself, so that no message from before is taken for an answer. */
export type RefillId = number;

/** A leader's answer to a node that abstains: its log ended at `through` when it first heard of this refill. */
export interface RefillGoal {
  readonly id: RefillId;
  readonly through: LogIndex;
}

export interface AppendEntriesReply {
  readonly kind: "appendEntriesReply";
  readonly term: Term;
  readonly round: number;
  /** The sender's clock, whole ms from a beginning of its own. */
  readonly clockMs: number;
  /**
   * The sender has lost a part of its data and copies it anew: the reply counts for nothing but the copying. The number is drawn
   * at each start. Null: the sender takes part.
   */
  readonly refill: RefillId | null;
  readonly outcome: AppendOutcome;
}

/** A position that this log and the one of a leader's message both hold, with the chained checksum of each there. */
export interface SharedPosition {
  readonly at: LogPosition;
  /** Of this node's log. */
  readonly chain: number;
  readonly leaderChain: number;
}

export type AppendOutcome =
  | {
      readonly kind: "accepted";
      /** min(end of what was verified against this leader's log, end of what is durable here). */
      readonly matchIndex: LogIndex;
    }
  | {
      readonly kind: "refused";
      /** The `prev.index` that did not match: tells a late refusal from a current one. */
      readonly prevIndex: LogIndex;
      /** Where the leader should look next: the first index of the conflicting term, or the end of a short log. */
      readonly conflict: LogPosition;
      readonly lastIndex: LogIndex;
    }
  /** The snapshot that was offered is being fetched. */
  | { readonly kind: "fetching" }
  /** What the leader sends of this file is damaged: it is not fetched any more. */
  | { readonly kind: "fetchFailed"; readonly file: string }
  /** At this position the terms agree and the chained checksums do not: two histories exist. The sender halts. */
  | ({ readonly kind: "diverged" } & SharedPosition);

/**
 * §5: the leader no longer has the entries that the follower lacks, and offers a snapshot in their place. Deviation: it
 * does not carry the contents; the follower reads them on a connection of its own and at its own pace, so that they never
 * delay a heartbeat. Sent like one, and answered by AppendEntriesReply.
 */
export interface InstallSnapshot {
  readonly kind: "installSnapshot";
  readonly term: Term;
  readonly round: number;
  readonly snapshot: SnapshotRecord;
  /** As in AppendEntries. */
  readonly confirmed: LogIndex;
  readonly refill: RefillGoal | null;
}

/** §3.10: stand for election now. */
export interface TimeoutNow {
  readonly kind: "timeoutNow";
  readonly term: Term;
}

/** §6.4: how far must the state reach that serves a read which has come to this follower? */
export interface ReadIndex {
  readonly kind: "readIndex";
  readonly term: Term;
  /** Chosen by the follower, never twice. */
  readonly id: number;
}

export interface ReadIndexReply {
  readonly kind: "readIndexReply";
  readonly term: Term;
  readonly id: number;
  /** null: the node asked does not lead this term, or leads no longer. */
  readonly index: LogIndex | null;
}

/** Tells a founding member of the genesis; a message of its own because the hello may have been too early. */
export interface GenesisNotice {
  readonly kind: "genesisNotice";
  readonly genesis: Genesis;
}

/** Who belongs to the cluster, as you know it? Asked by a node that hears of a node which its configuration does not name. */
export interface RequestMembers {
  readonly kind: "requestMembers";
}

export interface RequestMembersReply {
  readonly kind: "requestMembersReply";
  /** Where the latest configuration in the sender's log stands. */
  readonly index: LogIndex;
  /** Its members. */
  readonly members: readonly MemberKey[];
}

export type Message =
  | RequestPreVote
  | RequestPreVoteReply
  | RequestVote
  | RequestVoteReply
  | AppendEntries
  | AppendEntriesReply
  | InstallSnapshot
  | TimeoutNow
  | ReadIndex
  | ReadIndexReply
  | RequestMembers
  | RequestMembersReply
  | GenesisNotice;
