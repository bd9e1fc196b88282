// How fast the machines of a simulated cluster are, and what their configuration files say.
import type { SessionLimits } from "../core/session-limits.ts";
import type { Settings } from "../core/settings.ts";
import type { SnapshotPolicy } from "../node/snapshot-taker.ts";
import type { Range } from "./chance.ts";
import type { DiskPace } from "./machine-disk.ts";

export interface MemberPace {
  readonly settings: Settings;
  /** How many entries a log keeps behind a snapshot, of one machine after the other; empty: as in `settings`. */
  readonly tails: readonly number[];
  readonly snapshotPolicy: SnapshotPolicy;
  /** The copies of the state machine are compared at multiples of this index. */
  readonly compareEvery: number;
  readonly disk: DiskPace;
  readonly scrubIntervalMs: number;
  readonly workMs: Range;
  readonly sessionLimits: SessionLimits;
}

/** Of one of the machines, `nth` counted from 0: they need not all have the same configuration. */
export function settingsOf({ settings, tails }: MemberPace, nth: number): Settings {
  return { ...settings, tailEntriesMax: tails[nth % tails.length] ?? settings.tailEntriesMax };
}
