// When are committed entries handed to the state machine? At once while a client waits for this node. Otherwise, as on most
// followers, they are gathered for a moment first. Handing over wakes the thread of the state machine, and this costs nearly the
// same for one entry as for many. docs/decisions/entries-are-gathered.md has the figures.
import type { LogIndex, Millis } from "../core/log-position.ts";
import type { Clock, Timer } from "../ports/clock.ts";

/** How long entries are gathered, ms. */
export const gatherMs: Millis = 5;

export interface GatheringOptions {
  readonly clock: Pick<Clock, "nowMs" | "at">;
  /** Whether a request of a client waits for its entry, or for the state. */
  readonly isAsked: () => boolean;
  /** The gathered entries are due: `dueThrough` returns more than before. */
  readonly over: () => void;
}

export class Gathering {
  readonly #options: GatheringOptions;
  #committedThrough: LogIndex = 0;
  /** Entries up to this index are due, and stay so. */
  #dueThrough: LogIndex = 0;
  #timer: Timer | null = null;

  constructor(options: GatheringOptions) {
    this.#options = options;
  }

  /** Returns the last index that may be handed over now. Calls `over` later for the rest. */
  dueThrough(committedThrough: LogIndex): LogIndex {
    this.#committedThrough = committedThrough;
    if (this.#options.isAsked()) {
      this.#dueThrough = committedThrough;
      this.stop();
    }
    if (this.#dueThrough < committedThrough) this.#wait();
    return this.#dueThrough;
  }

  /** Ends a wait that is under way: `over` is not called for it. */
  stop(): void {
    this.#timer?.cancel();
    this.#timer = null;
  }

  #wait(): void {
    const { clock, over } = this.#options;
    this.#timer ??= clock.at(clock.nowMs() + gatherMs, () => {
      this.#timer = null;
      this.#dueThrough = this.#committedThrough;
      over();
    });
  }
}
