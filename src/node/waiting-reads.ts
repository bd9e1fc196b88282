// Which queries wait to be put to the state machine? They wait for the core to say how far the state must reach that answers
// them, and then for the applier to get there. Every query that was taken leaves exactly once: to the state machine, or with
// the reason why not (P26 of the tests). A question changes nothing, so its outcome is never in doubt.
import type { ReadRef } from "../core/events.ts";
import type { LogIndex, LogPosition, Millis } from "../core/log-position.ts";
import { notAnswered, type QueryWaiter, type ReadWaiter, type ReplyError } from "./waiting-clients.ts";

/** Queries that a state which has applied through this index may answer. */
interface Ready {
  readonly position: LogPosition;
  /** Null: the state is not out of date, whenever it is asked. */
  readonly age: Age | null;
  waiters: readonly ReadWaiter[];
}

/** How old the state is that a stale read sees. */
export interface Age {
  /** By this node's clock: everything acknowledged before is in it; null: not known. */
  readonly asOfMs: Millis | null;
  /** How old it may be; null: as old as it is. */
  readonly maxMs: Millis | null;
}

/** A query that may be put to the state machine now, and what its answer is to say of the state. */
export interface DueQuery {
  readonly waiter: ReadWaiter;
  readonly position: LogPosition;
  readonly stalenessMs: number | null;
}

/** For how many more queries there is room, and until how many more bytes of them have been taken. */
export interface QueryRoom {
  readonly count: number;
  readonly bytes: number;
}

export class WaitingReads {
  readonly #asked = new Map<ReadRef, readonly ReadWaiter[]>();
  #ready: Ready[] = [];
  #lastRef = 0;
  #count = 0;
  #bytes = 0;

  /** How many queries wait. */
  get count(): number {
    return this.#count;
  }

  /** How many bytes of payload are held for them. */
  get bytes(): number {
    return this.#bytes;
  }

  /** Registers queries that one read stands for. */
  add(waiters: readonly ReadWaiter[]): ReadRef {
    this.#lastRef++;
    this.#asked.set(this.#lastRef, waiters);
    this.#count += waiters.length;
    for (const waiter of waiters) this.#bytes += waiter.payload.byteLength;
    return this.#lastRef;
  }

  /** The core has found out how far the state must reach. */
  ready(ref: ReadRef, position: LogPosition): void {
    const waiters = this.#asked.get(ref);
    this.#asked.delete(ref);
    if (waiters !== undefined && waiters.length > 0) this.#ready.push({ position, age: null, waiters });
  }

  /** A query that may see the past: what a state has to have applied that is of this age. */
  addStale(waiter: QueryWaiter, position: LogPosition, age: Age): void {
    this.#count++;
    this.#bytes += waiter.payload.byteLength;
    this.#ready.push({ position, age, waiters: [waiter] });
  }

  refuse(ref: ReadRef, error: ReplyError): void {
    const waiters = this.#asked.get(ref) ?? [];
    this.#asked.delete(ref);
    this.#settle(waiters, error);
  }

  /**
   * The queries that a state which has been handed everything through `through` may answer, as far as there is room. Those for
   * which it is too old are told so.
   */
  take(through: LogIndex, room: QueryRoom, nowMs: Millis): readonly DueQuery[] {
    if (this.#ready.length === 0) return [];
    const taken: ReadWaiter[] = [];
    const due: DueQuery[] = [];
    const later: Ready[] = [];
    let left = room;
    for (const ready of this.#ready) {
      const count = ready.position.index <= through ? countWithin(ready.waiters, left) : 0;
      for (const waiter of ready.waiters.slice(0, count)) {
        taken.push(waiter);
        left = { count: left.count - 1, bytes: left.bytes - waiter.payload.byteLength };
        const query = dueQuery(waiter, ready, through, nowMs);
        if (isTooOld(query, ready.age)) waiter.fail(tooOld(query.stalenessMs));
        else due.push(query);
      }
      if (ready.waiters.length > count) later.push({ ...ready, waiters: ready.waiters.slice(count) });
    }
    this.#ready = later;
    this.#forget(taken);
    return due;
  }

  /** Answers those whose time is up. */
  expire(nowMs: Millis): void {
    const isLate = (waiter: ReadWaiter): boolean => waiter.dueMs <= nowMs;
    const late: ReadWaiter[] = [];
    for (const [ref, waiters] of this.#asked) {
      if (!waiters.some(isLate)) continue;
      late.push(...waiters.filter(isLate));
      this.#asked.set(
        ref,
        waiters.filter((waiter) => !isLate(waiter)),
      );
    }
    for (const ready of this.#ready) {
      late.push(...ready.waiters.filter(isLate));
      ready.waiters = ready.waiters.filter((waiter) => !isLate(waiter));
    }
    this.#ready = this.#ready.filter(({ waiters }) => waiters.length > 0);
    this.#settle(late, notAnswered("the query was not answered in time"));
  }

  /** Nothing will be answered any more: the node ends, or its state machine stands still. */
  failAll(error: ReplyError): void {
    const waiters = [...this.#asked.values(), ...this.#ready.map((ready) => ready.waiters)].flat();
    this.#asked.clear();
    this.#ready = [];
    this.#settle(waiters, error);
  }

  #forget(waiters: readonly ReadWaiter[]): void {
    this.#count -= waiters.length;
    for (const waiter of waiters) this.#bytes -= waiter.payload.byteLength;
  }

  #settle(waiters: readonly ReadWaiter[], error: ReplyError): void {
    this.#forget(waiters);
    for (const waiter of waiters) waiter.fail(error);
  }
}

/** The one that goes beyond the bytes is taken, so that each gets its turn whatever its size. */
function countWithin(waiters: readonly ReadWaiter[], room: QueryRoom): number {
  let count = 0;
  for (let { bytes } = room; count < Math.min(waiters.length, room.count) && bytes > 0; count++) {
    bytes -= waiters[count]!.payload.byteLength;
  }
  return count;
}

function dueQuery(waiter: ReadWaiter, { position, age }: Ready, through: LogIndex, nowMs: Millis): DueQuery {
  if (age === null) return { waiter, position, stalenessMs: null };
  const stalenessMs = age.asOfMs === null ? null : Math.max(0, Math.ceil(nowMs - age.asOfMs));
  return { waiter, position: { ...position, index: through }, stalenessMs };
}

const isTooOld = ({ stalenessMs }: DueQuery, age: Age | null): boolean =>
  age !== null && age.maxMs !== null && (stalenessMs === null || stalenessMs > age.maxMs);

const tooOld = (stalenessMs: number | null): ReplyError =>
  notAnswered(
    stalenessMs === null
      ? "this node does not know how old its state is: it has heard from no leader since its start"
      : `the state of this node may be ${stalenessMs} ms old, which is more than the query allows`,
  );
