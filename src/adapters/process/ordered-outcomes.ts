// In which order do the outcomes of a run count? They are known in another order than that of its entries: an entry that the program does not
// see has its outcome at once. They are hashed and delivered in the order of the entries, since other nodes may have had them one by one.
import type { AppliedEntry, Deliver, Outcome } from "../../ports/state-machine.ts";
import { forWaiter } from "../plugin/command-outcomes.ts";
import { asHashed, type Milestones } from "../plugin/outcome-chain.ts";
import type { State } from "../plugin/state-sections.ts";

export interface OrderedOutcomesOptions {
  /** Null: nobody hears of them. */
  readonly milestones: Milestones | null;
  readonly deliver: Deliver;
}

export class OrderedOutcomes {
  readonly #run: readonly AppliedEntry[];
  readonly #state: State;
  readonly #options: OrderedOutcomesOptions;
  readonly #known = new Map<number, Outcome>();
  #next = 0;

  /** @param state of which they become a part */
  constructor(run: readonly AppliedEntry[], state: State, options: OrderedOutcomesOptions) {
    this.#run = run;
    this.#state = state;
    this.#options = options;
  }

  /** The outcome of the entry at this place of the run, as a client that waits is told it. */
  set(place: number, outcome: Outcome): void {
    this.#known.set(place, outcome);
  }

  /** Those before which none is missing. */
  flush(): void {
    const ready: Outcome[] = [];
    for (let outcome = this.#known.get(this.#next); outcome !== undefined; outcome = this.#known.get(this.#next)) {
      this.#known.delete(this.#next);
      ready.push(this.#count(this.#run[this.#next++]!, outcome));
    }
    if (ready.length > 0) this.#options.deliver(ready);
  }

  /** What its waiter may know of it. */
  #count(entry: AppliedEntry, outcome: Outcome): Outcome {
    const { chain, reached } = this.#state;
    const { milestones } = this.#options;
    const { index, timeMs } = entry;
    milestones?.before(index, reached.index, chain);
    chain.add(entry, asHashed(entry, outcome));
    this.#state.reached = Object.freeze({ index, timeMs });
    milestones?.after(index, chain);
    return forWaiter(entry, outcome);
  }
}
