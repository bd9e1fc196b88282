// How does a state machine come to be woken in a quiet cluster? Its leader appends a tick, once, and not too often. When that is due is
// tick-due.ts.
import { advanceCommit } from "./commit.ts";
import { appendToLog } from "./durability.ts";
import type { Entry } from "./entry.ts";
import type { Millis } from "./log-position.ts";
import { replicateToAll } from "./replication.ts";
import { nextStampMs } from "./replicated-time.ts";
import type { Leader } from "./roles.ts";
import type { Emit, State } from "./state.ts";
import { tickDueMs } from "./tick-due.ts";

/** Between two ticks, ms. A state machine that always asks for the past gets no more. */
export const tickPauseMs: Millis = 10;

/** Appends entries that reach the state machine, at least one. */
export function appendForMachine(state: State, role: Leader, entries: readonly Entry[], emit: Emit): State {
  const { index, stampMs } = entries.at(-1)!;
  return appendToLog({ ...state, role: { ...role, stirring: { index, stampMs } } }, entries, emit);
}

export function tickIfDue(state: State, emit: Emit): State {
  const { role, wake, nowMs } = state;
  if (role.kind !== "leader" || wake === null || nowMs < tickDueMs(state, role)) return state;
  // A rounding of the clock must not leave it a moment too early.
  const stampMs = Math.max(nextStampMs(state, role), wake.atMs);
  const tick = { kind: "tick", index: state.log.last.index + 1, term: state.currentTerm, stampMs } as const;
  const ticking = { ...role, tickNotBeforeMs: nowMs + tickPauseMs };
  return advanceCommit(replicateToAll(appendForMachine(state, ticking, [tick], emit), emit), emit);
}
