// Who waits for leadership to be handed over, and what became of it? The core settles each hand-over exactly once, in any order. A
// node that ends settles those that are left.
import type { TransferOutcome, TransferSettled } from "../core/effects.ts";
import type { TransferRef } from "../core/events.ts";
import type { State } from "../core/state.ts";
import type { ArrivedEvent } from "./mailbox.ts";

/** `nodeEnded`: the core was asked, and the node ended before the answer. */
export type HandOver = TransferOutcome | { readonly kind: "nodeEnded" };

interface Asked {
  /** Null: to any node. */
  readonly to: string | null;
  readonly settled: PromiseWithResolvers<HandOver>;
}

export class HandOvers {
  readonly #state: () => State;
  readonly #arrive: (event: ArrivedEvent) => void;
  readonly #asked = new Map<TransferRef, Asked>();
  #lastRef = 0;
  #isEnded = false;

  constructor(state: () => State, arrive: (event: ArrivedEvent) => void) {
    this.#state = state;
    this.#arrive = arrive;
  }

  /** Hands leadership over; null: to any node, so that a hand-over which is under way will do. Never rejects. */
  ask(to: string | null): Promise<HandOver> {
    const underWay = to === null ? this.#underWay : undefined;
    if (underWay !== undefined) return underWay.settled.promise;
    const settled = Promise.withResolvers<HandOver>();
    if (this.#isEnded) {
      settled.resolve({ kind: "notLeader", leader: null });
    } else {
      const ref = ++this.#lastRef;
      this.#asked.set(ref, { to, settled });
      this.#arrive({ kind: "transferLeadership", ref, to });
    }
    return settled.promise;
  }

  settle({ ref, outcome }: TransferSettled): void {
    const asked = this.#asked.get(ref);
    this.#asked.delete(ref);
    const isOther = outcome.kind === "elsewhere" && outcome.leader !== this.#state().self;
    asked?.settled.resolve(isOther && asked.to === null ? { kind: "done" } : outcome);
  }

  /** The node ends. */
  end(): void {
    this.#isEnded = true;
    for (const { settled } of this.#asked.values()) settled.resolve({ kind: "nodeEnded" });
    this.#asked.clear();
  }

  /** Undefined: none is, or only the leader's own idea (homecoming.ts). */
  get #underWay(): Asked | undefined {
    const { role, handingOver } = this.#state();
    const underWay = handingOver ?? (role.kind === "leader" ? role.transfer : null);
    const ref = underWay?.ref ?? null;
    return ref === null ? undefined : this.#asked.get(ref);
  }
}
