// A key-value store: strings to bytes, for ever or for a while. What each operation takes and gives is below; OrderedKeys only makes `list` cheap.
import { bytes, defineStateMachine, Rejected, SnapshotMap, v } from "graft";
import { type Now, Times } from "../times.ts";
import { OrderedKeys } from "./ordered-keys.ts";

const Key = v.pipe(v.string(), v.nonEmpty(), v.maxLength(4096));
const Limit = v.pipe(v.number(), v.integer(), v.minValue(1), v.maxValue(10_000));
/** Up to a hundred years. */
const Ttl = v.pipe(v.number(), v.integer(), v.minValue(1), v.maxValue(100 * 365.25 * 24 * 3_600_000));
const Change = v.strictObject({
  key: Key,
  expected: v.optional(v.nullable(bytes())),
  value: v.optional(v.nullable(bytes())),
  ttlMs: v.optional(Ttl),
});

type Item = readonly [key: string, value: Uint8Array] | readonly [key: string, value: Uint8Array, expiresMs: number];

class Store {
  readonly #values = new SnapshotMap<string, Uint8Array>();
  readonly #keys = new OrderedKeys();
  /** Of the keys that expire: at which replicated time. */
  readonly #expiries = new SnapshotMap<string, number>();
  readonly #times = new Times();

  /** An expired key is never here: it goes before the first entry that has reached its time. */
  get(key: string): Uint8Array | null {
    return this.#values.get(key) ?? null;
  }

  /** Whether the key is new. `expiresMs` null: never. */
  put(key: string, value: Uint8Array, expiresMs: number | null): boolean {
    const created = !this.#values.has(key);
    this.#values.set(key, value);
    if (created) this.#keys.add(key);
    this.#expireAt(key, expiresMs);
    return created;
  }

  /** Whether the key was there. */
  delete(key: string): boolean {
    const deleted = this.#values.delete(key);
    if (!deleted) return false;
    this.#keys.delete(key);
    this.#expireAt(key, null);
    return true;
  }

  /** Sets or removes a key; undefined leaves it as it is. */
  change(key: string, value: Uint8Array | null | undefined, ttlMs: number | undefined, now: Now): void {
    if (value === null) this.delete(key);
    else if (value !== undefined) this.putFor(key, value, ttlMs, now);
  }

  putFor(key: string, value: Uint8Array, ttlMs: number | undefined, now: Now): boolean {
    if (ttlMs === undefined) return this.put(key, value, null);
    const expiresMs = now.timeMs + ttlMs;
    now.wakeAt(expiresMs);
    return this.put(key, value, expiresMs);
  }

  expire(now: Now): void {
    this.#times.settle(now, (key) => this.delete(key));
  }

  /** In the order of the keys: so they are put back most quickly. */
  snapshot(): Iterable<Item> {
    const [values, expiries] = [this.#values.snapshot(), this.#expiries.snapshot()];
    return this.#keys.snapshot().map((key): Item => {
      const [value, expiresMs] = [values.get(key)!, expiries.get(key)];
      return expiresMs === undefined ? [key, value] : [key, value, expiresMs];
    });
  }

  keysFrom(first: string): Iterable<string> {
    return this.#keys.from(first);
  }

  #expireAt(key: string, expiresMs: number | null): void {
    const before = this.#expiries.get(key) ?? null;
    this.#times.move(key, before, expiresMs);
    if (expiresMs !== null) this.#expiries.set(key, expiresMs);
    else if (before !== null) this.#expiries.delete(key);
  }
}

export default defineStateMachine({
  name: "kv",
  version: "1.0.0",
  create: () => new Store(),
  snapshot: (store) => store.snapshot(),
  restore: (store, [key, value, expiresMs]) => void store.put(key, value, expiresMs ?? null),
  due: (store, ctx) => store.expire(ctx),

  commands: {
    /** Sets a key, for `ttlMs` of replicated time or, without that, for ever. `created`: it was not there before. */
    put: {
      input: v.strictObject({ key: Key, value: bytes(), ttlMs: v.optional(Ttl) }),
      apply: (store, { key, value, ttlMs }, ctx) => ({ created: store.putFor(key, value, ttlMs, ctx) }),
    },

    /** Removes a key. `deleted`: it was there. */
    delete: {
      input: v.strictObject({ key: Key }),
      apply: (store, { key }) => ({ deleted: store.delete(key) }),
    },

    /**
     * Compare and swap: sets the key to `value` if it now holds `expected`; null means no such key, on either side.
     * `current`: what the key holds afterwards, changed or not.
     */
    cas: {
      input: v.strictObject({
        key: Key,
        expected: v.nullable(bytes()),
        value: v.nullable(bytes()),
        ttlMs: v.optional(Ttl),
      }),
      apply(store, { key, expected, value, ttlMs }, ctx) {
        const current = store.get(key);
        if (!areEqual(current, expected)) return { swapped: false, current };
        store.change(key, value, ttlMs, ctx);
        return { swapped: true, current: value };
      },
    },

    /**
     * Several compare-and-swap: if every key that has an `expected` holds it, each key that has a `value` is set to it; otherwise nothing is
     * changed. `differ`: the keys that hold something else, and what.
     */
    txn: {
      input: v.strictObject({ changes: v.pipe(v.array(Change), v.minLength(1), v.maxLength(1000)) }),
      apply(store, { changes }, ctx) {
        const keys = new Set(changes.map(({ key }) => key));
        if (keys.size < changes.length) throw new Rejected("txn: a key may be in it only once");
        const differ = changes.flatMap(({ key, expected }) => {
          const current = store.get(key);
          return expected === undefined || areEqual(current, expected) ? [] : [{ key, current }];
        });
        if (differ.length > 0) return { swapped: false, differ };
        for (const { key, value, ttlMs } of changes) store.change(key, value, ttlMs, ctx);
        return { swapped: true, differ };
      },
    },
  },

  queries: {
    /** The value of a key; null when there is none. */
    get: {
      input: v.strictObject({ key: Key }),
      answer: (store, { key }) => store.get(key),
    },

    /** The keys that begin with `prefix`, in order, those after `after` only. `more`: the limit cut the list short. */
    list: {
      input: v.strictObject({
        prefix: v.optional(v.string(), ""),
        after: v.optional(v.string(), ""),
        limit: v.optional(Limit, 100),
      }),
      answer(store, { prefix, after, limit }) {
        const keys: string[] = [];
        for (const key of store.keysFrom(after > prefix ? after : prefix)) {
          if (key === after) continue;
          if (!key.startsWith(prefix)) break;
          if (keys.length === limit) return { keys, more: true };
          keys.push(key);
        }
        return { keys, more: false };
      },
    },
  },
});

function areEqual(one: Uint8Array | null, other: Uint8Array | null): boolean {
  if (one === null || other === null) return one === other;
  return one.length === other.length && one.every((byte, place) => byte === other[place]);
}
