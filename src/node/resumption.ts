// When does the core know that what a state from disk has in it is committed? After a restart it hears so from the leader. No snapshot is taken of
// such a state before, and the core hears of no time to be woken.
import type { LogIndex } from "../core/log-position.ts";
import type { WakeTime } from "../core/wake-time.ts";
import type { HeldState, Reached } from "../ports/state-machine.ts";

export class Resumption {
  readonly #resumed: (reached: Reached) => void;
  readonly #wake: (atMs: WakeTime, through: LogIndex) => void;
  #knownThrough: LogIndex;
  /** Null: there is no such state, or the core knows. */
  #held: HeldState | null = null;

  /** Both are told of a state as soon as the core knows. */
  constructor(
    knownThrough: LogIndex,
    resumed: (reached: Reached) => void,
    wake: (atMs: WakeTime, through: LogIndex) => void,
  ) {
    this.#knownThrough = knownThrough;
    this.#resumed = resumed;
    this.#wake = wake;
  }

  /** Null: the state is another one. */
  begin(held: HeldState | null): void {
    this.#held = held;
    this.know(this.#knownThrough);
  }

  /** The core knows that everything through this index is committed. */
  know(through: LogIndex): void {
    this.#knownThrough = through;
    const held = this.#held;
    if (held === null || held.reached.index > through) return;
    this.#held = null;
    this.#wake(held.wakeAtMs, held.reached.index);
    this.#resumed(held.reached);
  }
}
