// When does a client look for requests whose deadline has passed? One timer serves all deadlines of a client, and each sweep looks at
// them in the same order. Two timers would race for deadlines of the same moment, and users would see both outcomes.
import type { Clock, Timer } from "../ports/clock.ts";

/** Looks at what is due at `nowMs`. Returns whether anything still waits. */
type Look = (nowMs: number) => boolean;

const intervalMs = 50;

export class Sweep {
  readonly #clock: Clock;
  readonly #looks: Look[] = [];
  #timer: Timer | null = null;

  constructor(clock: Clock) {
    this.#clock = clock;
  }

  /** Each sweep calls `look` after those that were added before. */
  add(look: Look): void {
    this.#looks.push(look);
  }

  /** To be called when something waits. The sweeps end by themselves. */
  begin(): void {
    this.#timer ??= this.#clock.at(this.#clock.nowMs() + intervalMs, () => this.#run());
  }

  stop(): void {
    this.#timer?.cancel();
    this.#timer = null;
  }

  #run(): void {
    this.#timer = null;
    const nowMs = this.#clock.nowMs();
    // A look may end what a later one would have seen: what waits is known when all have looked.
    const stillWait = this.#looks.map((look) => look(nowMs));
    if (stillWait.includes(true)) this.begin();
  }
}
