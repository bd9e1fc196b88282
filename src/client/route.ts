// Which node is asked next? The leader while it is known; otherwise the addresses in turn, those that can be reached first.

export class Route {
  /** Those that the client was given. */
  readonly #given: string[];
  #addresses: string[];
  #leader: string | null = null;
  /** It has answered as a leader does. Otherwise another node has only named it. */
  #hasLed = false;
  #cursor = 0;
  #turn = 0;

  constructor(addresses: readonly string[]) {
    this.#given = [...addresses];
    this.#addresses = [...addresses];
  }

  /** The addresses given, and those learned since. */
  get addresses(): readonly string[] {
    return this.#addresses;
  }

  /**
   * The address for a request that has had nothing of `isAvoided`; null when that leaves none. `pauseMs` says how long one
   * must not be dialled: of several the one that is free first.
   */
  pick(isAvoided: (address: string) => boolean, pauseMs: (address: string) => number): string | null {
    if (this.#leader !== null && !isAvoided(this.#leader)) return this.#leader;
    return this.#pickFrom(this.#cursor, isAvoided, pauseMs);
  }

  /** The same, whoever leads: each address in its turn. */
  pickNext(isAvoided: (address: string) => boolean, pauseMs: (address: string) => number): string | null {
    return this.#pickFrom(this.#turn++, isAvoided, pauseMs);
  }

  #pickFrom(
    first: number,
    isAvoided: (address: string) => boolean,
    pauseMs: (address: string) => number,
  ): string | null {
    let best: string | null = null;
    let leastMs = Number.POSITIVE_INFINITY;
    for (let step = 0; step < this.#addresses.length; step++) {
      const address = this.#addresses[(first + step) % this.#addresses.length]!;
      if (isAvoided(address)) continue;
      const addressMs = pauseMs(address);
      if (addressMs >= leastMs) continue;
      best = address;
      leastMs = addressMs;
    }
    return best;
  }

  /** One more that counts as given. */
  alsoTry(address: string): void {
    if (!this.#given.includes(address)) this.#given.push(address);
    if (!this.#addresses.includes(address)) this.#addresses.push(address);
  }

  /** These are the members now; of the others only the addresses given are kept. */
  know(members: readonly string[]): void {
    const leader = this.#leader === null ? [] : [this.#leader];
    this.#addresses = [...new Set([...this.#given, ...members, ...leader])];
  }

  /** A node says, or its answer shows, that the node at `address` leads. */
  follow(address: string, because: "answered" | "named"): void {
    if (because === "answered") this.#hasLed = true;
    if (this.#leader === address) return;
    this.#leader = address;
    this.#hasLed = because === "answered";
    if (!this.#addresses.includes(address)) this.#addresses.push(address);
  }

  /**
   * The node at `address` did not help: the next request goes elsewhere. The node that named it as the leader did not help either. It
   * may have been removed long ago, and would name the same one again.
   */
  turnAwayFrom(address: string): void {
    if (this.#leader === address) {
      this.#leader = null;
      if (!this.#hasLed) return void this.#cursor++;
    }
    if (this.#leader === null && this.#addresses[this.#cursor % this.#addresses.length] === address) this.#cursor++;
  }
}
