// Which entries is the state machine not given? An administrator decides it for one that it could not get past, and an entry behind
// that says so to every node. A node that had been given it before begins anew without it: docs/decisions/an-entry-can-be-skipped.md.
import { type PlacedActivation, skipsThrough } from "../core/activation.ts";
import type { LogIndex } from "../core/log-position.ts";

export interface Decided {
  /** Of the log, ascending. */
  readonly activations: readonly PlacedActivation[];
  readonly commitIndex: LogIndex;
}

export class SkippedEntries {
  readonly #decided: () => Decided;
  /** The last decision that was told as a fresh one. */
  #toldThrough: LogIndex = 0;

  constructor(decided: () => Decided) {
    this.#decided = decided;
  }

  has(index: LogIndex): boolean {
    const { activations, commitIndex } = this.#decided();
    return activations.some(({ skips, position }) => skips === index && position.index <= commitIndex);
  }

  /**
   * Of the entries behind `after` and through `through` the first one on which a decision has been committed since the last call; null: there is
   * none. A second decision on an entry changes nothing.
   */
  fresh(after: LogIndex, through: LogIndex): LogIndex | null {
    const { activations, commitIndex } = this.#decided();
    const decisions = skipsThrough(commitIndex, activations);
    const fresh = decisions.filter(
      ({ entry, decidedAt }) =>
        decidedAt > this.#toldThrough && decisions.find((each) => each.entry === entry)?.decidedAt === decidedAt,
    );
    this.#toldThrough = Math.max(this.#toldThrough, ...decisions.map(({ decidedAt }) => decidedAt));
    const given = fresh.filter(({ entry }) => entry > after && entry <= through);
    return given.length === 0 ? null : Math.min(...given.map(({ entry }) => entry));
  }
}
