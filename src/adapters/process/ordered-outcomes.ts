// Outcomes come in another order than that of their entries, and are delivered in that order.
import type { Deliver, Outcome } from "../../ports/state-machine.ts";

export class OrderedOutcomes {
  readonly #deliver: Deliver;
  readonly #known = new Map<number, Outcome>();
  #next = 0;

  constructor(deliver: Deliver) {
    this.#deliver = deliver;
  }

  set(place: number, outcome: Outcome): void {
    this.#known.set(place, outcome);
  }

  /** Those before which none is missing. */
  flush(): void {
    const ready: Outcome[] = [];
    for (let outcome = this.#known.get(this.#next); outcome !== undefined; outcome = this.#known.get(this.#next)) {
      ready.push(outcome);
      this.#known.delete(this.#next++);
    }
    if (ready.length > 0) this.#deliver(ready);
  }
}
