// Who waits for a change of the membership? The core settles each change exactly once, in any order; a node that ends
// settles what is left.
import type { ChangeRef, Event } from "../core/events.ts";
import type { LogIndex } from "../core/log-position.ts";
import type { ChangeOutcome, MembershipChange } from "../core/membership-change.ts";

/** The event without its time, which the mailbox adds. */
type ChangeMembership = Omit<Extract<Event, { readonly kind: "changeMembership" }>, "nowMs">;

export class MembershipChanges {
  readonly #waiting = new Map<ChangeRef, PromiseWithResolvers<ChangeOutcome>>();
  #refs = 0;
  #hasEnded = false;

  /** Hands the change to the core through `arrive`. Never rejects; may take as long as a learner takes to catch up. */
  ask(
    change: MembershipChange,
    expectedIndex: LogIndex | null,
    arrive: (event: ChangeMembership) => void,
  ): Promise<ChangeOutcome> {
    const settled = Promise.withResolvers<ChangeOutcome>();
    if (this.#hasEnded) {
      settled.resolve({ kind: "notLeader", leader: null });
    } else {
      const ref = ++this.#refs;
      this.#waiting.set(ref, settled);
      arrive({ kind: "changeMembership", ref, change, expectedIndex });
    }
    return settled.promise;
  }

  settle(ref: ChangeRef, outcome: ChangeOutcome): void {
    this.#waiting.get(ref)?.resolve(outcome);
    this.#waiting.delete(ref);
  }

  /** The node has ended: nobody knows what becomes of the changes that it was asked for. */
  end(): void {
    this.#hasEnded = true;
    for (const ref of this.#waiting.keys()) this.settle(ref, { kind: "unknown" });
  }
}
