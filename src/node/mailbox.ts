// What has arrived since the last turn, in the order in which the core shall hear of it: events one by one, then all
// commands as one proposal, with one barrier behind them for all queries.
import type { Event, Proposal, ProposalRef } from "../core/events.ts";
import type { Millis } from "../core/log-position.ts";
import type { Waiter, WaitingClients } from "./waiting-clients.ts";

type Untimed<E> = E extends unknown ? Omit<E, "nowMs"> : never;

/** An event before it is known when it will be handled. */
export type ArrivedEvent = Untimed<Event>;

type Proposed = Exclude<Waiter, { readonly kind: "query" }>;

export class Mailbox {
  readonly #waiting: WaitingClients;
  #events: ArrivedEvent[] = [];
  #commands: Proposed[] = [];
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
    if (waiter.kind === "query") this.#queries.push(waiter);
    else this.#commands.push(waiter);
  }

  /** Empties the mailbox. */
  take(nowMs: Millis): readonly Event[] {
    const events: Event[] = this.#events.map((event) => ({ ...event, nowMs }));
    const proposals = this.#commands.map((waiter) => proposalOf(waiter, this.#waiting.add([waiter])));
    // The queries stand behind the commands that arrived with them: one place in the log serves them all.
    if (this.#queries.length > 0) proposals.push({ kind: "barrier", ref: this.#waiting.add(this.#queries) });
    if (proposals.length > 0) events.push({ kind: "propose", nowMs, proposals });
    this.#events = [];
    this.#commands = [];
    this.#queries = [];
    this.#requestBytes = 0;
    return events;
  }
}

function proposalOf(waiter: Proposed, ref: ProposalRef): Proposal {
  switch (waiter.kind) {
    case "command":
      return { kind: "command", ref, payload: waiter.payload, session: waiter.session };
    case "openSession":
      return { kind: "openSession", ref, timeoutMs: waiter.sessionTimeoutMs };
    case "closeSession":
      return { kind: "closeSession", ref, session: waiter.session };
  }
}
