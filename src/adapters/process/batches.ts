// Which commands of a run go to the program together? As many as can. But the table of the clients' sessions decides for each command whether
// it is applied, and it must decide as if it had been told the outcome of each earlier one: on another node these may have gone one by one.
import type { SessionTable, StampedCommand } from "../../core/sessions.ts";
import type { AppliedCommand, Outcome } from "../../ports/state-machine.ts";
import type { CborValue } from "../cbor/value.ts";
import { resultBytesMax } from "./requests.ts";

/** Commands of a batch. */
export const batchMax = 512;

/**
 * While the table holds less, one answer of the program cannot bring it to a bound. The answer has one result beside those that fit in its budget,
 * some 13 MiB with all messages, and the smallest bound is 16 MiB.
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

  get #isRoomy(): boolean {
    return this.#sessions.bytes < roomyBytes;
  }

  /**
   * Whether the outcomes of those in it have to be known first. Those of one batch have one time, so that the table can be asked of them again
   * as if nothing had come after.
   */
  mustEndBefore({ session, timeMs }: AppliedCommand): boolean {
    if (this.pending.length === 0) return false;
    if (this.pending.length >= batchMax || this.pending[0]!.command.timeMs !== timeMs) return true;
    if (session === null) return false;
    if (!this.#isRoomy) return true;
    const { id, sequence, answeredBelow } = session;
    return this.pending.some(
      ({ stamped }) =>
        stamped?.stamp.id === id && (stamped.stamp.sequence === sequence || stamped.stamp.sequence < answeredBelow),
    );
  }

  /** The commands that go to the program now, at least one. */
  due(): readonly Pending[] {
    return this.#isRoomy ? this.pending : this.pending.slice(0, 1);
  }

  /** These have their outcomes. Of the others the table is asked again: it may have come to a bound. */
  settle(outcomes: readonly Outcome[], take: (place: number, outcome: Outcome) => void): void {
    for (const [nth, { stamped, place }] of this.pending.splice(0, outcomes.length).entries()) {
      const outcome = outcomes[nth]!;
      if (stamped !== null && (outcome.kind === "ok" || outcome.kind === "rejected" || outcome.kind === "unsendable"))
        this.#sessions.keep(stamped, outcome);
      take(place, outcome);
    }
    for (let first = this.pending[0]; first !== undefined; first = this.pending[0]) {
      const answer = first.stamped === null ? null : this.#sessions.answerTo(first.stamped, first.command.timeMs);
      if (answer === null) return;
      take(first.place, answer);
      this.pending.shift();
    }
  }
}
