// A key-value store: strings to bytes. What each operation takes and gives is below; OrderedKeys only makes `list` cheap.
import { bytes, defineStateMachine, SnapshotMap, v } from "graft";
import { OrderedKeys } from "./ordered-keys.ts";

const Key = v.pipe(v.string(), v.nonEmpty(), v.maxLength(4096));
const Limit = v.pipe(v.number(), v.integer(), v.minValue(1), v.maxValue(10_000));

class Store {
  readonly #values = new SnapshotMap<string, Uint8Array>();
  readonly #keys = new OrderedKeys();

  get(key: string): Uint8Array | null {
    return this.#values.get(key) ?? null;
  }

  /** Whether the key is new. */
  put(key: string, value: Uint8Array): boolean {
    const created = !this.#values.has(key);
    this.#values.set(key, value);
    if (created) this.#keys.add(key);
    return created;
  }

  /** Whether the key was there. */
  delete(key: string): boolean {
    const deleted = this.#values.delete(key);
    if (deleted) this.#keys.delete(key);
    return deleted;
  }

  /** In the order of the keys: so they are put back most quickly. */
  snapshot(): Iterable<readonly [string, Uint8Array]> {
    const values = this.#values.snapshot();
    return this.#keys.snapshot().map((key) => [key, values.get(key)!] as const);
  }

  keysFrom(first: string): Iterable<string> {
    return this.#keys.from(first);
  }
}

export default defineStateMachine({
  name: "kv",
  version: "1.0.0",
  create: () => new Store(),
  snapshot: (store) => store.snapshot(),
  restore: (store, [key, value]) => void store.put(key, value),

  commands: {
    /** Sets a key. `created`: it was not there before. */
    put: {
      input: v.strictObject({ key: Key, value: bytes() }),
      apply: (store, { key, value }) => ({ created: store.put(key, value) }),
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
      input: v.strictObject({ key: Key, expected: v.nullable(bytes()), value: v.nullable(bytes()) }),
      apply(store, { key, expected, value }) {
        const current = store.get(key);
        if (!areEqual(current, expected)) return { swapped: false, current };
        if (value === null) store.delete(key);
        else store.put(key, value);
        return { swapped: true, current: value };
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
