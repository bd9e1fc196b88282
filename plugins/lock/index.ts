// Locks: who may do something that only one may do at a time. A holder has a lease, and a fencing token that is larger than that of every holder
// before. Those that wait get the lock in the order in which they came. Time is replicated time.
import { defineStateMachine, Rejected, SnapshotMap, v } from "graft";
import { type Now, Times } from "../times.ts";

const weekMs = 7 * 24 * 3_600_000;
const waitersMax = 100;

const Name = v.pipe(v.string(), v.nonEmpty(), v.maxLength(256));
const Lease = v.pipe(v.number(), v.integer(), v.minValue(1), v.maxValue(weekMs));
const Wait = v.pipe(v.number(), v.integer(), v.minValue(0), v.maxValue(weekMs));
const Token = v.pipe(v.number(), v.integer(), v.minValue(1));

interface Waiter {
  readonly owner: string;
  /** How long it holds the lock when it gets it. */
  readonly leaseMs: number;
  /** It waits no longer. */
  readonly untilMs: number;
}

interface Lock {
  readonly owner: string;
  readonly token: number;
  readonly untilMs: number;
  /** The first is the next. */
  readonly waiters: readonly Waiter[];
}

type Item = { readonly token: number } | readonly [name: string, lock: Lock];

/** When something about the lock changes by itself. */
const nextMsOf = (lock: Lock | undefined): number | null =>
  lock === undefined ? null : Math.min(lock.untilMs, ...lock.waiters.map(({ untilMs }) => untilMs));

class Locks {
  /** Of the latest holder of any lock. */
  #token = 0;
  /** Those that are held. */
  readonly #locks = new SnapshotMap<string, Lock>();
  readonly #times = new Times();

  get(name: string): Lock | undefined {
    return this.#locks.get(name);
  }

  /** Undefined: nobody holds it. */
  set(name: string, lock: Lock | undefined): void {
    this.#times.move(name, nextMsOf(this.#locks.get(name)), nextMsOf(lock));
    if (lock === undefined) this.#locks.delete(name);
    else this.#locks.set(name, lock);
  }

  /** It is held from now on, by a holder with a token of its own. */
  grant(name: string, { owner, leaseMs }: Omit<Waiter, "untilMs">, waiters: readonly Waiter[], now: Now): Lock {
    const lock: Lock = { owner, token: ++this.#token, untilMs: now.timeMs + leaseMs, waiters };
    return this.hold(name, lock, now);
  }

  hold(name: string, lock: Lock, now: Now): Lock {
    this.set(name, lock);
    now.wakeAt(nextMsOf(lock)!);
    return lock;
  }

  /** Its holder is done with it: the first that waits has it now. */
  free(name: string, { waiters }: Lock, now: Now): void {
    const [first, ...others] = waiters;
    if (first === undefined) this.set(name, undefined);
    else this.grant(name, first, others, now);
  }

  expire(now: Now): void {
    this.#times.settle(now, (name) => {
      const lock = this.#locks.get(name)!;
      const waiters = lock.waiters.filter(({ untilMs }) => untilMs > now.timeMs);
      if (lock.untilMs > now.timeMs) this.hold(name, { ...lock, waiters }, now);
      else this.free(name, { ...lock, waiters }, now);
    });
  }

  snapshot(): Iterable<Item> {
    const [token, locks] = [this.#token, this.#locks.snapshot()];
    return (function* () {
      yield { token };
      yield* locks;
    })();
  }

  restore(item: Item): void {
    if ("token" in item) this.#token = item.token;
    else this.set(...item);
  }
}

const held = ({ token, untilMs }: Lock) => ({ held: true, token, untilMs, place: null }) as const;
/** `untilMs`: until when the place in the queue is kept. */
const waiting = (place: number, untilMs: number) => ({ held: false, token: null, untilMs, place }) as const;
const refused = { held: false, token: null, untilMs: null, place: null } as const;

const isHolder = (lock: Lock | undefined, owner: string, token: number): lock is Lock =>
  lock?.owner === owner && lock.token === token;

export default defineStateMachine({
  name: "lock",
  version: "1.0.0",
  create: () => new Locks(),
  snapshot: (locks) => locks.snapshot(),
  restore: (locks, item: Item) => locks.restore(item),
  due: (locks, ctx) => locks.expire(ctx),

  commands: {
    /**
     * Takes a lock that is free, for `leaseMs`. One that is held is waited for, at most `waitMs`: ask again to hear whether it is this owner's turn,
     * and to keep the place in the queue. The holder that asks again keeps its token, and has a lease of `leaseMs` from now on.
     */
    acquire: {
      input: v.strictObject({ name: Name, owner: Name, leaseMs: Lease, waitMs: v.optional(Wait, 0) }),
      apply(locks, { name, owner, leaseMs, waitMs }, ctx) {
        const lock = locks.get(name);
        if (lock === undefined) return held(locks.grant(name, { owner, leaseMs }, [], ctx));
        if (lock.owner === owner) return held(locks.hold(name, { ...lock, untilMs: ctx.timeMs + leaseMs }, ctx));
        const at = lock.waiters.findIndex((waiter) => waiter.owner === owner);
        if (at === -1 && waitMs === 0) return refused;
        if (at === -1 && lock.waiters.length >= waitersMax) throw new Rejected(`${waitersMax} wait for it already`);
        const untilMs = Math.max(ctx.timeMs + waitMs, lock.waiters[at]?.untilMs ?? 0);
        const waiter: Waiter = { owner, leaseMs, untilMs };
        const waiters = at === -1 ? [...lock.waiters, waiter] : lock.waiters.with(at, waiter);
        locks.hold(name, { ...lock, waiters }, ctx);
        return waiting((at === -1 ? waiters.length - 1 : at) + 1, untilMs);
      },
    },

    /** The holder's lease ends `leaseMs` from now. `held` false: the lock is not this holder's any more. */
    renew: {
      input: v.strictObject({ name: Name, owner: Name, token: Token, leaseMs: Lease }),
      apply(locks, { name, owner, token, leaseMs }, ctx) {
        const lock = locks.get(name);
        if (!isHolder(lock, owner, token)) return refused;
        return held(locks.hold(name, { ...lock, untilMs: ctx.timeMs + leaseMs }, ctx));
      },
    },

    /** The holder gives the lock to the first that waits. `released` false: it was not this holder's any more. */
    release: {
      input: v.strictObject({ name: Name, owner: Name, token: Token }),
      apply(locks, { name, owner, token }, ctx) {
        const lock = locks.get(name);
        if (!isHolder(lock, owner, token)) return { released: false };
        locks.free(name, lock, ctx);
        return { released: true };
      },
    },

    /** An owner that waits gives up its place. `left` false: it did not wait. */
    leave: {
      input: v.strictObject({ name: Name, owner: Name }),
      apply(locks, { name, owner }, ctx) {
        const lock = locks.get(name);
        const waiters = lock?.waiters.filter((waiter) => waiter.owner !== owner);
        if (lock === undefined || waiters!.length === lock.waiters.length) return { left: false };
        locks.hold(name, { ...lock, waiters: waiters! }, ctx);
        return { left: true };
      },
    },
  },

  queries: {
    /** Who holds a lock, and who waits, in order; null: nobody holds it. */
    holder: {
      input: v.strictObject({ name: Name }),
      answer(locks, { name }) {
        const lock = locks.get(name);
        if (lock === undefined) return null;
        const { owner, token, untilMs, waiters } = lock;
        return { owner, token, untilMs, waiters: waiters.map((waiter) => waiter.owner) };
      },
    },
  },
});
