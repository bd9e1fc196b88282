// Which entries is the state machine not given? An administrator decides it for one that it could not get past, and an entry behind
// that says so to every node. A node that had been given it before begins anew without it: docs/decisions/an-entry-can-be-skipped.md.
import { type PlacedActivation, skipsIn } from "../core/activation.ts";
import type { LogIndex, LogPosition } from "../core/log-position.ts";

/** `open`: it is in the log, or on its way there, and may still come to nothing. */
export type Decision = "skipped" | "open";

export interface FreshlyDecided {
  /** The positions of the decisions. */
  readonly at: readonly LogPosition[];
  /** The first entry in question that is skipped; null: there is none. */
  readonly skipped: LogIndex | null;
}

export interface Decided {
  /** Of the log, ascending. */
  readonly activations: readonly PlacedActivation[];
  readonly commitIndex: LogIndex;
}

export class SkippedEntries {
  readonly #decided: () => Decided;
  /** The last decision that was told as a fresh one. */
  #toldThrough: LogIndex = 0;
  /** Each by a request of its own. */
  readonly #asked = new Set<{ readonly entry: LogIndex }>();
  #heldThrough: LogIndex = 0;

  constructor(decided: () => Decided) {
    this.#decided = decided;
  }

  /** Null: nothing has been decided on it. */
  on(index: LogIndex): Decision | null {
    const { activations, commitIndex } = this.#decided();
    let found: Decision | null = null;
    for (const { skips, position } of activations) {
      if (skips !== index) continue;
      if (position.index <= commitIndex) return "skipped";
      found = "open";
    }
    for (const { entry } of this.#asked) if (entry === index) found = "open";
    return found;
  }

  /** A decision on this entry is on its way into the log, until the function is called that is returned. */
  ask(entry: LogIndex): () => void {
    const asked = { entry };
    this.#asked.add(asked);
    return () => void this.#asked.delete(asked);
  }

  /** The state machine begins with a state on disk that ends here, and was made under each decision before that; 0: it has none. */
  begin(heldThrough: LogIndex): void {
    this.#heldThrough = heldThrough;
  }

  /** What has been committed since the last call. A second decision on an entry changes nothing. */
  fresh(after: LogIndex, through: LogIndex): FreshlyDecided {
    const { activations, commitIndex } = this.#decided();
    const decisions = skipsIn(activations).filter(({ at }) => at.index <= commitIndex);
    const fresh = decisions.filter(({ at }) => at.index > this.#toldThrough);
    const unknown = fresh.filter(({ at }) => at.index > this.#heldThrough);
    const first = unknown.filter(({ entry, at }) => decisions.find((each) => each.entry === entry)?.at === at);
    this.#toldThrough = Math.max(this.#toldThrough, ...decisions.map(({ at }) => at.index));
    const given = first.filter(({ entry }) => entry > after && entry <= through);
    const skipped = given.length === 0 ? null : Math.min(...given.map(({ entry }) => entry));
    return { at: fresh.map(({ at }) => at), skipped };
  }
}
