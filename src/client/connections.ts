// Which connection leads to an address, and when may an address be dialled again? All requests share one connection to a
// node, and one pause after a dial that led nowhere: a thousand waiting requests dial no more often than one.
import { Connection, type Dial } from "./connection.ts";

interface Pause {
  failures: number;
  /** Of the monotonic clock. */
  untilMs: number;
}

const pauseMinMs = 10;
const pauseMaxMs = 400;

export class Connections {
  readonly #dial: Dial;
  readonly #byAddress = new Map<string, Connection>();
  readonly #pauses = new Map<string, Pause>();

  constructor(dial: Dial) {
    this.#dial = dial;
  }

  /** What is asked of it waits until it may be dialled and stands. */
  to(address: string): Connection {
    const known = this.#byAddress.get(address);
    if (known !== undefined) return known;
    const connection = new Connection(address, this.#dial, this.pauseMs(address), (hasServed) => {
      if (this.#byAddress.get(address) === connection) this.#byAddress.delete(address);
      if (hasServed) this.#pauses.delete(address);
      else this.#pause(address);
    });
    this.#byAddress.set(address, connection);
    return connection;
  }

  /** How long before the address may be dialled again; 0 when it may now, or need not be. */
  pauseMs(address: string): number {
    const pause = this.#pauses.get(address);
    if (pause === undefined || this.#byAddress.get(address)?.isOpen === true) return 0;
    return Math.max(0, pause.untilMs - performance.now());
  }

  close(): void {
    for (const connection of this.#byAddress.values()) connection.close();
  }

  #pause(address: string): void {
    const failures = (this.#pauses.get(address)?.failures ?? 0) + 1;
    const pauseMs = Math.min(pauseMaxMs, pauseMinMs * 2 ** Math.min(failures, 10)) * (0.5 + Math.random() / 2);
    this.#pauses.set(address, { failures, untilMs: performance.now() + pauseMs });
  }
}
