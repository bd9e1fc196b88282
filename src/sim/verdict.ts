// What has a simulation been found guilty of? The first violation counts, and the simulation ends with the event in which it came about.
import { Violation } from "./violation.ts";

export class Verdict {
  readonly #seed: number;
  readonly #events: () => number;
  #violation: Violation | null = null;

  /** @param events how many are over */
  constructor(seed: number, events: () => number) {
    this.#seed = seed;
    this.#events = events;
  }

  /** From within a callback of a node or a client, where an error would be caught: the simulation ends with this event. */
  readonly note = (what: string, cause?: unknown): void => {
    // The event that is under way counts.
    this.#violation ??= new Violation(`seed ${this.#seed}`, what, cause, this.#events() + 1);
  };

  violated(what: string): never {
    this.note(what);
    this.mustHold();
    throw new Error(what);
  }

  mustHold(): void {
    if (this.#violation !== null) throw this.#violation;
  }
}
