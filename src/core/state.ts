// Everything a node knows, as immutable plain data. What each role adds is in roles.ts.
import type { PluginVersion } from "./activation.ts";
import type { MemberKey, NodeId, PlacedConfiguration } from "./configuration.ts";
import type { Effect } from "./effects.ts";
import type { Ticket, TransferRef } from "./events.ts";
import type { Genesis } from "./genesis.ts";
import type { Unfit } from "./impediment.ts";
import type { LogIndex, Millis, Term } from "./log-position.ts";
import type { LogTerms } from "./log-terms.ts";
import type { RefillId } from "./messages.ts";
import type { RandomState } from "./random.ts";
import type { Role } from "./roles.ts";
import type { Settings } from "./settings.ts";
import type { SnapshotRecord } from "./snapshot-record.ts";
import type { Wake } from "./wake-time.ts";

export interface State {
  readonly settings: Settings;
  /** The version of the state machine that a new cluster begins with where this node is its first leader; see activation.ts. */
  readonly plugin: PluginVersion | null;
  readonly self: MemberKey;
  readonly random: RandomState;
  /** The time of the latest event. */
  readonly nowMs: Millis;
  /** Wall clock minus monotonic clock when this node started, ms. Founds a cluster, and tells a stamp that leaps. */
  readonly wallOffsetMs: number;
  readonly genesis: Genesis | null;
  /** Nodes known to belong to another cluster, however much their names agree: they are not heard. */
  readonly strangers: readonly MemberKey[];
  /** Only while a new cluster waits for its founders. */
  readonly founding: Founding | null;
  readonly currentTerm: Term;
  readonly votedFor: MemberKey | null;
  readonly log: LogTerms;
  /** The latest snapshot: covers the log from its start, reaches the log's base at least. */
  readonly snapshot: SnapshotRecord | null;
  /** The write of a leader's snapshot that is on its way to the disk: nothing is applied until then. */
  readonly installing: Ticket | null;
  /** Where the latest own snapshots ended before the last one, oldest first: how far back a live follower holds the log. */
  readonly heldFrom: readonly LogIndex[];
  readonly commitIndex: LogIndex;
  /** How far entries have been handed to the state machine: committed and durable here. */
  readonly appliedIndex: LogIndex;
  readonly durability: Durability;
  /** A committed configuration, or the genesis, has named this incarnation. */
  readonly wasMember: boolean;
  /** The committed configuration by which this incarnation has been removed: it takes part in nothing any more. */
  readonly removed: Removal | null;
  /**
   * The first term since this node's start in which it has followed or led; null: none yet. What it acknowledged in that term
   * may lie before the start, and be lost; what it acknowledged in later ones it knows.
   */
  readonly firstTerm: Term | null;
  /** This node has lost a part of what it promised, and abstains until its log is whole again. */
  readonly refill: Refilling | null;
  readonly role: Role;
  /** What the members have answered about a node that no configuration here names; null: nothing was asked. */
  readonly vouching: Vouching | null;
  /** A hand-over of this node's own leadership whose end is not known yet; null: there is none. */
  readonly handingOver: HandingOver | null;
  /** Evidence that the leader of a term no longer runs; void once a leader is heard. */
  readonly crashedLeader: CrashedLeader | null;
  /** Members that are not asked to lead for a while, whatever their priority: see homecoming.ts. It outlives roles. */
  readonly postponed: ReadonlyMap<MemberKey, Postponed>;
  /** Members that are unfit to lead, as far as this node knows. It outlives roles. */
  readonly unfit: Unfit;
  /** When the state machine of this node is to be woken; null: it asks for no time. It outlives roles. */
  readonly wake: Wake | null;
  /** How old what is applied here is at the most. A fact about this state whoever leads: it outlives roles and terms. */
  readonly freshness: Freshness;
  /** What this node's clock shows others at time 0: random at each start. */
  readonly clockStartMs: number;
  /** Names the next read that the leader is asked about: random at each start, so that no late answer meets another read. */
  readonly nextReadId: number;
}

export interface Postponed {
  readonly untilMs: Millis;
  /** How long that is from its beginning. */
  readonly pauseMs: Millis;
}

/** The target has been told to stand for election, and a newer term has ended this node's leadership. */
export interface HandingOver {
  readonly ref: TransferRef;
  readonly target: MemberKey;
  /** Somebody should lead by then. */
  readonly dueMs: Millis;
}

export interface CrashedLeader {
  readonly key: MemberKey;
  /** The term that it led. */
  readonly term: Term;
  /** How often this node still stands for election because of it. */
  readonly attemptsLeft: number;
  /** When it stands next; infinite when no attempt is left. */
  readonly dueMs: Millis;
}

export interface Removal extends PlacedConfiguration {
  /** Of the write that remembers it; 0 when it was read back at the start. */
  readonly ticket: Ticket;
}

export interface Founding {
  /** The `bootstrap` table of the configuration file. */
  readonly bootstrap: readonly { readonly id: NodeId; readonly address: string }[];
  /** The founders heard so far, this node among them. */
  readonly heard: readonly MemberKey[];
  /** Nodes with the id of a founder that wait to be added: they found no cluster. */
  readonly joining: readonly MemberKey[];
}

/** What is on its way to the disk, and what waits for it. */
export interface Durability {
  readonly issued: Ticket;
  readonly confirmed: Ticket;
  /** The latest write of term and vote: what promises something in this term waits for it. */
  readonly voteTicket: Ticket;
  /** Everything up to here is durable. */
  readonly persistedIndex: LogIndex;
  /** Appends not confirmed yet, in order. */
  readonly appends: readonly { readonly ticket: Ticket; readonly through: LogIndex }[];
  /** Effects that promise something, to be released when their ticket is confirmed, in order. */
  readonly promised: readonly { readonly ticket: Ticket; readonly effect: Effect }[];
}

/** How a rule hands an effect out. */
export type Emit = (effect: Effect) => void;

/** The damaged files were set aside; the log that took their place began empty, with the term and the vote of before. */
export interface Refill {
  /** For people: what was found, and what was lost as far as that is known. */
  readonly finding: string;
  /** Of the cluster whose data was lost: no other genesis is adopted. Null: this node knew none. */
  readonly clusterUuid: string | null;
}

/** The refill of this start of the node; see refill.ts. */
export interface Refilling extends Refill {
  readonly id: RefillId;
  /** Of the write that ends it; null: the log is not whole yet. */
  readonly ticket: Ticket | null;
}

/** The question whether an unknown node belongs to the cluster; see vouching.ts. */
export interface Vouching {
  readonly askedMs: Millis;
  /** Since then no quorum of the members has answered. */
  readonly aloneSinceMs: Millis;
  /** The latest answer of each member. */
  readonly answers: ReadonlyMap<MemberKey, MembersAnswer>;
}

export interface MembersAnswer {
  readonly atMs: Millis;
  /** Where the latest configuration of its log stands. */
  readonly index: LogIndex;
  readonly members: readonly MemberKey[];
}

/** A state that has applied everything through `index` includes all that was acknowledged before `asOfMs` of this clock. */
export interface Fresh {
  readonly asOfMs: Millis;
  readonly index: LogIndex;
}

/** See freshness.ts. */
export interface Freshness {
  /** Its index is applied. */
  readonly reached: Fresh | null;
  /** Its index was not applied yet when it was learned. A later one does not take its place, or under load none would be reached. */
  readonly next: Fresh | null;
}
