// What does a node's own clock say? Monotonic, with an arbitrary start, and a little faster or slower than the world's.
import type { Chance } from "./chance.ts";

export const driftMax = 0.02;

export class NodeClock {
  readonly #startedMs: number;
  readonly #baseMs: number;
  readonly #rate: number;

  /** A clock that starts at the world's `nowMs`. */
  constructor(chance: Chance, nowMs: number) {
    this.#startedMs = nowMs;
    this.#baseMs = chance.between(0, 1e6);
    this.#rate = 1 + chance.between(-driftMax, driftMax);
  }

  localMs(worldMs: number): number {
    return this.#baseMs + (worldMs - this.#startedMs) * this.#rate;
  }

  worldMs(localMs: number): number {
    return this.#startedMs + (localMs - this.#baseMs) / this.#rate;
  }
}
