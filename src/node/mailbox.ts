// What has arrived since the last turn, in the order in which the core shall hear of it: events one by one, then one read for
// all queries, then all commands as one proposal. The queries come first: they are confirmed by answers to what is sent after
// them, and the commands are sent anyway. None of the commands is acknowledged yet, so no query has to see them.
import type { Event, Proposal, ProposalRef } from "../core/events.ts";
import type { Millis } from "../core/log-position.ts";
import {
  bytesOf,
  isRead,
  type ProposalWaiter,
  type ReadWaiter,
  type Waiter,
  type WaitingClients,
} from "./waiting-clients.ts";
import type { WaitingReads } from "./waiting-reads.ts";

type Untimed<E> = E extends unknown ? Omit<E, "nowMs"> : never;

/** An event before it is known when it will be handled. */
export type ArrivedEvent = Untimed<Event>;

/** How many commands make one write, and how many bytes of them: a heartbeat may have to wait for it. */
const batchMax = 4096;
const batchBytesMax = 4 * 1024 * 1024;

export class Mailbox {
  readonly #waiting: WaitingClients;
  readonly #reads: WaitingReads;
  #events: ArrivedEvent[] = [];
  #commands: ProposalWaiter[] = [];
  #queries: ReadWaiter[] = [];
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
    if (isRead(waiter)) this.#queries.push(waiter);
    else this.#commands.push(waiter);
  }

  /** Everything that has arrived; of the commands as many as one write can hold without keeping the others waiting. */
  take(nowMs: Millis): readonly Event[] {
    const events: Event[] = this.#events.map((event) => ({ ...event, nowMs }));
    if (this.#queries.length > 0) events.push({ kind: "read", nowMs, ref: this.#reads.add(this.#queries) });
    const proposals = this.#batch().map((waiter) => proposalOf(waiter, this.#waiting.add([waiter])));
    if (proposals.length > 0) events.push({ kind: "propose", nowMs, proposals });
    this.#events = [];
    this.#queries = [];
    this.#requestBytes = bytesOf(this.#commands);
    return events;
  }

  /** The oldest commands: at least one, then as many as the bounds allow. Usually all of them. */
  #batch(): readonly ProposalWaiter[] {
    let count = 0;
    for (let bytes = 0; count < Math.min(this.#commands.length, batchMax); count++) {
      bytes += this.#commands[count]!.payload.byteLength;
      if (bytes > batchBytesMax && count > 0) break;
    }
    const batch = this.#commands;
    this.#commands = count === batch.length ? [] : batch.slice(count);
    return count === batch.length ? batch : batch.slice(0, count);
  }
}

function proposalOf(waiter: ProposalWaiter, ref: ProposalRef): Proposal {
  switch (waiter.kind) {
    case "command":
      return { kind: "command", ref, payload: waiter.payload, session: waiter.session };
    case "openSession":
      return {
        kind: "openSession",
        ref,
        client: waiter.client,
        isAdmin: waiter.isAdmin,
        timeoutMs: waiter.sessionTimeoutMs,
      };
    case "closeSession":
      return { kind: "closeSession", ref, client: waiter.client, session: waiter.session };
  }
}
