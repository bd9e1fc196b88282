// Where the log, the vote, the genesis and the word of the latest snapshot are kept. One implementation writes to SQLite,
// one to memory. The snapshot's file is the snapshot store's business.
import type { Incarnation } from "../core/configuration.ts";
import type { DurableEffect } from "../core/effects.ts";
import type { Entry } from "../core/entry.ts";
import type { LogIndex } from "../core/log-position.ts";
import type { Saved } from "../core/restore.ts";

/** What the store found when it was opened, and whose it is. */
export interface SavedState extends Saved {
  readonly incarnation: Incarnation;
}

/** What a node has found that no restart may wipe away: it takes no part until an administrator has decided. */
export interface Finding {
  /** Two histories with equal index and term, or a rule of Raft that does not hold. */
  readonly kind: "diverged" | "invariant";
  /** For people, with every value that matters. */
  readonly text: string;
  /** When, ISO 8601. */
  readonly at: string;
  /** The values, for programs. */
  readonly [value: string]: unknown;
}

/**
 * An adapter MUST:
 * - apply the effects of one `write` in order and as one transaction: after a crash either all of them are there or none;
 * - call `onDurable` of each write exactly once, in the order of the writes, only when the write survives a power failure.
 *   It may call it before `write` returns, or later;
 * - refuse effects that would leave a gap, overlap what is there, or lie at or below the base, or take away what the
 *   snapshot covers; and a snapshot that ends below the latest one, or moves the base backwards, beyond its own end or to
 *   where the log holds no such entry: by throwing, before anything is written;
 * - compare a snapshot's chain with that of the entry at its end, if the log holds it: a snapshot that disagrees with the
 *   log it was taken from is damage, and the store stops;
 * - show in `read` what has been written, durable or not;
 * - remember beside the log how far it reached and what was promised, and notice at the next start what is missing of it: then
 *   it sets the damaged data aside and begins again with the same incarnation, term and vote and a `refill` to be done. Where
 *   nobody could refill it, or it cannot know what was promised, it refuses to open, with the code `damaged`;
 * - never retry, hide or survive an I/O error: `write` throws, or `onFailure` of the constructor is called, and every later
 *   call throws. SQLite reports a failed fsync once and then carries on as if nothing had happened.
 */
export interface LogStore {
  /** What was found when the store was opened. */
  readonly saved: SavedState;

  /**
   * Takes a turn's durable effects. Blocks at most for one fsync. Throws `GraftError("storage")`. `noRoom`: the disk was full
   * before anything was promised, and nothing was written. `reopen` is then the next call, once there is room.
   */
  write(effects: readonly DurableEffect[], onDurable: () => void): "written" | "noRoom";

  /**
   * What is saved and durable, found anew. Writes that are not durable yet are gone, and their `onDurable` is never called: as
   * after a crash.
   */
  reopen(): SavedState;

  /**
   * The entries from `first` to `last` (both included) in order: at least one, then as many as fit into `bytesMax` bytes
   * (measured by `entryBytes`). Every entry's checksum is verified. Throws `GraftError("storage")` when the range is not in
   * the log, and `GraftError("damaged")` when what was read is damaged.
   */
  read(first: LogIndex, last: LogIndex, bytesMax: number): readonly Entry[];

  /**
   * The chained checksum after the entry at `index`, which is in the log or at its base: the same on every node whose log
   * agrees through there. For the record of a new snapshot.
   */
  chainAt(index: LogIndex): number;

  /**
   * Does one small step, of a few milliseconds, towards giving back the space of entries that no longer belong to the log,
   * and says whether more are left to do. Meant for idle time: no write ever waits for more than one step. A store that
   * was stopped in between goes on where it was. Throws as `write` does.
   */
  reclaim(): boolean;

  /** The checksum after `entry` when `before` is the checksum of its predecessor: pure, and the same on every node. */
  chainAfter(before: number, entry: Entry): number;

  /**
   * This data is damaged or lacks what was promised: the next start sets it aside. Durable when it returns. Also after a
   * failure. Every later call but `close` throws.
   */
  keepDamage(finding: string): void;

  /**
   * Every start throws this finding, with the code `damaged`, until an administrator has decided. Durable when it returns.
   * Also after a failure.
   */
  keepFinding(finding: Finding): void;

  /** Releases the files. Later calls throw. */
  close(): void;
}
