// When does a state machine that has stopped begin anew, and how often? What stopped it may come from outside, such as the end of its
// program, and then the next one gets past that place. An entry that stops it each time is left to an operator.
import type { Millis } from "../core/log-position.ts";
import type { Clock, Timer } from "../ports/clock.ts";

/** How often it begins anew without getting past the place where it had stopped. */
export const renewalsMax = 10;
/** It doubles each time. */
const firstPauseMs = 100;
const pauseMsMax = 10_000;
/** The next pause is a short one again once it has run for so long. */
const calmMs = 10_000;

export class Renewals {
  readonly #clock: Pick<Clock, "nowMs" | "at">;
  readonly #begin: () => void;
  #attempts = 0;
  #isOver = false;
  #pauseMs = firstPauseMs;
  #timer: Timer | null = null;
  /** Since when it has run; null: it has not got past that place. */
  #runsSinceMs: Millis | null = null;

  /** @param begin has it begin anew */
  constructor(clock: Pick<Clock, "nowMs" | "at">, begin: () => void) {
    this.#clock = clock;
    this.#begin = begin;
  }

  /** For people: what is done about a state machine that stands still. */
  get words(): string {
    if (this.#isOver) return `${renewalsMax} attempts to restore it have failed: correct its code and restart the node`;
    return `it is restored by itself, in attempt ${this.#attempts} of ${renewalsMax}`;
  }

  /** It has begun anew before, and has not got past that place. */
  get isRepeated(): boolean {
    return this.#attempts > 1;
  }

  /** The state machine has stopped. */
  stopped(): void {
    if (this.#timer !== null) return;
    const nowMs = this.#clock.nowMs();
    if (this.#runsSinceMs !== null) {
      this.#attempts = 0;
      if (nowMs - this.#runsSinceMs >= calmMs) this.#pauseMs = firstPauseMs;
    }
    this.#runsSinceMs = null;
    this.#isOver = this.#attempts === renewalsMax;
    if (this.#isOver) return;
    this.#attempts++;
    this.#timer = this.#clock.at(nowMs + this.#pauseMs, () => {
      this.#timer = null;
      this.#begin();
    });
    this.#pauseMs = Math.min(2 * this.#pauseMs, pauseMsMax);
  }

  /** What it could not get past is out of its way: it begins anew at once, and as often as if it had never failed. */
  again(): void {
    this.cancel();
    this.#attempts = 0;
    this.#runsSinceMs = null;
    this.#pauseMs = firstPauseMs;
    this.stopped();
  }

  /** It has got past the place where it had stopped. */
  passed(): void {
    this.#runsSinceMs = this.#clock.nowMs();
  }

  cancel(): void {
    this.#timer?.cancel();
    this.#timer = null;
  }
}
