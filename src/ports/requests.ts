// What clients ask of a node, and the answers. The wire form is docs/protocol.md.
import type { PluginVersion } from "../core/activation.ts";
import type { CommandStamp } from "../core/entry.ts";
import type { LogIndex, Term } from "../core/log-position.ts";
import type { ErrorCode } from "../errors.ts";
import type { ChangeMembershipRequest, MembershipChangedReply, MembershipPlanReply } from "./membership-requests.ts";
import type { RolledOutReply, RollOutRequest, SkippedReply, SkipRequest } from "./version-requests.ts";

/** Chosen by the client, unique among the requests it has open on one connection. */
export type RequestId = number;

interface Identified {
  readonly id: RequestId;
}

/** A command for the state machine: appended to the log, applied on every node. */
export interface CommandRequest extends Identified {
  readonly kind: "command";
  readonly payload: Uint8Array;
  /** After this long without a commit the node answers `outcome-unknown` or `unavailable`. */
  readonly timeoutMs: number;
  /** With it the command takes effect once, however often it is sent; null: as often as it is taken. */
  readonly session: CommandStamp | null;
}

/** Opens a session (§6.3), answered with `sessionOpened`. Sent twice it opens two, of which one expires unused. */
export interface OpenSessionRequest extends Identified {
  readonly kind: "openSession";
  readonly timeoutMs: number;
  /** The session ends after as much replicated time without a command of it. */
  readonly sessionTimeoutMs: number;
}

/** The client needs the session no more. */
export interface CloseSessionRequest extends Identified {
  readonly kind: "closeSession";
  readonly timeoutMs: number;
  readonly session: LogIndex;
}

/**
 * How much of the past an answer may show. `linearizable`: none of it, everything acknowledged before the question is in it
 * (§6.4). `stale`: whatever the node asked knows.
 */
export type Consistency = "linearizable" | "stale";

/** A question to the state machine. */
export interface QueryRequest extends Identified {
  readonly kind: "query";
  readonly payload: Uint8Array;
  readonly timeoutMs: number;
  readonly consistency: Consistency;
  /** Of a stale read: how old the state may be that answers; null: as old as it is. */
  readonly maxStalenessMs: number | null;
}

export interface StatusRequest extends Identified {
  readonly kind: "status";
}

export interface ConfigurationRequest extends Identified {
  readonly kind: "configuration";
}

/** The named operations of the state machine. */
export interface DescribeRequest extends Identified {
  readonly kind: "describe";
}

/** Administrators only. */
export interface TransferRequest extends Identified {
  readonly kind: "transferLeadership";
  /** null: the voter best prepared. */
  readonly to: string | null;
}

/** Administrators only: stop this node gracefully. */
export interface StopRequest extends Identified {
  readonly kind: "stop";
}

/** Administrators only: a backup of the state that includes everything acknowledged before; answered with `backupReady`. */
export interface BackupRequest extends Identified {
  readonly kind: "backup";
  readonly timeoutMs: number;
}

/** Administrators only: a piece of the file of a backup that this node has made ready; answered with `backupPiece`. */
export interface ReadBackupRequest extends Identified {
  readonly kind: "readBackup";
  readonly file: string;
  readonly offset: number;
  readonly bytesMax: number;
}

export type ClientRequest =
  | CommandRequest
  | OpenSessionRequest
  | CloseSessionRequest
  | QueryRequest
  | StatusRequest
  | ConfigurationRequest
  | DescribeRequest
  | TransferRequest
  | StopRequest
  | ChangeMembershipRequest
  | BackupRequest
  | ReadBackupRequest
  | RollOutRequest
  | SkipRequest;

/** What the wire can carry across as an error. */
export type ReplyErrorCode = Exclude<
  ErrorCode,
  "config" | "plugin" | "storage" | "damaged" | "usage" | "wrong-cluster"
>;

export interface LeaderHint {
  readonly id: string;
  readonly address: string;
  /** Where the leader itself says that it is reached, if that is elsewhere: it may have moved. */
  readonly announced?: string;
}

export interface ResultReply extends Identified {
  readonly kind: "result";
  readonly payload: Uint8Array;
  /** Where the command stands in the log; of a query, how far the state reached that answered at the least. */
  readonly index: LogIndex;
  readonly term: Term;
  /** Of a stale read: how old the state was at the most, ms; null of any other, and when the node does not know. */
  readonly stalenessMs: number | null;
}

export interface ErrorReply extends Identified {
  readonly kind: "error";
  readonly code: ReplyErrorCode;
  readonly message: string;
  /** Who leads, as far as this node knows. */
  readonly leader: LeaderHint | null;
}

export interface NodeStatus {
  readonly id: string;
  readonly address: string;
  /**
   * "founding": waiting for the other founders. "joining": waiting to be added. "removed": a member no more, it only says so.
   * null: unknown, the node cannot be reached.
   */
  readonly role: "founding" | "joining" | "follower" | "preCandidate" | "candidate" | "leader" | "removed" | null;
  /** Of the configuration in force; while that is joint, of the one to come. */
  readonly voter: boolean;
  /** While the configuration is joint: votes in the one that goes. */
  readonly outgoing: boolean;
  /** What becomes of it as soon as those have caught up who are to vote then. */
  readonly pending: "promote" | "demote" | "remove" | null;
  readonly priority: number;
  readonly reachable: boolean;
  readonly matchIndex: LogIndex | null;
  readonly appliedIndex: LogIndex | null;
  readonly lagEntries: number | null;
  readonly version: string | null;
  /** A snapshot that the leader is sending it, in bytes; null: none. */
  readonly snapshot: { readonly sentBytes: number; readonly bytes: number } | null;
  /** The versions of the plugin that it has, as it has told the node asked; null: unknown. */
  readonly plugins: readonly PluginVersion[] | null;
  /** For people: why the node cannot do all that it should, as it has told the node asked; null: it can. */
  readonly problem: string | null;
}

/** The version of the plugin that applies commands, and the entry that made it active. */
export interface ActivePlugin extends PluginVersion {
  readonly since: LogIndex;
}

/** The cluster as the node asked sees it; complete when that node leads. */
export interface StatusReply extends Identified {
  readonly kind: "status";
  readonly cluster: string;
  /** Which founding of the cluster the node is of; null: of none yet. */
  readonly clusterUuid: string | null;
  /** The node that answers. */
  readonly node: string;
  readonly leader: LeaderHint | null;
  readonly term: Term;
  readonly commitIndex: LogIndex;
  /** Of a leader: a strict majority of the voters has answered the same through here; null: nothing has been compared. */
  readonly agreesThrough: LogIndex | null;
  /** Null: the node asked knows of none yet. */
  readonly plugin: ActivePlugin | null;
  readonly nodes: readonly NodeStatus[];
  /** For people: whom the node is waiting for, empty when all is well. */
  readonly waitingFor: readonly string[];
}

export interface ConfigurationReply extends Identified {
  readonly kind: "configuration";
  readonly clusterUuid: string | null;
  /** The node that answers, and its data. It is a member when the list names both. */
  readonly node: string;
  readonly incarnation: string;
  readonly index: LogIndex;
  /** The node that answers is a member no more: this is the last configuration that it knows. */
  readonly removed: boolean;
  /** The node that answers knows it to be committed. Otherwise a leader that does not have it may still take it back. */
  readonly committed: boolean;
  readonly members: readonly {
    readonly id: string;
    readonly incarnation: string;
    readonly address: string;
    readonly voter: boolean;
    readonly outgoing: boolean;
    readonly priority: number;
  }[];
  /** Changes of voters that wait until those have caught up who are to vote; names are ids, or id@incarnation. */
  readonly pending: readonly {
    readonly promote: readonly string[];
    readonly demote: readonly string[];
    readonly remove: readonly string[];
  }[];
}

export interface DescribeReply extends Identified {
  readonly kind: "describe";
  /** The plugin's name and version. */
  readonly name: string;
  readonly version: string;
  /** "raw": commands and queries are bytes, there are no named operations. */
  readonly style: "typed" | "raw";
  readonly commands: readonly string[];
  readonly queries: readonly string[];
}

export interface SessionOpenedReply extends Identified {
  readonly kind: "sessionOpened";
  /** What the stamps of its commands name it by. */
  readonly session: LogIndex;
}

/** Done; nothing more to say (transfer, stop, the end of a session). */
export interface DoneReply extends Identified {
  readonly kind: "done";
  readonly leader: LeaderHint | null;
}

/** The file is complete and is kept while it is read. It is described beside `src/adapters/files/snapshot-format.ts`. */
export interface BackupReadyReply extends Identified {
  readonly kind: "backupReady";
  readonly file: string;
  readonly bytes: number;
  /** Of the whole file, 53 bits. */
  readonly checksum: number;
  /** The state is as of this entry. */
  readonly index: LogIndex;
  readonly term: Term;
}

export interface BackupPieceReply extends Identified {
  readonly kind: "backupPiece";
  readonly offset: number;
  /** Empty at the end of the file. */
  readonly bytes: Uint8Array;
}

export type ClientReply =
  | BackupReadyReply
  | BackupPieceReply
  | ResultReply
  | SessionOpenedReply
  | ErrorReply
  | StatusReply
  | ConfigurationReply
  | DescribeReply
  | DoneReply
  | MembershipChangedReply
  | MembershipPlanReply
  | RolledOutReply
  | SkippedReply;
