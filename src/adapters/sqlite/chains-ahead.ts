// An entry's checksum is asked for before the entry is written: by the log's tail, when the entry joins it. What was worked out
// then need not be worked out again. It is kept for this very object only, and only until the next write is over.
import type { Entry } from "../../core/entry.ts";
import { type Chain, type ChainLink, nextChain } from "./chain.ts";
import { toLink } from "./entry-row.ts";

/** More than one write has. What was asked for without a write, as for comparing logs, must not gather. */
const aheadMax = 8192;

interface Ahead {
  readonly entry: Entry;
  readonly before: Chain;
  readonly chain: Chain;
}

export class ChainsAhead {
  #ahead: Ahead[] = [];
  /** Those before this place were written or passed over. */
  #at = 0;

  /** How many are kept. */
  get length(): number {
    return this.#ahead.length;
  }

  /** The checksum after `entry`, when `before` is the one of the entry before it. */
  workOut(before: Chain, entry: Entry): Chain {
    if (this.#ahead.length === aheadMax) this.forget();
    const chain = nextChain(before, toLink(entry));
    this.#ahead.push({ entry, before, chain });
    return chain;
  }

  /** The same, for entries in the order in which they are written. `link`: the entry as its checksum sees it. */
  take(before: Chain, entry: Entry, link: ChainLink): Chain {
    while (this.#at < this.#ahead.length) {
      const ahead = this.#ahead[this.#at++]!;
      if (ahead.entry === entry && ahead.before === before) return ahead.chain;
    }
    return nextChain(before, link);
  }

  /** The write is over. */
  forget(): void {
    this.#ahead = [];
    this.#at = 0;
  }
}
