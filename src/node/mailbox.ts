// What has arrived since the last turn, in the order in which the core shall hear of it: events one by one, then one read for
// all queries, then the commands as one proposal, each client name its share of it. The queries come first: they are confirmed by answers to what is sent after
// them, and the commands are sent anyway. None of the commands is acknowledged yet, so no query has to see them.
import { activationOf } from "../core/activation.ts";
import type { Event, Proposal, ProposalRef } from "../core/events.ts";
import type { Millis, Term } from "../core/log-position.ts";
import type { Endless } from "./endless-work.ts";
import { fairShare } from "./fair-share.ts";
import {
  because,
  isRead,
  notAnswered,
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
/**
 * While so many commands of clients, or so many bytes of them, are in the log of a leader and not applied, the others wait here:
 * what is in the log has its place, and a client that comes anew would have to wait for all of it (P64).
 */
const underWayMax = 16_384;
const underWayBytesMax = 8 * 1024 * 1024;

export class Mailbox {
  readonly #waiting: WaitingClients;
  readonly #reads: WaitingReads;
  #events: ArrivedEvent[] = [];
  #commands: ProposalWaiter[] = [];
  #queries: ReadWaiter[] = [];
  /** What each client name has brought into the log, in bytes, while commands wait. */
  readonly #shares = new Map<string, number>();
  readonly #leadingTerm: () => Term | null;

  /** @param leadingTerm null: there is no log to keep short, since this node does not lead */
  constructor(waiting: WaitingClients, reads: WaitingReads, leadingTerm: () => Term | null = () => null) {
    this.#waiting = waiting;
    this.#reads = reads;
    this.#leadingTerm = leadingTerm;
  }

  /** Whether there is nothing to be taken now. */
  get isEmpty(): boolean {
    if (this.#events.length > 0 || this.#queries.length > 0) return false;
    return this.#commands.length === 0 || this.#isFull;
  }

  /** How many requests have arrived and were not taken. */
  get requestCount(): number {
    return this.#commands.length + this.#queries.length;
  }

  /** How much the next turn takes whatever else is under way: events and queries. */
  get dueCount(): number {
    return this.#events.length + this.#queries.length;
  }

  addEvent(event: ArrivedEvent): void {
    this.#events.push(event);
  }

  /** What was taken before, to be taken once more: ahead of everything that has arrived since. */
  putBack(events: readonly ArrivedEvent[]): void {
    this.#events.unshift(...events);
  }

  addRequest(waiter: Waiter): void {
    if (isRead(waiter)) this.#queries.push(waiter);
    else this.#commands.push(waiter);
  }

  /** Everything that has arrived; of the commands as many as one write can hold without keeping the others waiting. */
  take(nowMs: Millis): readonly Event[] {
    const events: Event[] = this.#events.map((event) => timed(event, nowMs));
    if (this.#queries.length > 0) events.push({ kind: "read", nowMs, ref: this.#reads.add(this.#queries) });
    const proposals = this.#batch().map((waiter) => proposalOf(waiter, this.#waiting.add(waiter)));
    if (proposals.length > 0) events.push({ kind: "propose", nowMs, proposals });
    this.#events = [];
    this.#queries = [];
    return events;
  }

  /** Answers the commands whose time is up. They were written nowhere. */
  expire(nowMs: Millis, hangs: Endless | null = null): void {
    if (!this.#commands.some(({ dueMs }) => dueMs <= nowMs)) return;
    const late = this.#commands.filter(({ dueMs }) => dueMs <= nowMs);
    this.#commands = this.#commands.filter(({ dueMs }) => dueMs > nowMs);
    if (this.#commands.length === 0) this.#shares.clear();
    for (const waiter of late) {
      waiter.open.close();
      waiter.fail(notAnswered(because("the leader had no room in its log for the request in time", hangs)));
    }
  }

  get #isFull(): boolean {
    const term = this.#leadingTerm();
    if (term === null) return false;
    const { count, bytes } = this.#waiting.underWay(term);
    return count >= underWayMax || bytes >= underWayBytesMax;
  }

  /** At least one command, then as many as the bounds allow. Usually all of them. Else each client name gets its share. */
  #batch(): readonly ProposalWaiter[] {
    if (this.#commands.length === 0 || this.#isFull) return [];
    const arrived = this.#commands;
    const batch = fairShare(arrived, { count: batchMax, bytes: batchBytesMax }, this.#shares);
    this.#commands = [];
    if (batch.length === arrived.length) {
      this.#shares.clear();
      return batch;
    }
    const taken = new Set(batch);
    this.#commands = arrived.filter((waiter) => !taken.has(waiter));
    return batch;
  }
}

/** Most events are messages. */
function timed(event: ArrivedEvent, nowMs: Millis): Event {
  if (event.kind !== "message") return { ...event, nowMs };
  const { from, message } = event;
  return { kind: "message", nowMs, from, message };
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
    case "activate":
      return { kind: "activate", ref, ...activationOf(waiter) };
  }
}
