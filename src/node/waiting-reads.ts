// Which queries wait to be put to the state machine? They wait for the core to say how far the state must reach that answers
// them, then for the applier to get there, and then for their turn (fair-queue.ts). Every query that was taken leaves exactly once: to the state machine, or with
// the reason why not (P26 of the tests). A question changes nothing, so its outcome is never in doubt.
import type { ReadRef } from "../core/events.ts";
import type { LogIndex, LogPosition, Millis } from "../core/log-position.ts";
import { querySliceMs } from "../ports/state-machine.ts";
import type { Endless } from "./endless-work.ts";
import { FairQueue, type Taken } from "./fair-queue.ts";
import {
  type Asker,
  because,
  notAnswered,
  type QueryWaiter,
  type ReadWaiter,
  type ReplyError,
} from "./waiting-clients.ts";

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
  /** To be handed in with what becomes of it. */
  readonly taken: Taken<Due>;
}

/** One that waits for its turn: the state reaches far enough. */
interface Due {
  readonly from: Asker;
  readonly waiter: ReadWaiter;
  readonly position: LogPosition;
  readonly age: Age | null;
}

/** Of one slice: how many queries, and until how many bytes of them. */
const sliceCountMax = 1024;
const sliceBytesMax = 16 * 1024 * 1024;
/** What a query costs beside the state machine's time, ms: to be handed over, and for the bytes of its answer to be sent. */
const costMs = 0.01;
const costBytesPerMs = 512 * 1024;

export class WaitingReads {
  readonly #asked = new Map<ReadRef, readonly ReadWaiter[]>();
  #ready: Ready[] = [];
  readonly #due: FairQueue<Due>;
  #lastRef = 0;
  #count = 0;

  /** `wake` is called when `take` may give more than before, although nothing has come and no state has gone on. */
  constructor(wake: () => void = () => {}) {
    this.#due = new FairQueue(wake);
  }

  /** How many queries wait. */
  get count(): number {
    return this.#count;
  }

  /** Registers queries that one read stands for. */
  add(waiters: readonly ReadWaiter[]): ReadRef {
    this.#lastRef++;
    this.#asked.set(this.#lastRef, waiters);
    this.#count += waiters.length;
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
    this.#ready.push({ position, age, waiters: [waiter] });
  }

  refuse(ref: ReadRef, error: ReplyError): void {
    const waiters = this.#asked.get(ref) ?? [];
    this.#asked.delete(ref);
    this.#settle(waiters, error);
  }

  /**
   * The next slice of the queries that a state may answer which has been handed everything through `through`: what the state
   * machine does in one go, as far as can be told. Those for which the state is too old are told so, and those whose time is up.
   */
  take(through: LogIndex, nowMs: Millis): readonly DueQuery[] {
    this.#queueUp(through);
    const slice: DueQuery[] = [];
    let [leftMs, leftBytes] = [querySliceMs, sliceBytesMax];
    while (leftMs > 0 && leftBytes > 0 && slice.length < sliceCountMax) {
      const taken = this.#due.take();
      if (taken === null) break;
      const query = this.#dueQuery(taken, through, nowMs);
      if (query === null) continue;
      slice.push(query);
      leftMs -= taken.estimateMs;
      leftBytes -= query.waiter.payload.byteLength;
    }
    return slice;
  }

  /** The query has been answered: this long the state machine was busy with it, and so large is the answer. */
  charge({ taken }: DueQuery, elapsedMs: Millis, bytes: number): void {
    this.#due.charge(taken, costMs + elapsedMs + bytes / costBytesPerMs);
  }

  /** It needed nothing of the state machine. */
  drop({ taken }: DueQuery): void {
    this.#due.drop(taken);
  }

  /** These were not put to the state machine. They keep their turn. */
  giveBack(queries: readonly DueQuery[]): void {
    for (const { taken } of queries.toReversed()) {
      this.#due.giveBack(taken);
      this.#count++;
    }
  }

  /** Answers those whose time is up, and lets go of those whose client is gone. */
  expire(nowMs: Millis, hangs: Endless | null = null): void {
    const isOver = (waiter: ReadWaiter): boolean => waiter.dueMs <= nowMs || !waiter.from.isOpen;
    const over: ReadWaiter[] = [];
    for (const [ref, waiters] of this.#asked) {
      if (!waiters.some(isOver)) continue;
      over.push(...waiters.filter(isOver));
      this.#asked.set(
        ref,
        waiters.filter((waiter) => !isOver(waiter)),
      );
    }
    for (const ready of this.#ready) {
      over.push(...ready.waiters.filter(isOver));
      ready.waiters = ready.waiters.filter((waiter) => !isOver(waiter));
    }
    this.#ready = this.#ready.filter(({ waiters }) => waiters.length > 0);
    over.push(...this.#due.remove(({ waiter }) => isOver(waiter)).map(({ waiter }) => waiter));
    for (const waiter of over) this.#settle([waiter], late(waiter, hangs));
  }

  /** Nothing will be answered any more: the node ends, or its state machine stands still. */
  failAll(error: ReplyError): void {
    const due = this.#due.remove(() => true).map(({ waiter }) => waiter);
    const waiters = [...this.#asked.values(), ...this.#ready.map((ready) => ready.waiters), due].flat();
    this.#asked.clear();
    this.#ready = [];
    this.#settle(waiters, error);
  }

  /** Those for which the state reaches far enough take their places among the others. */
  #queueUp(through: LogIndex): void {
    if (this.#ready.length === 0) return;
    const later: Ready[] = [];
    for (const ready of this.#ready) {
      if (ready.position.index > through) later.push(ready);
      else for (const waiter of ready.waiters) this.#due.add(dueOf(waiter, ready));
    }
    this.#ready = later;
  }

  /** Null: it is not to be put any more. */
  #dueQuery(taken: Taken<Due>, through: LogIndex, nowMs: Millis): DueQuery | null {
    const { waiter, position, age } = taken.item;
    this.#forget([waiter]);
    const stalenessMs = stalenessOf(age, nowMs);
    const reason = waiter.dueMs <= nowMs ? late(waiter) : isTooOld(stalenessMs, age) ? tooOld(stalenessMs) : null;
    if (reason === null && waiter.from.isOpen) {
      return { waiter, taken, position: age === null ? position : { ...position, index: through }, stalenessMs };
    }
    this.#due.drop(taken);
    // Whoever is gone hears it as little as anything else.
    waiter.fail(reason ?? late(waiter));
    return null;
  }

  #forget(waiters: readonly ReadWaiter[]): void {
    this.#count -= waiters.length;
  }

  #settle(waiters: readonly ReadWaiter[], error: ReplyError): void {
    this.#forget(waiters);
    for (const waiter of waiters) waiter.fail(error);
  }
}

const dueOf = (waiter: ReadWaiter, { position, age }: Ready): Due => ({ from: waiter.from, waiter, position, age });

const stalenessOf = (age: Age | null, nowMs: Millis): number | null =>
  age === null || age.asOfMs === null ? null : Math.max(0, Math.ceil(nowMs - age.asOfMs));

const isTooOld = (stalenessMs: number | null, age: Age | null): boolean =>
  age !== null && age.maxMs !== null && (stalenessMs === null || stalenessMs > age.maxMs);

function late(waiter: ReadWaiter, hangs: Endless | null = null): ReplyError {
  const notDone = waiter.kind === "query" ? "the query was not answered" : waiter.notDone;
  return notAnswered(because(`${notDone} in time`, hangs));
}

const tooOld = (stalenessMs: number | null): ReplyError =>
  notAnswered(
    stalenessMs === null
      ? "this node does not know how old its state is: it has heard from no leader since its start"
      : `the state of this node may be ${stalenessMs} ms old, which is more than the query allows`,
  );
