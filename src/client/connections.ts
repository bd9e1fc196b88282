// Which connection leads to an address, and when may an address be dialled again? All requests share one connection to a
// node, and one pause after a dial that led nowhere: a thousand waiting requests dial no more often than one.
import type { Clock } from "../ports/clock.ts";
import { Connection, type Dial } from "./connection.ts";
import { backoffMs } from "./pause.ts";
import type { WhichCluster } from "./which-cluster.ts";

interface Pause {
  failures: number;
  /** Of the monotonic clock. */
  untilMs: number;
}

const pauseBounds = { minMs: 10, maxMs: 400 } as const;

export interface ConnectionsOptions {
  readonly dial: Dial;
  readonly clock: Clock;
  readonly which: WhichCluster;
}

export class Connections {
  readonly #options: ConnectionsOptions;
  readonly #byAddress = new Map<string, Connection>();
  readonly #pauses = new Map<string, Pause>();

  constructor(options: ConnectionsOptions) {
    this.#options = options;
  }

  /** What is asked of it waits until it may be dialled and stands. */
  to(address: string): Connection {
    const known = this.#byAddress.get(address);
    if (known !== undefined) return known;
    const { dial, clock, which } = this.#options;
    const connection = new Connection({
      address,
      dial,
      clock,
      pauseMs: this.pauseMs(address),
      objection: (clusterUuid) => which.objectionTo(address, clusterUuid),
      onOver: (hasServed) => {
        if (this.#byAddress.get(address) === connection) this.#byAddress.delete(address);
        if (hasServed) this.#pauses.delete(address);
        else this.#pause(address);
      },
    });
    this.#byAddress.set(address, connection);
    return connection;
  }

  /** How long before the address may be dialled again; 0 when it may now, or has been. */
  pauseMs(address: string): number {
    const pause = this.#pauses.get(address);
    return pause === undefined ? 0 : Math.max(0, pause.untilMs - this.#options.clock.nowMs());
  }

  close(): void {
    for (const connection of this.#byAddress.values()) connection.close();
  }

  #pause(address: string): void {
    const failures = (this.#pauses.get(address)?.failures ?? 0) + 1;
    const { clock } = this.#options;
    this.#pauses.set(address, { failures, untilMs: clock.nowMs() + backoffMs(pauseBounds, failures, clock) });
  }
}
