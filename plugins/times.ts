// Which of many things is due next? Names with a replicated time each, in the order of their times.
import { OrderedKeys } from "./kv/ordered-keys.ts";

/** What a command or `due` knows of time. */
export interface Now {
  /** Replicated, ms since 1970. */
  readonly timeMs: number;
  wakeAt(timeMs: number): void;
}

const DIGITS = 16;

/** Sorted as the times are: all have as many digits. Among equal times the names decide, so every node has the same order. */
const entryOf = (name: string, atMs: number): string => `${String(atMs).padStart(DIGITS, "0")} ${name}`;

export class Times {
  readonly #entries = new OrderedKeys();

  /** A name has one time. `before`, `after`: null for none. */
  move(name: string, before: number | null, after: number | null): void {
    if (before === after) return;
    if (before !== null) this.#entries.delete(entryOf(name, before));
    if (after !== null) this.#entries.add(entryOf(name, after));
  }

  /**
   * Hands out what is due, the earliest first, and asks to be woken for the next one. `settle` has to move what it is given to a later time,
   * or to none.
   */
  settle(now: Now, settle: (name: string) => void): void {
    for (;;) {
      const { value: entry } = this.#entries.from("").next();
      if (entry === undefined) return;
      const atMs = Number(entry.slice(0, DIGITS));
      if (atMs > now.timeMs) return now.wakeAt(atMs);
      settle(entry.slice(DIGITS + 1));
    }
  }
}
