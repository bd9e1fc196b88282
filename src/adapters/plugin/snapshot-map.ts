// A map whose snapshot takes no time: the entries stay where they are, and what changes while the snapshot is open goes into
// an overlay. Once it is closed, the overlay is put back piece by piece, between commands. In whatever state of this the map
// is, it reads and iterates like a `Map` that was changed in the same way: the nodes of a cluster take their snapshots at
// different moments, and must not differ in anything a command can see.
import { announceView, type FrozenView } from "./frozen-views.ts";

const DELETED = Symbol("deleted");

/** What became of the entries of the base. A key that was deleted and set again is in both: its new place is at the end. */
interface Overlay<Key, Value> {
  readonly changed: Map<Key, Value | typeof DELETED>;
  /** What comes after everything in the base, in order. */
  readonly added: Map<Key, Value>;
  /** The base must not change. Otherwise this is being put back: nothing enters `changed` that is not in it. */
  isFrozen: boolean;
  /** How many entries arrived while it is put back: as many more must leave. */
  arrived: number;
  /** One for both maps: to begin anew with every step would walk over what was taken out before. */
  restOfChanged: Iterator<[Key, Value | typeof DELETED]> | null;
  restOfAdded: Iterator<[Key, Value]> | null;
}

/**
 * A `Map` with snapshots in constant time, whatever its size. It iterates in the order in which keys were first set, as a
 * `Map` does, and so does a map that was filled from a snapshot.
 *
 * A value is replaced and never changed in place, or a snapshot would change with it: objects and arrays are frozen
 * (`Object.freeze`, all the way down) when they are set. Bytes cannot be: leave them alone.
 *
 * An iterator is good for as long as the handler runs that asked for it.
 */
export class SnapshotMap<Key extends string | number, Value> implements Iterable<[Key, Value]> {
  #base = new Map<Key, Value>();
  /** null while the base is all there is. */
  #overlay: Overlay<Key, Value> | null = null;
  #hasOpenSnapshot = false;
  #size = 0;

  get [Symbol.toStringTag](): string {
    return "SnapshotMap";
  }

  get size(): number {
    return this.#size;
  }

  get(key: Key): Value | undefined {
    if (this.#overlay === null) return this.#base.get(key);
    const { added, changed } = this.#overlay;
    if (added.has(key)) return added.get(key);
    if (!changed.has(key)) return this.#base.get(key);
    const value = changed.get(key);
    return value === DELETED ? undefined : value;
  }

  has(key: Key): boolean {
    return this.#overlay === null ? this.#base.has(key) : isThere(key, this.#base, this.#overlay);
  }

  set(key: Key, value: Value): this {
    const kept = deepFrozen(value);
    if (this.#overlay !== null) this.#setOver(this.#overlay, key, kept);
    else {
      this.#base.set(key, kept);
      this.#size = this.#base.size;
    }
    return this;
  }

  /** Whether the key was there. */
  delete(key: Key): boolean {
    const deleted = this.#overlay === null ? this.#base.delete(key) : this.#deleteOver(this.#overlay, key);
    if (deleted) this.#size--;
    return deleted;
  }

  clear(): void {
    // A frozen base is left to the snapshot that is open.
    if (this.#overlay === null) this.#base.clear();
    else this.#base = new Map();
    this.#overlay = null;
    this.#size = 0;
  }

  entries(): IteratorObject<[Key, Value], undefined> {
    return this.#overlay === null ? this.#base.entries() : this.#layeredEntries();
  }

  keys(): IteratorObject<Key, undefined> {
    return this.#overlay === null ? this.#base.keys() : this.#layeredEntries().map(([key]) => key);
  }

  values(): IteratorObject<Value, undefined> {
    return this.#overlay === null ? this.#base.values() : this.#layeredEntries().map(([, value]) => value);
  }

  [Symbol.iterator](): IteratorObject<[Key, Value], undefined> {
    return this.entries();
  }

  forEach(visit: (value: Value, key: Key, map: this) => void): void {
    for (const [key, value] of this) visit(value, key, this);
  }

  /**
   * The entries as they are now, to be iterated once while the map goes on changing. Read to the end it is closed by itself,
   * and what a plugin's `snapshot` opens is closed by Graft in any case.
   * Throws while another one is open, and where a plugin asks for one after its `snapshot` has returned.
   */
  snapshot(): FrozenEntries<Key, Value> {
    if (this.#hasOpenSnapshot) throw new Error("a snapshot of this SnapshotMap is open: close it first");
    if (this.#overlay !== null) this.#settle(this.#overlay, Infinity); // Of the snapshot before: seldom anything is left.
    const overlay = emptyOverlay<Key, Value>();
    const view = new FrozenEntries(this.#base, {
      closed: () => {
        this.#hasOpenSnapshot = false;
        overlay.isFrozen = false;
      },
      settle: (steps) => this.#overlay !== overlay || this.#settle(overlay, steps),
    });
    announceView(view);
    this.#hasOpenSnapshot = true;
    this.#overlay = overlay;
    return view;
  }

  #setOver(overlay: Overlay<Key, Value>, key: Key, value: Value): void {
    const { changed, added } = overlay;
    if (added.has(key)) added.set(key, value);
    else if (!isThere(key, this.#base, overlay)) {
      added.set(key, value);
      this.#size++;
      if (!overlay.isFrozen) overlay.arrived++;
    } else if (overlay.isFrozen || changed.has(key)) changed.set(key, value);
    else this.#base.set(key, value);
  }

  #deleteOver(overlay: Overlay<Key, Value>, key: Key): boolean {
    if (overlay.added.delete(key)) return true;
    if (!isThere(key, this.#base, overlay)) return false;
    if (!overlay.isFrozen && !overlay.changed.has(key)) return this.#base.delete(key);
    overlay.changed.set(key, DELETED);
    return true;
  }

  /** As a `Map` does it, also when the map changes meanwhile, or is cleared. */
  *#layeredEntries(): Generator<[Key, Value], undefined> {
    let base: Map<Key, Value>;
    do {
      base = this.#base;
      const overlay = this.#overlay;
      for (const [key, value] of base) {
        const now = overlay?.changed.has(key) ? overlay.changed.get(key)! : value;
        if (now !== DELETED) yield [key, now];
        if (this.#base !== base) break;
      }
      for (const entry of overlay?.added ?? []) {
        if (this.#base !== base) break;
        yield entry;
      }
    } while (this.#base !== base);
    return undefined;
  }

  /** Whether the base is all there is again. First come the places that stay or become free, then the new ones at the end. */
  #settle(overlay: Overlay<Key, Value>, steps: number): boolean {
    if (overlay.isFrozen) return false;
    const { changed, added } = overlay;
    overlay.restOfChanged ??= changed.entries();
    overlay.restOfAdded ??= added.entries();
    let stepsLeft = steps + 2 * overlay.arrived;
    overlay.arrived = 0;
    for (; stepsLeft > 0; stepsLeft--) {
      const next = overlay.restOfChanged.next();
      if (next.done) break;
      const [key, value] = next.value;
      changed.delete(key);
      if (value === DELETED) this.#base.delete(key);
      else this.#base.set(key, value);
    }
    for (; stepsLeft > 0; stepsLeft--) {
      const next = overlay.restOfAdded.next();
      if (next.done) {
        this.#overlay = null;
        return true;
      }
      const [key, value] = next.value;
      added.delete(key);
      this.#base.set(key, value);
    }
    return false;
  }
}

interface Hooks {
  closed(): void;
  settle(steps: number): boolean;
}

/** The entries of a SnapshotMap at one moment: an iterator, with `map`, `filter` and the like, to be used once. */
export class FrozenEntries<Key, Value> extends Iterator<readonly [Key, Value], undefined> implements FrozenView {
  /** null: it is closed. */
  #frozen: ReadonlyMap<Key, Value> | null;
  readonly #entries: Iterator<readonly [Key, Value], undefined>;
  readonly #hooks: Hooks;
  #isAtEnd = false;

  constructor(frozen: ReadonlyMap<Key, Value>, hooks: Hooks) {
    super();
    this.#frozen = frozen;
    this.#entries = frozen.entries();
    this.#hooks = hooks;
  }

  /** What the key was set to, for those who have an order of their own. Throws once it is closed. */
  get(key: Key): Value | undefined {
    if (this.#frozen === null) throw closed();
    return this.#frozen.get(key);
  }

  /** Throws once it was closed before the end. */
  override next(): IteratorResult<readonly [Key, Value], undefined> {
    if (this.#isAtEnd) return end;
    if (this.#frozen === null) throw closed();
    const next = this.#entries.next();
    if (next.done !== true) return next;
    this.#isAtEnd = true;
    this.close();
    return end;
  }

  override return(): IteratorResult<readonly [Key, Value], undefined> {
    this.close();
    return end;
  }

  close(): void {
    if (this.#frozen === null) return;
    this.#frozen = null;
    this.#hooks.closed();
  }

  settle(steps: number): boolean {
    return this.#hooks.settle(steps);
  }
}

const closed = (): Error => new Error("this snapshot of a SnapshotMap is closed");

const end = Object.freeze({ done: true, value: undefined }) satisfies IteratorResult<never, undefined>;

function emptyOverlay<Key, Value>(): Overlay<Key, Value> {
  const maps = { changed: new Map<Key, Value | typeof DELETED>(), added: new Map<Key, Value>() };
  return { ...maps, isFrozen: true, arrived: 0, restOfChanged: null, restOfAdded: null };
}

function isThere<Key, Value>(
  key: Key,
  base: ReadonlyMap<Key, Value>,
  { changed, added }: Overlay<Key, Value>,
): boolean {
  if (added.has(key)) return true;
  return changed.has(key) ? changed.get(key) !== DELETED : base.has(key);
}

function deepFrozen<Value>(value: Value): Value {
  if (typeof value !== "object" || value === null || Object.isFrozen(value) || !isPlain(value)) return value;
  Object.freeze(value);
  for (const part of Object.values(value)) deepFrozen(part);
  return value;
}

/** Whether it is what CBOR has arrays and maps for. Bytes cannot be frozen, and instances of classes are not sent. */
function isPlain(value: object): boolean {
  if (Array.isArray(value)) return true;
  const prototype: unknown = Object.getPrototypeOf(value);
  return prototype === Object.prototype || prototype === null;
}
