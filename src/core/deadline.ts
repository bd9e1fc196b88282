// When must the node look at its clock again? It keeps exactly one timer, for the time that nextDeadlineMs names.
import { counts } from "./faults.ts";
import { isReadyToFound } from "./founding.ts";
import type { Millis } from "./log-position.ts";
import { latestConfiguration } from "./log-terms.ts";
import { reachedByQuorum } from "./quorum.ts";
import { isReadDue } from "./reads.ts";
import type { Leader } from "./roles.ts";
import type { State } from "./state.ts";
import { tickDueMs } from "./tick-due.ts";

const never = Number.POSITIVE_INFINITY;

/** The time of `clock` at which a tick is due; infinite while nothing but an event from outside can change anything. */
export function nextDeadlineMs(state: State): Millis {
  if (state.genesis === null) return isReadyToFound(state) ? state.nowMs : never;
  if (state.removed !== null) return never;
  const { role, crashedLeader, handingOver } = state;
  if (role.kind !== "leader") {
    const readDueMs = (role.kind === "follower" ? role.reads[0]?.dueMs : undefined) ?? never;
    return Math.min(role.electionDueMs, crashedLeader?.dueMs ?? never, readDueMs, handingOver?.dueMs ?? never);
  }
  // At once, but after what has arrived with the reads: replication that goes out anyway saves the heartbeat.
  if (isReadDue(role)) return state.nowMs;
  return Math.min(role.heartbeatDueMs, quorumDueMs(state, role), role.transfer?.dueMs ?? never, tickDueMs(state, role));
}

/**
 * When a leader that has not heard from a quorum steps down (§6.2): one election timeout after a quorum last answered,
 * and not before its grace after a sleep is over.
 */
export function quorumDueMs(state: State, leader: Leader): Millis {
  const configuration = latestConfiguration(state.log);
  if (configuration === null) throw new Error("a leader without a configuration");
  const heardMs = reachedByQuorum(configuration, (key) => {
    const progress = leader.progress.get(key);
    return key === state.self ? state.nowMs : counts(progress) ? progress.heardMs : Number.NEGATIVE_INFINITY;
  });
  return Math.max(heardMs + state.settings.electionTimeoutMs, leader.graceUntilMs);
}
