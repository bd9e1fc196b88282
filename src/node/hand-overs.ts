// Who waits for leadership to be handed over, and what became of it? Each asks the core in turn and hears its own answer.
import type { TransferOutcome } from "../core/effects.ts";
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
  /** In the order of the requests; the hand-over under way is the first of them. */
  #asked: Asked[] = [];
  #isEnded = false;

  constructor(state: () => State, arrive: (event: ArrivedEvent) => void) {
    this.#state = state;
    this.#arrive = arrive;
  }

  /** Hands leadership over; null: to any node, so that a hand-over which is under way will do. Never rejects. */
  ask(to: string | null): Promise<HandOver> {
    const underWay = this.#isUnderWay ? this.#asked[0] : undefined;
    if (to === null && underWay !== undefined) return underWay.settled.promise;
    const settled = Promise.withResolvers<HandOver>();
    if (this.#isEnded) {
      settled.resolve({ kind: "notLeader", leader: null });
    } else {
      this.#asked.push({ to, settled });
      this.#arrive({ kind: "transferLeadership", to });
    }
    return settled.promise;
  }

  /** The core answers in order, but for the hand-over under way, whose answer comes when it is over. */
  settle(outcome: TransferOutcome): void {
    const [asked] = this.#asked.splice(this.#isUnderWay ? 1 : 0, 1);
    const isOther = outcome.kind === "elsewhere" && outcome.leader !== this.#state().self;
    asked?.settled.resolve(isOther && asked.to === null ? { kind: "done" } : outcome);
  }

  /** The node ends. */
  end(): void {
    this.#isEnded = true;
    for (const { settled } of this.#asked.splice(0)) settled.resolve({ kind: "nodeEnded" });
  }

  /** One that somebody waits for; the leader's own idea (homecoming.ts) is nobody's. */
  get #isUnderWay(): boolean {
    const { role, handingOver } = this.#state();
    if (handingOver !== null) return true;
    return role.kind === "leader" && role.transfer !== null && !role.transfer.isOwnIdea;
  }
}
