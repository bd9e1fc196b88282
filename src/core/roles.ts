// The four roles a node can be in. A field that has a meaning in one role exists only in that role.
import type { MemberKey } from "./configuration.ts";
import type { ChangeMembershipEvent, ChangeRef, Proposal, ReadRef, TransferRef } from "./events.ts";
import type { LogIndex, Millis, LogPosition } from "./log-position.ts";
import type { RefillGoal } from "./messages.ts";
import type { SnapshotRecord } from "./snapshot-record.ts";

export interface Follower {
  readonly kind: "follower";
  /** The leader of the current term, once it has been heard. */
  readonly leader: MemberKey | null;
  readonly electionDueMs: Millis;
  /** When the leader of the current term was last heard; null: not yet. */
  readonly leaderHeardMs: Millis | null;
  /** The timer has been found overdue by far and was given a moment: this node was asleep, its leader was not. */
  readonly wokeLate: boolean;
  /** How far this log is known to equal the log of this term's leader. */
  readonly verifiedIndex: LogIndex;
  /** The highest round heard from this term's leader. */
  readonly round: number;
  /** An acknowledgement waits for the disk. */
  readonly owesAck: boolean;
  /** How far this log must reach before the node takes part again, by this leader's word; null: none yet. See refill.ts. */
  readonly refillThrough: LogIndex | null;
  /** What the leader has been asked and has not answered, in order. */
  readonly reads: readonly AskedRead[];
}

/** §9.6: asks whether an election could be won, without touching its term. */
export interface PreCandidate {
  readonly kind: "preCandidate";
  readonly electionDueMs: Millis;
  readonly granted: readonly MemberKey[];
  /** Stands because the leader asked it to (§3.10). */
  readonly transfer: boolean;
}

export interface Candidate {
  readonly kind: "candidate";
  readonly electionDueMs: Millis;
  /** Its own vote is among them once that vote is durable. */
  readonly granted: readonly MemberKey[];
  readonly transfer: boolean;
  /** The requests have gone out: not before its term and vote are durable. */
  readonly asked: boolean;
}

export interface Leader {
  readonly kind: "leader";
  readonly sinceMs: Millis;
  /** Replicated time at `sinceMs`. */
  readonly stampBaseMs: number;
  /** The no-op that opened the term: before it is committed nothing of earlier terms is known to be (§3.6.2). */
  readonly termStartIndex: LogIndex;
  readonly heartbeatDueMs: Millis;
  /** Rises with every AppendEntries sent. */
  readonly round: number;
  /** The quorum's silence is not held against it until then: it was asleep, or the quorum is a new one. */
  readonly graceUntilMs: Millis;
  /** It has that moment because it was asleep; there is no second one before a quorum has been heard. */
  readonly wokeLate: boolean;
  readonly progress: ReadonlyMap<MemberKey, Progress>;
  readonly transfer: Transfer | null;
  /** Reads whose confirmation is awaited, in the order of their arrival. */
  readonly reads: readonly PendingRead[];
  /** Since this round a quorum has been sent something. */
  readonly askedAfter: number;
  /** The last look at the own clock that no quorum has confirmed yet, with round and read index at that moment. */
  readonly mark: { readonly atMs: Millis; readonly round: number; readonly index: LogIndex } | null;
  readonly administration: Administration;
  /** The last entry of this leadership that reaches the state machine; null: there is none yet. */
  readonly stirring: { readonly index: LogIndex; readonly stampMs: number } | null;
  /** No tick is appended before this time. */
  readonly tickNotBeforeMs: Millis;
}

export type Role = Follower | PreCandidate | Candidate | Leader;

export interface Followed {
  readonly nextIndex: LogIndex;
  /** The highest index known to be durable there and equal to the leader's log. Falls only when the node has lost something. */
  readonly matchIndex: LogIndex;
  /** The leader's round when it learnt that: what it sends later meets a log that reaches there. */
  readonly matchedAfter: number;
  /** When it last answered in this term. */
  readonly heardMs: Millis;
  /** The highest round it has answered. */
  readonly ackedRound: number;
  readonly clock: FollowerClock;
  /** Why this follower counts for nothing; null: it counts. See faults.ts. */
  readonly fault: Fault | null;
}

/** Why a follower counts for nothing; see faults.ts. */
export type Fault =
  /** Its log ends before what it acknowledged: a disk that was rolled back, or a log whose end is gone. */
  | { readonly kind: "lost"; readonly confirmed: LogIndex; readonly lastIndex: LogIndex }
  /** It says that it has lost something, and copies the log anew. Replies to rounds up to `afterRound` are older than that. */
  | ({ readonly kind: "refilling"; readonly afterRound: number } & RefillGoal)
  /**
   * Its entry there has the same term and another history: `here` is the leader's chained checksum, `there` its own. Replies to
   * rounds up to `afterRound` are older than that.
   */
  | {
      readonly kind: "diverged";
      readonly at: LogPosition;
      readonly here: number;
      readonly there: number;
      readonly afterRound: number;
    };

/** What a leader keeps of a follower's own clock, ms; see freshness.ts. */
export interface FollowerClock {
  /** What it showed at an answer that no quorum has confirmed yet, and the leader's round at that moment. */
  readonly mark: { readonly clockMs: number; readonly round: number } | null;
  /** What it showed at the latest answer that is confirmed. */
  readonly freshAsOf: number | null;
}

/** Where the logs agree is not known, or the sizes of what it lacks are not: one message at a time. */
export interface Probing extends Followed {
  readonly kind: "probing";
  /** Entries are on their way, and it is not known yet what became of them. */
  readonly asked: boolean;
}

/** The logs agree: messages follow each other without waiting, within the window (§10.2.1). */
export interface Replicating extends Followed {
  readonly kind: "replicating";
  readonly inFlight: readonly InFlight[];
}

export interface InFlight {
  readonly through: LogIndex;
  readonly entries: number;
  readonly bytes: number;
}

/** It lacks entries that are gone: it is offered a snapshot instead (§5), the same one until it has it. */
export interface Installing extends Followed {
  readonly kind: "installing";
  readonly snapshot: SnapshotRecord;
  /** The follower finds the file damaged: the next snapshot takes its place. */
  readonly isDamaged: boolean;
}

/** What a leader knows of one follower. */
export type Progress = Probing | Replicating | Installing;

/** §3.10 */
export interface Transfer {
  readonly target: MemberKey;
  /** Given up at this time: the leader takes proposals again. */
  readonly dueMs: Millis;
  readonly timeoutNowSent: boolean;
  /** What clients proposed meanwhile: neither refused nor lost. */
  readonly held: readonly Proposal[];
  /** Null: the leader's own idea (homecoming.ts), for which no request waits. */
  readonly ref: TransferRef | null;
}

/** What a leader keeps about the members: the changes that it was asked for, and who comes and goes (§4). */
export interface Administration {
  /** Changes that wait for their turn, in order. */
  readonly queue: readonly QueuedChange[];
  /** Changes that are in the log and not complete. */
  readonly begun: readonly BegunChange[];
  /** The present round of each learner that is to be promoted (§4.2.1). */
  readonly rounds: ReadonlyMap<MemberKey, Round>;
  /** Those that have left and may not know it. */
  readonly farewells: ReadonlyMap<MemberKey, Farewell>;
  readonly homecoming: Homecoming;
}

export type QueuedChange = Pick<ChangeMembershipEvent, "ref" | "change" | "expectedIndex">;

export interface BegunChange {
  readonly ref: ChangeRef;
  /** The change is not complete while one of these waits to be promoted. */
  readonly awaits: readonly MemberKey[];
}

/** What the log held when the round began: a learner that needs little time for it has caught up. */
export interface Round {
  readonly through: LogIndex;
  readonly sinceMs: Millis;
  /** It ends with the answer to a message after this one: an old answer says nothing about a learner of today. */
  readonly afterRound: number;
  /** The round before took less than an election timeout. */
  readonly hasCaughtUp: boolean;
}

/** A node that has been removed is sent the log up to the configuration that says so, and that this is committed. */
export interface Farewell {
  /** Where that configuration stands. */
  readonly through: LogIndex;
  /** Messages after this one tell it; null: it is not committed yet. */
  readonly toldAfterRound: number | null;
}

export interface Homecoming {
  /** The voter that is preferred to this leader, and since when it has been fit to lead without a break. */
  readonly preferred: { readonly key: MemberKey; readonly sinceMs: Millis } | null;
  /** What was committed when this was looked at last. */
  readonly committed: LogIndex;
  /** Since when entries have waited, none was committed, and no node could connect to this one; null: it is not so. */
  readonly stuckSinceMs: Millis | null;
}

/** §6.4: a follower's read, from the question to the leader until its answer. */
export interface AskedRead {
  /** Never used twice, not even by another start of this node. */
  readonly id: number;
  readonly ref: ReadRef;
  /** Given up at this time. */
  readonly dueMs: Millis;
}

/** §6.4: a read at the leader, until a quorum has answered what was sent after it arrived. */
export interface PendingRead {
  readonly asker: ReadAsker;
  /** How far the state must reach that serves it. */
  readonly index: LogIndex;
  /** The leader's round when it arrived: answers to later ones confirm it. */
  readonly after: number;
}

export type ReadAsker =
  /** Clients of this node. */
  | { readonly kind: "client"; readonly ref: ReadRef }
  /** Another member, for its clients. */
  | { readonly kind: "member"; readonly key: MemberKey; readonly id: number };
