// Time for tests of the client, for which nobody waits: it passes in small steps, and only when nothing else can happen.
import { ManualClock } from "../doubles/manual-clock.ts";

const stepMs = 5;
/** Of simulated time: what is not over by then never is. */
const playedMsMax = 10 * 60_000;

/** Lets happen everything that needs no time. */
export const settled = (): Promise<void> => new Promise((resolve) => setImmediate(resolve));

/** As a monotonic clock of the system: it has run for a while, and shows fractions of a millisecond. */
const startMs = 7_000_000.25;

export class PlayedTime extends ManualClock {
  #awaited = 0;
  #playing: Promise<void> | null = null;

  constructor() {
    super({ startMs });
  }

  /** Since it was made. */
  get passedMs(): number {
    return this.nowMs() - startMs;
  }

  /** Passes until the promise is settled; returns what it comes to. Several may be awaited at once. */
  async until<T>(promise: Promise<T>): Promise<T> {
    this.#awaited++;
    const over = (): void => void this.#awaited--;
    promise.then(over, over);
    this.#playing ??= this.#play();
    await Promise.race([promise, this.#playing]);
    return promise;
  }

  /** Passes for so long. */
  pass(ms: number): Promise<void> {
    return this.until(new Promise((resolve) => void this.at(this.nowMs() + ms, resolve)));
  }

  async #play(): Promise<void> {
    const endMs = this.nowMs() + playedMsMax;
    for (await settled(); this.#awaited > 0; await settled()) {
      if (this.nowMs() >= endMs) throw new Error(`not over after ${playedMsMax} ms of simulated time`);
      this.advance(stepMs);
    }
    this.#playing = null;
  }
}
