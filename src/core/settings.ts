// What an operator can set about the algorithm, and the bounds it works within.
import type { Millis } from "./log-position.ts";

export interface Settings {
  /** T of the thesis: every wait for an election is drawn anew from [T, 2T) (§3.4). */
  readonly electionTimeoutMs: Millis;
  readonly heartbeatIntervalMs: Millis;
  /** The most bytes of entries in one AppendEntries; a single larger entry goes alone. */
  readonly messageBytesMax: number;
  /** Per follower: how many entries may be on their way, sent and not yet acknowledged (§10.2.1). */
  readonly windowEntriesMax: number;
  /** Per follower: how many bytes of entries may be on their way. */
  readonly windowBytesMax: number;
  /** How much of what a snapshot covers stays in the log for followers that are a little behind. */
  readonly tailEntriesMax: number;
  readonly tailBytesMax: number;
  /** Over how many snapshots, at least one, a follower that answers and is still behind holds the log back. */
  readonly snapshotsHeldMax: number;
}

export const defaultSettings: Settings = Object.freeze({
  electionTimeoutMs: 500,
  heartbeatIntervalMs: 50,
  messageBytesMax: 1024 * 1024,
  windowEntriesMax: 16_384,
  windowBytesMax: 8 * 1024 * 1024,
  tailEntriesMax: 10_000,
  tailBytesMax: 8 * 1024 * 1024,
  snapshotsHeldMax: 8,
});
