// Is a stale answer as fresh as it claims? It says how old its state may be, by the clock of the node that gave it. Everything that was
// acknowledged before that time has to be in the state. So in the history of a key the read is one that began then.
import type { Chance } from "./chance.ts";
import { driftMax } from "./process-clock.ts";

export interface StalePace {
  /** How many of the reads may be stale. */
  readonly share: number;
  /** How old their states may be, ms: one of these, or as old as they are. */
  readonly maxMs: readonly number[];
}

export interface StaleOptions {
  readonly consistency: "stale";
  readonly maxStalenessMs?: number;
}

/** Ages are rounded up, and a node's clock is read to the thousandth. */
const roundingMs = 0.01;

export class StaleReads {
  readonly #chance: Chance;
  readonly #pace: StalePace;
  readonly #violated: (what: string) => void;
  count = 0;

  constructor(chance: Chance, pace: StalePace, violated: (what: string) => void) {
    this.#chance = chance;
    this.#pace = pace;
    this.#violated = violated;
  }

  /** How the next read is asked; null: it must be linearizable. `mustSucceed`: there may be no bound that no node can keep to. */
  draw(mustSucceed: boolean): StaleOptions | null {
    if (!this.#chance.happens(this.#pace.share)) return null;
    if (mustSucceed || this.#chance.happens(0.5)) return { consistency: "stale" };
    return { consistency: "stale", maxStalenessMs: this.#chance.pick(this.#pace.maxMs) };
  }

  /** What was acknowledged before this time is in the answer, by its own words. `beganMs`: when it was asked. */
  asOf(beganMs: number, stalenessMs: number | null, maxMs: number | undefined): number {
    if (maxMs !== undefined && (stalenessMs === null || stalenessMs > maxMs)) {
      this.#violated(`a read that may be ${maxMs} ms old was answered by a state that may be ${stalenessMs} ms old`);
    }
    if (stalenessMs === null) return 0;
    this.count++;
    return beganMs - stalenessMs / (1 - driftMax) - roundingMs;
  }
}
