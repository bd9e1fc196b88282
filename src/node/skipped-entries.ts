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

  /** Of the decisions that have been committed since the last call the first entry that one of them skips; null: there is none. */
  fresh(): LogIndex | null {
    const { activations, commitIndex } = this.#decided();
    const fresh = skipsThrough(commitIndex, activations).filter(({ decidedAt }) => decidedAt > this.#toldThrough);
    this.#toldThrough = Math.max(this.#toldThrough, ...fresh.map(({ decidedAt }) => decidedAt));
    return fresh.length === 0 ? null : Math.min(...fresh.map(({ entry }) => entry));
  }
}
