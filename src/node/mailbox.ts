// What has arrived since the last turn, in the order in which the core shall hear of it: events one by one, then all
// commands as one proposal, with one barrier behind them for all queries.
import type { Event, Proposal } from "../core/events.ts";
import type { Millis } from "../core/log-position.ts";
import type { Waiter, WaitingClients } from "./waiting-clients.ts";

type Untimed<E> = E extends unknown ? Omit<E, "nowMs"> : never;

/** An event before it is known when it will be handled. */
export type ArrivedEvent = Untimed<Event>;

export class Mailbox {
  readonly #waiting: WaitingClients;
  #events: ArrivedEvent[] = [];
  #commands: Waiter[] = [];
  #queries: Waiter[] = [];
  #requestBytes = 0;

  constructor(waiting: WaitingClients) {
    this.#waiting = waiting;
  }

  get isEmpty(): boolean {
    return this.#events.length === 0 && this.#commands.length === 0 && this.#queries.length === 0;
  }

  /** How many requests have arrived since the last turn. */
  get requestCount(): number {
    return this.#commands.length + this.#queries.length;
  }

  /** How many bytes of payload came with them. */
  get requestBytes(): number {
    return this.#requestBytes;
  }

  addEvent(event: ArrivedEvent): void {
    this.#events.push(event);
  }

  addRequest(waiter: Waiter): void {
    this.#requestBytes += waiter.payload.byteLength;
    (waiter.kind === "command" ? this.#commands : this.#queries).push(waiter);
  }

  /** Empties the mailbox. */
  take(nowMs: Millis): readonly Event[] {
    const events: Event[] = this.#events.map((event) => ({ ...event, nowMs }));
    const proposals: Proposal[] = this.#commands.map((waiter) => ({
      ref: this.#waiting.add([waiter]),
      payload: waiter.payload,
    }));
    // The queries stand behind the commands that arrived with them: one place in the log serves them all.
    if (this.#queries.length > 0) proposals.push({ ref: this.#waiting.add(this.#queries), payload: null });
    if (proposals.length > 0) events.push({ kind: "propose", nowMs, proposals });
    this.#events = [];
    this.#commands = [];
    this.#queries = [];
    this.#requestBytes = 0;
    return events;
  }
}
