// When does a leader append a tick? When replicated time reaches the wake time of its state machine, and no entry is on its way that
// wakes the state machine anyway.
import type { Millis } from "./log-position.ts";
import type { Leader } from "./roles.ts";
import type { State } from "./state.ts";

const never = Number.POSITIVE_INFINITY;

/** The time of `clock` at which a tick is due, if nothing happens before; infinite: none is. */
export function tickDueMs({ wake, log, nowMs, unfit, self }: State, leader: Leader): Millis {
  if (wake === null || leader.transfer !== null || isOnItsWay(wake, leader)) return never;
  // What is left of the disk is for the log of before, and it takes no commands either.
  if (unfit.get(self) === "space") return never;
  const reachedMs = log.lastStampMs >= wake.atMs ? nowMs : leader.sinceMs + (wake.atMs - leader.stampBaseMs);
  return Math.max(reachedMs, leader.tickNotBeforeMs);
}

/** An entry wakes the state machine whose stamp has reached the time that it asks for. */
const isOnItsWay = ({ atMs, through }: NonNullable<State["wake"]>, { stirring }: Leader): boolean =>
  stirring !== null && stirring.index > through && stirring.stampMs >= atMs;
