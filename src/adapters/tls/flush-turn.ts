// When do gathered frames leave? At the end of the turn of the event loop, or earlier when someone asks: all links that
// were written to in this turn, with one write each.

interface Flushable {
  flush(): void;
}

export class FlushTurn {
  #waiting: Flushable[] = [];
  readonly #soon: (callback: () => void) => void;

  /** `soon` calls back after the input and output that is ready now has been handled. */
  constructor(soon: (callback: () => void) => void = (callback) => void setImmediate(callback)) {
    this.#soon = soon;
  }

  /** To be called once per link and flush. */
  add(link: Flushable): void {
    if (this.#waiting.push(link) === 1) this.#soon(() => this.flush());
  }

  flush(): void {
    if (this.#waiting.length === 0) return;
    const links = this.#waiting;
    this.#waiting = [];
    for (const link of links) link.flush();
  }
}
