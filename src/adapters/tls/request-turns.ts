// How many requests does one turn of the loop take? Clients may send any number at once, of any size, and a node that took
// them all before it does anything else would miss its own heartbeats. What comes beyond waits for the next turn, in order,
// and its connection is not read from until then: so no more can wait than what had arrived.
import type { Link } from "./link.ts";

interface Waiting {
  readonly link: Link;
  readonly body: Uint8Array;
  readonly take: (body: Uint8Array) => void;
}

/** What one turn takes at the most. */
export interface TurnBounds {
  readonly count: number;
  readonly bytes: number;
}

export class RequestTurns {
  readonly #perTurn: TurnBounds;
  readonly #soon: (callback: () => void) => void;
  /** In the order of arrival, from `#next` on. */
  #waiting: Waiting[] = [];
  #next = 0;
  readonly #paused = new Set<Link>();
  /** In this turn. */
  #taken = 0;
  #takenBytes = 0;
  #isTurnAwaited = false;

  /** `soon` calls back after the input and output that is ready now has been handled. */
  constructor(perTurn: TurnBounds, soon: (callback: () => void) => void) {
    this.#perTurn = perTurn;
    this.#soon = soon;
  }

  /** Has the request taken now or in a later turn, unless its link is closed by then. `body` may be used again afterwards. */
  arrived(link: Link, body: Uint8Array, take: (body: Uint8Array) => void): void {
    this.#awaitTurn();
    if (this.#waiting.length === 0 && this.#hasRoomFor(body)) return this.#take(body, take);
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

  /** A turn takes at least one, however large it is. */
  #hasRoomFor(body: Uint8Array): boolean {
    const { count, bytes } = this.#perTurn;
    return this.#taken === 0 || (this.#taken < count && this.#takenBytes + body.byteLength <= bytes);
  }

  #take(body: Uint8Array, take: Waiting["take"]): void {
    this.#taken++;
    this.#takenBytes += body.byteLength;
    take(body);
  }

  #onTurn(): void {
    this.#isTurnAwaited = false;
    this.#taken = 0;
    this.#takenBytes = 0;
    for (; this.#next < this.#waiting.length; this.#next++) {
      const { link, body, take } = this.#waiting[this.#next]!;
      if (!link.isOpen) continue;
      if (!this.#hasRoomFor(body)) break;
      this.#take(body, take);
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
