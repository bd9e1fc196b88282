// Makes pieces of bytes of what a plugin's `snapshot` returned, and refuses what would change while it is read.
import { isPromise } from "./handlers.ts";

/** What these are called when they are told apart from what is frozen: they show the living state, or hold a place in it. */
const ALIVE: ReadonlySet<string> = new Set([
  "Map",
  "Set",
  "SnapshotMap",
  "Map Iterator",
  "Set Iterator",
  "Array Iterator",
]);

/**
 * The pieces, in order, each good until the next one is asked for: `encode` may use its memory again. An array is encoded at
 * once, whatever it holds: nothing of the state is referred to afterwards.
 * Throws `TypeError` for what cannot be a snapshot; what `encode` throws, and the iteration.
 */
export function frozenPieces(returned: unknown, encode: (item: unknown) => Uint8Array): Iterator<Uint8Array, unknown> {
  if (Array.isArray(returned)) return Array.from(returned, (item) => encode(item).slice()).values();
  if (isPromise(returned)) throw new TypeError("snapshot returned a Promise: the state must be frozen when it returns");
  const kind = Object.prototype.toString.call(returned).slice("[object ".length, -1);
  if (ALIVE.has(kind)) {
    throw new TypeError(
      `snapshot returned a ${kind}, which changes with the state: return an array, or the snapshot() of a SnapshotMap`,
    );
  }
  if (!isIterable(returned)) throw new TypeError(`snapshot returned a ${kind}, and nothing to iterate`);
  return new Pieces(returned[Symbol.iterator](), encode);
}

class Pieces implements Iterator<Uint8Array, unknown> {
  readonly #items: Iterator<unknown>;
  readonly #encode: (item: unknown) => Uint8Array;
  /** As everywhere: an iterator that came to its end, or threw, is not told to return. */
  #isOver = false;

  constructor(items: Iterator<unknown>, encode: (item: unknown) => Uint8Array) {
    this.#items = items;
    this.#encode = encode;
  }

  next(): IteratorResult<Uint8Array, unknown> {
    const wasOver = this.#isOver;
    this.#isOver = true;
    const next = this.#items.next();
    if (next.done === true) return next;
    this.#isOver = wasOver;
    return { done: false, value: this.#encode(next.value) };
  }

  return(): IteratorResult<Uint8Array, unknown> {
    if (!this.#isOver) this.#items.return?.();
    this.#isOver = true;
    return { done: true, value: undefined };
  }
}

function isIterable(value: unknown): value is Iterable<unknown> {
  return (
    typeof value === "object" &&
    value !== null &&
    Symbol.iterator in value &&
    typeof value[Symbol.iterator] === "function"
  );
}
