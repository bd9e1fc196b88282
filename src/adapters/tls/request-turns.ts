// How many requests does one turn of the loop take? Clients may send any number at once, and a node that took them all before it
// does anything else would miss its own heartbeats. What comes beyond waits for the next turn, in order, and its connection
// is not read from until then: so no more can wait than what had arrived.
import type { Link } from "./link.ts";

interface Waiting {
  readonly link: Link;
  readonly body: Uint8Array;
  readonly take: (body: Uint8Array) => void;
}

export class RequestTurns {
  readonly #perTurn: number;
  readonly #soon: (callback: () => void) => void;
  /** In the order of arrival, from `#next` on. */
  #waiting: Waiting[] = [];
  #next = 0;
  readonly #paused = new Set<Link>();
  #taken = 0;
  #isTurnAwaited = false;

  /** `soon` calls back after the input and output that is ready now has been handled. */
  constructor(perTurn: number, soon: (callback: () => void) => void) {
    this.#perTurn = perTurn;
    this.#soon = soon;
  }

  /** Has the request taken now or in a later turn, unless its link is closed by then. `body` may be used again afterwards. */
  arrived(link: Link, body: Uint8Array, take: (body: Uint8Array) => void): void {
    this.#awaitTurn();
    if (this.#waiting.length === 0 && this.#taken < this.#perTurn) {
      this.#taken++;
      take(body);
      return;
    }
    this.#waiting.push({ link, body: new Uint8Array(body), take });
    if (this.#paused.has(link)) return;
    this.#paused.add(link);
    link.pause();
  }

  #awaitTurn(): void {
    if (this.#isTurnAwaited) return;
    this.#isTurnAwaited = true;
    this.#soon(() => this.#onTurn());
  }

  #onTurn(): void {
    this.#isTurnAwaited = false;
    this.#taken = 0;
    for (; this.#next < this.#waiting.length && this.#taken < this.#perTurn; this.#next++) {
      const { link, body, take } = this.#waiting[this.#next]!;
      if (!link.isOpen) continue;
      this.#taken++;
      take(body);
    }
    if (this.#next < this.#waiting.length) return this.#awaitTurn();
    if (this.#waiting.length === 0) return;
    this.#waiting = [];
    this.#next = 0;
    for (const link of this.#paused) link.resume();
    this.#paused.clear();
    // What they have taken counts as this turn's.
    this.#awaitTurn();
  }
}
