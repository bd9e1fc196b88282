// What one entry of the replicated log is. The core never looks inside a command's payload.
import type { Configuration } from "./configuration.ts";
import type { LogPosition } from "./log-position.ts";

interface Placed extends LogPosition {
  /** Replicated time at which the leader appended it, in ms since 1970; never lower than its predecessor's. */
  readonly stampMs: number;
}

/** A client's command: the bytes that the client sent are the bytes stored and replicated. */
export interface CommandEntry extends Placed {
  readonly kind: "command";
  readonly payload: Uint8Array;
}

/** Carries nothing: appended at the start of a leader's term (§6.4) and as the barrier of a query. */
export interface NoopEntry extends Placed {
  readonly kind: "noop";
}

/** Takes effect on each node as soon as it is in that node's log (§4.1). */
export interface ConfigurationEntry extends Placed {
  readonly kind: "configuration";
  readonly configuration: Configuration;
}

export type Entry = CommandEntry | NoopEntry | ConfigurationEntry;

/** What an entry weighs beside its payload when batches and windows are measured, in bytes. */
const entryOverheadBytes = 32;
const memberBytes = 96;

/** The size by which batches and windows are bounded; an estimate of the encoded size, in bytes. */
export function entryBytes(entry: Entry): number {
  switch (entry.kind) {
    case "command":
      return entryOverheadBytes + entry.payload.byteLength;
    case "noop":
      return entryOverheadBytes;
    case "configuration":
      return entryOverheadBytes + memberBytes * entry.configuration.members.length;
  }
}
