// How long does a node wait before it stands for election? After silence, or after evidence of its leader's crash.
import type { Millis } from "./log-position.ts";
import { nextFraction } from "./random.ts";
import type { State } from "./state.ts";

/** A wait for an election, drawn from [T, 2T) so that candidates seldom meet (§3.4). */
export function drawElectionDue(state: State): readonly [Millis, State] {
  const { electionTimeoutMs } = state.settings;
  const [extra, random] = nextFraction(state.random, electionTimeoutMs);
  return [state.nowMs + electionTimeoutMs + extra, { ...state, random }];
}

/**
 * When a node whose leader has crashed stands next: after `leastMs` and a random wait of up to half a heartbeat interval;
 * never when no attempt is left. Without a crashed leader nothing changes.
 */
export function postponeCrashDue(state: State, leastMs: Millis): State {
  const { crashedLeader } = state;
  if (crashedLeader === null) return state;
  if (crashedLeader.attemptsLeft === 0) {
    return { ...state, crashedLeader: { ...crashedLeader, dueMs: Number.POSITIVE_INFINITY } };
  }
  const mostMs = state.settings.heartbeatIntervalMs / 2;
  const [less, random] = nextFraction(state.random, mostMs);
  return { ...state, random, crashedLeader: { ...crashedLeader, dueMs: state.nowMs + leastMs + mostMs - less } };
}
