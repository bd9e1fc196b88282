// What time is it for the state machine? The leader stamps each entry: the last stamp in the log plus the monotonic time
// since it became leader. It never goes back, is the same on every node, and stands still without a leader.
import type { Leader } from "./roles.ts";
import type { State } from "./state.ts";

/** The stamp of an entry appended now: whole ms since 1970, never below the last one in the log. */
export function nextStampMs(state: State, leader: Leader): number {
  return Math.max(state.log.lastStampMs, Math.floor(leader.stampBaseMs + (state.nowMs - leader.sinceMs)));
}
