// Which commands of a run go to the program together? As many as can: but the table of the clients' sessions decides for each command whether
// it is applied, and may need the outcome of an earlier one for that.
import type { SessionTable, StampedCommand } from "../../core/sessions.ts";
import type { AppliedCommand, Outcome } from "../../ports/state-machine.ts";
import type { CborValue } from "../cbor/value.ts";
import { forWaiter } from "../plugin/executor.ts";
import { resultBytesMax } from "./requests.ts";

/** Commands of a batch. */
export const batchMax = 512;

/**
 * While the table holds less, no batch can bring it to a bound: one result beside the budget of a batch leaves half of the smallest bound. So it
 * decides for a command as if it knew the outcomes of those before it.
 */
const roomyBytes = resultBytesMax / 4;

/** A command that is to be applied, and where its outcome belongs. */
export interface Pending {
  readonly command: AppliedCommand;
  readonly stamped: StampedCommand | null;
  readonly place: number;
  readonly fields: { readonly [key: string]: CborValue };
}

export class Batch {
  readonly pending: Pending[] = [];
  readonly #sessions: SessionTable;

  constructor(sessions: SessionTable) {
    this.#sessions = sessions;
  }

  /** Whether the outcomes of those in it have to be known before the table is asked of this one. */
  mustEndBefore({ session }: AppliedCommand): boolean {
    if (this.pending.length === 0) return false;
    if (this.pending.length >= batchMax) return true;
    if (session === null) return false;
    if (this.#sessions.bytes >= roomyBytes) return true;
    const { id, sequence, answeredBelow } = session;
    return this.pending.some(
      ({ stamped }) =>
        stamped?.stamp.id === id && (stamped.stamp.sequence === sequence || stamped.stamp.sequence < answeredBelow),
    );
  }

  /** These have their outcomes. The others go to the program again. */
  settle(outcomes: readonly Outcome[], take: (place: number, outcome: Outcome) => void): void {
    for (const [nth, { command, stamped, place }] of this.pending.splice(0, outcomes.length).entries()) {
      const outcome = outcomes[nth]!;
      if (stamped !== null && (outcome.kind === "ok" || outcome.kind === "rejected" || outcome.kind === "unsendable"))
        this.#sessions.keep(stamped, outcome);
      take(place, forWaiter(command, outcome));
    }
  }
}
