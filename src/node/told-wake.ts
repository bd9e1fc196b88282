// For when is the core to wake the state machine? It is told only what has changed.
import type { LogIndex } from "../core/log-position.ts";
import type { Wake, WakeTime } from "../core/wake-time.ts";

export class ToldWake {
  readonly #tell: (wake: Wake | null) => void;
  #atMs: WakeTime = null;

  constructor(tell: (wake: Wake | null) => void) {
    this.#tell = tell;
  }

  /** By the state through this index. */
  set(atMs: WakeTime, through: LogIndex): void {
    if (atMs === this.#atMs) return;
    this.#atMs = atMs;
    this.#tell(atMs === null ? null : { atMs, through });
  }
}
