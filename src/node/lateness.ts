// Does this node keep its time? A heartbeat that leaves late is how a busy thread, a slow disk or a starved machine first
// shows: long before a follower takes its leader for dead. The operator should hear of it from here.
import type { Millis } from "../core/log-position.ts";
import type { State } from "../core/state.ts";
import type { Logger } from "../ports/logger.ts";

/** Of the election timeout: what a heartbeat may be late by without a word, and without a word to those who look closely. */
const worthAWarning = 1 / 5;
const worthALook = 1 / 50;

export class Lateness {
  readonly #logger: Logger;

  constructor(logger: Logger) {
    this.#logger = logger;
  }

  /** The node's timer is found to be due. */
  onDue(state: State, nowMs: Millis): void {
    if (state.role.kind !== "leader" || nowMs < state.role.heartbeatDueMs) return;
    const lateMs = Math.round(nowMs - state.role.heartbeatDueMs);
    const share = lateMs / state.settings.electionTimeoutMs;
    if (share > worthAWarning) {
      const message = "heartbeats are late: the machine or the disk is too slow, or too busy";
      this.#logger.log("warn", message, { lateMs }, "late heartbeats");
    } else if (share >= worthALook) {
      this.#logger.log("debug", "a heartbeat is late", { lateMs }, "late heartbeat");
    }
  }
}
