// What one entry of the replicated log is. The core never looks inside a command's payload.
import type { Activation } from "./activation.ts";
import type { Configuration } from "./configuration.ts";
import type { LogIndex, LogPosition } from "./log-position.ts";

/** Replicated time stays within what a `Date` can hold, ms since 1970. */
export const stampMsMax = 8_640_000_000_000_000;

interface Placed extends LogPosition {
  /** Replicated time at which the leader appended it, in ms since 1970; never lower than its predecessor's. */
  readonly stampMs: number;
}

/** A client's name, as its certificate says it. */
export type ClientName = string;

/** Which of a session's commands this is: however often it is in the log, it takes effect once (§6.3). */
export interface CommandStamp {
  /** The session: the index of the entry that opened it. */
  readonly id: LogIndex;
  /** Counted by the client from 1 on; the same in every copy of the command. */
  readonly sequence: number;
  /** The client waits for no answer to a lower sequence any more: those need not be kept. At most `sequence`. */
  readonly answeredBelow: number;
}

/** A command's stamp with the client that sent the command: the node adds the name, and no client can choose it. */
export interface OwnedStamp extends CommandStamp {
  readonly client: ClientName;
}

/** A client's command: the bytes that the client sent are the bytes stored and replicated. */
export interface CommandEntry extends Placed {
  readonly kind: "command";
  readonly payload: Uint8Array;
  /** Null: of no session, and applied as often as it stands in the log. */
  readonly session: OwnedStamp | null;
}

/** A client registers (§6.3): its session's id is this entry's index. */
export interface OpenSessionEntry extends Placed {
  readonly kind: "openSession";
  /** The session is this client's alone. */
  readonly client: ClientName;
  /** Whether an administrator opens it: some places are kept free for them. */
  readonly isAdmin: boolean;
  /** The session ends after as much replicated time without a command of it. */
  readonly timeoutMs: number;
}

/** A client is done with its session, so that nothing of it need be kept. */
export interface CloseSessionEntry extends Placed {
  readonly kind: "closeSession";
  readonly client: ClientName;
  readonly session: LogIndex;
}

/** Carries nothing: appended at the start of a leader's term (§6.4). */
export interface NoopEntry extends Placed {
  readonly kind: "noop";
}

/** Takes effect on each node as soon as it is in that node's log (§4.1). */
export interface ConfigurationEntry extends Placed {
  readonly kind: "configuration";
  readonly configuration: Configuration;
}

/** From the next entry on this version of the state machine applies them, on every node. */
export interface ActivateEntry extends Placed, Activation {
  readonly kind: "activate";
}

/** Time has come for something that the state machine has asked to be woken for; see ticks.ts. */
export interface TickEntry extends Placed {
  readonly kind: "tick";
}

export type Entry =
  CommandEntry | OpenSessionEntry | CloseSessionEntry | NoopEntry | ConfigurationEntry | ActivateEntry | TickEntry;

/** What an entry weighs beside its payload when batches and windows are measured, in bytes. */
const entryOverheadBytes = 32;
const stampBytes = 24;
const memberBytes = 96;

/** The size by which batches and windows are bounded; an estimate of the encoded size, in bytes. */
export function entryBytes(entry: Entry): number {
  switch (entry.kind) {
    case "command":
      return entryOverheadBytes + entry.payload.byteLength + stampBytesOf(entry.session);
    case "openSession":
    case "closeSession":
      return entryOverheadBytes + entry.client.length;
    case "noop":
    case "tick":
      return entryOverheadBytes;
    case "configuration":
      return entryOverheadBytes + memberBytes * entry.configuration.members.length;
    case "activate":
      return entryOverheadBytes + entry.plugin.name.length + entry.plugin.version.length + entry.plugin.hash.length;
  }
}

const stampBytesOf = (stamp: OwnedStamp | null): number => (stamp === null ? 0 : stampBytes + stamp.client.length);
