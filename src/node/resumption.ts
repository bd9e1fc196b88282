// When does the core know that what a state from disk has in it is committed? After a restart it hears so from the leader. No snapshot is taken of
// such a state before.
import type { LogIndex } from "../core/log-position.ts";
import type { Reached } from "../ports/state-machine.ts";

export class Resumption {
  readonly #resumed: (reached: Reached) => void;
  #knownThrough: LogIndex;
  /** Null: there is no such state, or the core knows. */
  #reached: Reached | null = null;

  /** @param resumed told of a state as soon as the core knows */
  constructor(knownThrough: LogIndex, resumed: (reached: Reached) => void) {
    this.#knownThrough = knownThrough;
    this.#resumed = resumed;
  }

  /** Null: the state is another one. */
  begin(reached: Reached | null): void {
    this.#reached = reached;
    this.know(this.#knownThrough);
  }

  /** The core knows that everything through this index is committed. */
  know(through: LogIndex): void {
    this.#knownThrough = through;
    const reached = this.#reached;
    if (reached === null || reached.index > through) return;
    this.#reached = null;
    this.#resumed(reached);
  }
}
