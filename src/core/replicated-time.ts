// What time is it for the state machine? The leader stamps each entry: the last stamp in the log plus the monotonic time
// since it became leader. It never goes back, is the same on every node, and stands still without a leader. A stamp of another node
// leaps no further than a bound. Why so: docs/decisions/terms-leap-no-further.md.
import { stampMsMax } from "./entry.ts";
import { foundedAtMsMax } from "./genesis.ts";
import type { Millis } from "./log-position.ts";
import type { Leader } from "./roles.ts";
import type { State } from "./state.ts";

/** How far one message may lie ahead of what this node knows, ms: eight years. 2^14 such leaps lie before the end. */
export const stampLeapMaxMs = 2 ** 38;

/** The stamp of an entry appended now: whole ms since 1970, never below the last one in the log. At its end time stands still. */
export function nextStampMs(state: State, leader: Leader): number {
  const elapsed = Math.floor(leader.stampBaseMs + (state.nowMs - leader.sinceMs));
  return Math.min(stampMsMax, Math.max(state.log.lastStampMs, elapsed));
}

/** When a cluster is founded that is founded now. */
export const foundingTimeMs = (state: State): Millis =>
  Math.max(0, Math.min(foundedAtMsMax, Math.floor(wallMs(state))));

/**
 * The latest stamp that another node can honestly send. Replicated time falls behind the wall clock and never runs ahead of it, unless
 * the founder's clock did. A wall clock that is far behind is no harm where the log tells the time.
 */
export const plausibleStampMs = (state: State): Millis =>
  Math.min(stampMsMax, Math.max(state.log.lastStampMs, wallMs(state)) + stampLeapMaxMs);

const wallMs = ({ nowMs, wallOffsetMs }: State): Millis => nowMs + wallOffsetMs;
