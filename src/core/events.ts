// Everything that can happen to a node, as data. Each event carries the time at which it is handled.
import type { Activation } from "./activation.ts";
import type { Incarnation, MemberKey, NodeId } from "./configuration.ts";
import type { ClientName, OwnedStamp } from "./entry.ts";
import type { Affiliation } from "./genesis.ts";
import type { Unfit } from "./impediment.ts";
import type { LogIndex, Millis } from "./log-position.ts";
import type { MembershipChange } from "./membership-change.ts";
import type { Message, SharedPosition } from "./messages.ts";
import type { SnapshotRecord } from "./snapshot-record.ts";
import type { Wake } from "./wake-time.ts";

/** Names a proposal between the node and the core until it has a place in the log; never repeated in one run. */
export type ProposalRef = number;

/** Names a read between the node and the core; never repeated in one run. */
export type ReadRef = number;
/** Names a hand-over of leadership between the node and the core; never repeated in one run. */
export type TransferRef = number;
/** Names a change of the membership between the node and the core; never repeated in one run. */
export type ChangeRef = number;

/** Confirms durable effects in the order in which they were issued. */
export type Ticket = number;

interface Named {
  readonly ref: ProposalRef;
}

/** What a client wants to see in the log. The core gives it a place and never looks inside. */
export type Proposal =
  | (Named & { readonly kind: "command"; readonly payload: Uint8Array; readonly session: OwnedStamp | null })
  | (Named & {
      readonly kind: "openSession";
      readonly client: ClientName;
      readonly isAdmin: boolean;
      readonly timeoutMs: number;
    })
  | (Named & { readonly kind: "closeSession"; readonly client: ClientName; readonly session: LogIndex })
  | (Named & Activation & { readonly kind: "activate" });

interface Timed {
  /** Monotonic. */
  readonly nowMs: Millis;
}

/** The time that `nextDeadlineMs` named has come. */
export interface TickEvent extends Timed {
  readonly kind: "tick";
}

export interface MessageEvent extends Timed {
  readonly kind: "message";
  readonly from: MemberKey;
  readonly message: Message;
  /** The last position that this log and a leader's message share: see histories.ts. Absent when they share none. */
  readonly shared?: SharedPosition;
}

/** A connection to another node stands and both hellos have been checked. */
export interface PeerConnectedEvent extends Timed {
  readonly kind: "peerConnected";
  readonly peer: { readonly id: NodeId; readonly incarnation: Incarnation };
  readonly affiliation: Affiliation;
}

/** Bytes of a message that is not complete yet have come from this node; told now and then while that lasts. */
export interface PartReceivedEvent extends Timed {
  readonly kind: "partReceived";
  readonly from: MemberKey;
}

/**
 * There is evidence that the process of a node has ended: nobody listens any more where it listened in this boot, or another
 * process of the same disk has introduced itself. A lost connection alone is none.
 */
export interface PeerCrashedEvent extends Timed {
  readonly kind: "peerCrashed";
  readonly peer: MemberKey;
}

/** Clients' commands that have arrived together. */
export interface ProposeEvent extends Timed {
  readonly kind: "propose";
  readonly proposals: readonly Proposal[];
}

/** Queries that have arrived together and want to see everything acknowledged before (§6.4). */
export interface ReadEvent extends Timed {
  readonly kind: "read";
  readonly ref: ReadRef;
}

/** All durable effects up to this ticket are on disk. */
export interface PersistedEvent extends Timed {
  readonly kind: "persisted";
  readonly ticket: Ticket;
}

/** An administrator, or this node before it stops, hands leadership over (§3.10). */
export interface TransferEvent extends Timed {
  readonly kind: "transferLeadership";
  readonly ref: TransferRef;
  /** The node that shall lead; null: the voter best prepared. */
  readonly to: NodeId | null;
}

/** An administrator changes who belongs to the cluster and who votes (§4). */
export interface ChangeMembershipEvent extends Timed {
  readonly kind: "changeMembership";
  readonly ref: ChangeRef;
  readonly change: MembershipChange;
  /** Refuse unless the configuration in force, when the change has its turn, stands at this index; null: any will do. */
  readonly expectedIndex: LogIndex | null;
}

/** A snapshot of this node's state machine is complete and durable in the snapshot store. */
export interface SnapshotTakenEvent extends Timed {
  readonly kind: "snapshotTaken";
  readonly snapshot: SnapshotRecord;
}

/** The snapshot that a leader offered is complete, verified and durable in the snapshot store. */
export interface SnapshotFetchedEvent extends Timed {
  readonly kind: "snapshotFetched";
  readonly snapshot: SnapshotRecord;
}

/** The state machine has gone wrong: this record takes the place of the own snapshot. Its file is complete, verified and durable. */
export interface SnapshotReplacedEvent extends Timed {
  readonly kind: "snapshotReplaced";
  readonly snapshot: SnapshotRecord;
}

/** What a leader sends as the snapshot that it offered is damaged; reading it again will not help. */
export interface FetchFailedEvent extends Timed {
  readonly kind: "fetchFailed";
  readonly from: MemberKey;
  readonly file: string;
}

/** The node has learned which members are unfit to lead, this one included. */
export interface FitnessEvent extends Timed {
  readonly kind: "fitness";
  /** All of them; it replaces what the event before said. */
  readonly unfit: Unfit;
}

/** The state machine of this node has asked for another time to be woken, or for none any more. */
export interface WakeEvent extends Timed {
  readonly kind: "wake";
  /** Null: none, or the state machine does not run. */
  readonly wake: Wake | null;
}

export type Event =
  | TickEvent
  | MessageEvent
  | PeerConnectedEvent
  | PartReceivedEvent
  | PeerCrashedEvent
  | ProposeEvent
  | ReadEvent
  | PersistedEvent
  | TransferEvent
  | ChangeMembershipEvent
  | SnapshotTakenEvent
  | SnapshotFetchedEvent
  | SnapshotReplacedEvent
  | FetchFailedEvent
  | FitnessEvent
  | WakeEvent;
