// Where the log, the vote and the genesis are kept. One implementation writes to SQLite, one to memory.
import type { Configuration, Incarnation, MemberKey } from "../core/configuration.ts";
import type { DurableEffect } from "../core/effects.ts";
import type { Entry } from "../core/entry.ts";
import type { Genesis } from "../core/genesis.ts";
import type { LogIndex, LogPosition, Term } from "../core/log-position.ts";

/** What a node remembers across restarts: everything the core needs, and no command's bytes. */
export interface SavedState {
  readonly incarnation: Incarnation;
  readonly genesis: Genesis | null;
  readonly currentTerm: Term;
  readonly votedFor: MemberKey | null;
  /** The last position that a snapshot covers; index 0 and term 0 without one. The log holds what comes after. */
  readonly snapshot: LogPosition;
  readonly last: LogPosition;
  /** Replicated time of the last entry (or snapshot, or genesis); 0 when there is none. */
  readonly lastStampMs: number;
  /** Where each term begins in the log after the snapshot, ascending: one position per term. */
  readonly termStarts: readonly LogPosition[];
  /** The configuration entries in the log after the snapshot, ascending. */
  readonly configurations: readonly { readonly position: LogPosition; readonly configuration: Configuration }[];
}

/**
 * An adapter MUST:
 * - apply the effects of one `write` in order and as one transaction: after a crash either all of them are there or none;
 * - call `onDurable` of each write exactly once, in the order of the writes, only when the write survives a power failure.
 *   It may call it before `write` returns, or later;
 * - refuse effects that would leave a gap, overlap what is there, or lie at or below the snapshot: by throwing, before
 *   anything is written;
 * - show in `read` what has been written, durable or not;
 * - never retry, hide or survive an I/O error: `write` throws, or `onFailure` of the constructor is called, and every later
 *   call throws. SQLite reports a failed fsync once and then carries on as if nothing had happened.
 */
export interface LogStore {
  /** What was found when the store was opened. */
  readonly saved: SavedState;

  /** Takes a turn's durable effects. Blocks at most for one fsync. Throws `GraftError("storage")`. */
  write(effects: readonly DurableEffect[], onDurable: () => void): void;

  /**
   * The entries from `first` to `last` (both included) in order: at least one, then as many as fit into `bytesMax` bytes
   * (measured by `entryBytes`). Every entry's checksum is verified. Throws `GraftError("storage")` when the range is not in
   * the log or what was read is damaged.
   */
  read(first: LogIndex, last: LogIndex, bytesMax: number): readonly Entry[];

  /** Releases the files. Later calls throw. */
  close(): void;
}
