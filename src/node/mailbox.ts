// What has arrived since the last turn, in the order in which the core shall hear of it: events one by one, then one read for
// all queries, then all commands as one proposal. The queries come first: they are confirmed by answers to what is sent after
// them, and the commands are sent anyway. None of the commands is acknowledged yet, so no query has to see them.
import type { Event, Proposal, ProposalRef } from "../core/events.ts";
import type { Millis } from "../core/log-position.ts";
import type { ProposalWaiter, QueryWaiter, Waiter, WaitingClients } from "./waiting-clients.ts";
import type { WaitingReads } from "./waiting-reads.ts";

type Untimed<E> = E extends unknown ? Omit<E, "nowMs"> : never;

/** An event before it is known when it will be handled. */
export type ArrivedEvent = Untimed<Event>;

export class Mailbox {
  readonly #waiting: WaitingClients;
  readonly #reads: WaitingReads;
  #events: ArrivedEvent[] = [];
  #commands: ProposalWaiter[] = [];
  #queries: QueryWaiter[] = [];
  #requestBytes = 0;

  constructor(waiting: WaitingClients, reads: WaitingReads) {
    this.#waiting = waiting;
    this.#reads = reads;
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
    if (this.#queries.length > 0) events.push({ kind: "read", nowMs, ref: this.#reads.add(this.#queries) });
    const proposals = this.#commands.map((waiter) => proposalOf(waiter, this.#waiting.add([waiter])));
    if (proposals.length > 0) events.push({ kind: "propose", nowMs, proposals });
    this.#events = [];
    this.#commands = [];
    this.#queries = [];
    this.#requestBytes = 0;
    return events;
  }
}

function proposalOf(waiter: ProposalWaiter, ref: ProposalRef): Proposal {
  switch (waiter.kind) {
    case "command":
      return { kind: "command", ref, payload: waiter.payload, session: waiter.session };
    case "openSession":
      return { kind: "openSession", ref, timeoutMs: waiter.sessionTimeoutMs };
    case "closeSession":
      return { kind: "closeSession", ref, session: waiter.session };
  }
}
