// Everything the core can ask of the node, as data. The node executes the effects of a step in order, before the
// next step. Durable effects carry a ticket; what promises durability is only emitted after its ticket is confirmed.
import type { PlacedActivation } from "./activation.ts";
import type { MemberKey, NodeId, PlacedConfiguration } from "./configuration.ts";
import type { Entry } from "./entry.ts";
import type { ChangeRef, ProposalRef, ReadRef, Ticket, TransferRef } from "./events.ts";
import type { Genesis } from "./genesis.ts";
import type { Impediment } from "./impediment.ts";
import type { LogIndex, LogPosition, Term } from "./log-position.ts";
import type { ChangeOutcome } from "./membership-change.ts";
import type { Message, SharedPosition, RefillGoal } from "./messages.ts";
import type { Fault } from "./roles.ts";
import type { SnapshotRecord } from "./snapshot-record.ts";

/** Term and vote are one record: they never reach the disk apart. */
export interface WriteVote {
  readonly kind: "writeVote";
  readonly ticket: Ticket;
  readonly currentTerm: Term;
  readonly votedFor: MemberKey | null;
}

/** Removes every entry after `through`. */
export interface TruncateLog {
  readonly kind: "truncateLog";
  readonly ticket: Ticket;
  readonly through: LogIndex;
}

/** Appends contiguous entries at the end of the log. */
export interface AppendLog {
  readonly kind: "appendLog";
  readonly ticket: Ticket;
  readonly entries: readonly Entry[];
}

export interface WriteGenesis {
  readonly kind: "writeGenesis";
  readonly ticket: Ticket;
  readonly genesis: Genesis;
}

/**
 * The snapshot's file is complete and durable: remember it, and let the log begin after `base` (§5.1). What stays between
 * the base and the snapshot's end is for followers that are a little behind.
 */
export interface WriteSnapshot {
  readonly kind: "writeSnapshot";
  readonly ticket: Ticket;
  readonly snapshot: SnapshotRecord;
  /** At or before the snapshot's end, and in the log. */
  readonly base: LogPosition;
  /** In force at the base, and where its entry stands. */
  readonly baseConfiguration: PlacedConfiguration;
  /** Active at the base; null: nothing was activated before it. */
  readonly baseActivation: PlacedActivation | null;
  /** A leader's snapshot that this log does not agree with: no entry survives, and `base` is the snapshot's end (§5.3). */
  readonly discardsLog: boolean;
}

/** This node has been removed, by the configuration at `position`: it never takes part again with this data. */
export interface WriteRemoved extends PlacedConfiguration {
  readonly kind: "writeRemoved";
  readonly ticket: Ticket;
}

/** What this node had lost is in its log again, durably: from now on it takes part like any other. See refill.ts. */
export interface WriteRefilled {
  readonly kind: "writeRefilled";
  readonly ticket: Ticket;
}

/** The effects that a log store takes; applied in order, as one transaction per call. */
export type DurableEffect =
  WriteVote | TruncateLog | AppendLog | WriteGenesis | WriteRemoved | WriteRefilled | WriteSnapshot;

export interface SendMessage {
  readonly kind: "send";
  readonly to: MemberKey;
  readonly message: Message;
}

/**
 * Send an AppendEntries with the entries after `prev` up to `through` (equal to `prev`: a heartbeat). The node reads
 * them from its cache of the log's tail or from the store, stops at `bytesMax` (but sends at least one), and drops
 * the effect when what it reads does not match `prev` or `through`.
 */
export interface SendEntries {
  readonly kind: "sendEntries";
  readonly to: MemberKey;
  readonly term: Term;
  readonly prev: LogPosition;
  readonly through: LogPosition;
  readonly bytesMax: number;
  readonly leaderCommit: LogIndex;
  readonly round: number;
  readonly freshAsOf: number | null;
  readonly confirmed: LogIndex;
  readonly refill: RefillGoal | null;
}

/** These entries are committed and durable here: hand them to the state machine, in order, each once. */
export interface ApplyEntries {
  readonly kind: "apply";
  readonly after: LogIndex;
  readonly through: LogIndex;
}

/**
 * The leader offers this snapshot: read it from `from` into the snapshot store, and say when it is there. Comes again with
 * each offer; one that is being read already, or is there, is not begun anew.
 */
export interface FetchSnapshot {
  readonly kind: "fetchSnapshot";
  readonly from: MemberKey;
  readonly snapshot: SnapshotRecord;
}

/**
 * A follower finds the latest snapshot of this leader damaged: see whether it is, and take another one if so. Comes
 * whenever a follower says it.
 */
export interface CheckSnapshot {
  readonly kind: "checkSnapshot";
  readonly by: MemberKey;
  readonly snapshot: SnapshotRecord;
}

/** Put the state of this snapshot in the place of the state machine's; entries that follow are applied after it. */
export interface RestoreState {
  readonly kind: "restoreState";
  readonly snapshot: SnapshotRecord;
}

/** The proposals have places in the log: consecutive ones from `first` on, in the order of `refs`. */
export interface ProposalsAccepted {
  readonly kind: "proposalsAccepted";
  readonly refs: readonly ProposalRef[];
  readonly first: LogPosition;
}

/** The proposals were not appended and never will be: the client may try elsewhere. */
export interface ProposalsRefused {
  readonly kind: "proposalsRefused";
  readonly refs: readonly ProposalRef[];
  readonly leader: MemberKey | null;
}

/** The read may be served from a state that has applied everything through `index` (§6.4). */
export interface ReadReady {
  readonly kind: "readReady";
  readonly ref: ReadRef;
  readonly index: LogIndex;
}

/** It is not known how far the read's state must reach, and nobody is looking into it any more: to be asked elsewhere or again. */
export interface ReadRefused {
  readonly kind: "readRefused";
  readonly ref: ReadRef;
  readonly leader: MemberKey | null;
}

/** The answer to a transferLeadership event: each has exactly one. `done`: the target leads, as this node has heard from it. */
export interface TransferSettled {
  readonly kind: "transferSettled";
  readonly ref: TransferRef;
  readonly outcome: TransferOutcome;
}

export type TransferOutcome =
  | { readonly kind: "done" }
  | { readonly kind: "notLeader"; readonly leader: MemberKey | null }
  /** The target was told to stand for election, and this one has won. */
  | { readonly kind: "elsewhere"; readonly leader: MemberKey }
  | { readonly kind: "unknownTarget"; readonly to: NodeId }
  /** It would lead worse than this node does. */
  | { readonly kind: "unfitTarget"; readonly to: NodeId; readonly impediment: Impediment }
  | { readonly kind: "noTarget" }
  | { readonly kind: "busy" }
  | { readonly kind: "timedOut" };

/** The answer to a changeMembership event: each has exactly one. */
export interface ChangeSettled {
  readonly kind: "changeSettled";
  readonly ref: ChangeRef;
  readonly outcome: ChangeOutcome;
}

/** It is on disk here that this node has been removed. From now on it only tells clients so. */
export interface Removed extends PlacedConfiguration {
  readonly kind: "removed";
}

/** A node has sent what no honest node sends: close its connection, and say why. The state is as if nothing had come. */
export interface Accuse {
  readonly kind: "accuse";
  readonly from: MemberKey;
  /** For an operator: what it claims, and what contradicts that. */
  readonly lie: string;
}

/** The genesis is on disk here: hellos may carry it from now on. */
export interface GenesisDurable {
  readonly kind: "genesisDurable";
  readonly genesis: Genesis;
}

/** A follower counts for nothing from now on, or (null) counts again: to be reported to people. */
export interface FollowerFault {
  readonly kind: "followerFault";
  readonly of: MemberKey;
  readonly fault: Fault | null;
}

/** This node cannot go on: the node prints the reason and stops. */
export interface Halt {
  readonly kind: "halt";
  readonly reason: HaltReason;
}

export type HaltReason =
  /** The cluster was founded with another incarnation of this node: its disk was wiped or replaced. */
  | { readonly kind: "wiped"; readonly clusterUuid: string; readonly id: NodeId }
  /** The cluster was founded without this node. */
  | { readonly kind: "notListed"; readonly clusterUuid: string; readonly id: NodeId }
  /** This log ends before what the node has acknowledged to this leader: its disk has lost the rest. */
  | { readonly kind: "lost"; readonly leader: MemberKey; readonly confirmed: LogIndex; readonly last: LogPosition }
  /** At this position the terms of both logs agree and the chained checksums do not: there are two histories. */
  | ({ readonly kind: "diverged"; readonly leader: MemberKey } & SharedPosition);

export type Effect =
  | DurableEffect
  | SendMessage
  | SendEntries
  | ApplyEntries
  | FetchSnapshot
  | CheckSnapshot
  | RestoreState
  | ProposalsAccepted
  | ProposalsRefused
  | ReadReady
  | ReadRefused
  | TransferSettled
  | ChangeSettled
  | GenesisDurable
  | Removed
  | Accuse
  | FollowerFault
  | Halt;
