// What is the state machine's thread busy with? While it is, it answers no message. So it notes that in memory which the node's
// thread reads at any time.
import type { LogIndex, Term } from "../../core/log-position.ts";
import type { BusyWith } from "../../ports/state-machine.ts";

const COUNT = 0;
const KIND = 1;
/** Of the latest entry. */
const INDEX = 2;
const TERM = 3;
const NTH = 4;
const PLACES = 5;

const IDLE = 0;
const ENTRY = 1;
const QUERY = 2;
const SNAPSHOT = 3;
const COMMIT = 4;

export class Progress {
  readonly shared: SharedArrayBuffer;
  readonly #places: Float64Array;

  constructor(shared = new SharedArrayBuffer(PLACES * Float64Array.BYTES_PER_ELEMENT)) {
    this.shared = shared;
    this.#places = new Float64Array(shared);
  }

  /** Null: with nothing. */
  get busyWith(): BusyWith | null {
    const { count, kind, index, term, nth } = this.#noted;
    if (kind === ENTRY) return { kind: "entry", count, index, term };
    if (kind === SNAPSHOT) return { kind: "snapshot", count };
    if (kind === COMMIT) return { kind: "commit", count };
    return kind === QUERY ? { kind: "query", count, nth } : null;
  }

  /** The entry that is being applied; null: none. */
  get entry(): LogIndex | null {
    const { kind, index } = this.#noted;
    return kind === ENTRY ? index : null;
  }

  /** For people: between which entries something has happened outside of them, or in which one. */
  get moment(): string {
    const { kind, index, term } = this.#noted;
    const entry = `entry ${index} (term ${term})`;
    if (kind === ENTRY) return `while it applied ${entry}`;
    const before = index === 0 ? "before its first entry" : `after ${entry}`;
    if (kind === SNAPSHOT) return `while it took or restored a snapshot, ${before}`;
    if (kind === COMMIT) return `while it made its state durable, ${before}`;
    return kind === QUERY ? `while it answered a query, ${before}` : before;
  }

  get #noted() {
    const places = this.#places as unknown as readonly [number, number, number, number, number];
    const [count, kind, index, term, nth] = places;
    return { count, kind, index, term, nth };
  }

  beginEntry(index: LogIndex, term: Term): void {
    this.#places[INDEX] = index;
    this.#places[TERM] = term;
    this.#begin(ENTRY);
  }

  /** @param nth of its slice */
  beginQuery(nth: number): void {
    this.#places[NTH] = nth;
    this.#begin(QUERY);
  }

  beginSnapshot(): void {
    this.#begin(SNAPSHOT);
  }

  /** Of a state on disk: no entry is to blame for what goes wrong with it. */
  beginCommit(): void {
    this.#begin(COMMIT);
  }

  end(): void {
    this.#places[KIND] = IDLE;
  }

  #begin(kind: number): void {
    this.#places[KIND] = kind;
    this.#places[COUNT]! += 1;
  }
}

/** A promise or timer of the plugin has failed. It is not known which entry or query started it. */
export const outsideOfApply = ({ moment }: Progress): string => `failed outside of apply, ${moment}`;
