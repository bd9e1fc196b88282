// When are committed entries handed to the state machine? At once while somebody waits for this node's state. Otherwise, which is
// how a follower lives, they are gathered for a moment first: handing over wakes the state machine's thread and is answered by
// it, and that costs as much for one entry as for many. docs/decisions/followers-gather.md has the figures.
import type { LogIndex, Millis } from "../core/log-position.ts";
import type { Clock, Timer } from "../ports/clock.ts";

/** How long entries are gathered, ms. */
export const gatherMs: Millis = 5;

export interface GatheringOptions {
  readonly clock: Pick<Clock, "nowMs" | "at">;
  /** Whether a client waits for an entry or for the answer to a query. */
  readonly someoneWaits: () => boolean;
  /** The moment is over: `through` may give more than before. */
  readonly over: () => void;
}

export class Gathering {
  readonly #options: GatheringOptions;
  /** Committed through here. */
  #committedThrough: LogIndex = 0;
  /** Gathered for long enough through here. */
  #dueThrough: LogIndex = 0;
  #timer: Timer | null = null;

  constructor(options: GatheringOptions) {
    this.#options = options;
  }

  /** Through where entries may be handed over now. For what is not due yet, `over` is called in a moment. */
  through(committedThrough: LogIndex): LogIndex {
    this.#committedThrough = committedThrough;
    const { clock, someoneWaits } = this.#options;
    if (someoneWaits()) return committedThrough;
    if (this.#dueThrough < committedThrough) this.#timer ??= clock.at(clock.nowMs() + gatherMs, () => this.#end());
    return this.#dueThrough;
  }

  /** `over` is not called any more. */
  stop(): void {
    this.#timer?.cancel();
  }

  #end(): void {
    this.#timer = null;
    this.#dueThrough = this.#committedThrough;
    this.#options.over();
  }
}
