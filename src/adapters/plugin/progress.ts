// What is the state machine's thread busy with? While it is, it answers no message. So it notes that in memory which the node's
// thread reads at any time.
import type { LogIndex, Term } from "../../core/log-position.ts";
import type { BusyWith } from "../../ports/state-machine.ts";

const COUNT = 0;
const KIND = 1;
const INDEX = 2;
const TERM = 3;
const PLACES = 4;

const IDLE = 0;
const ENTRY = 1;
const QUERY = 2;

export class Progress {
  readonly shared: SharedArrayBuffer;
  readonly #places: Float64Array;

  constructor(shared = new SharedArrayBuffer(PLACES * Float64Array.BYTES_PER_ELEMENT)) {
    this.shared = shared;
    this.#places = new Float64Array(shared);
  }

  /** Null: with nothing. */
  get busyWith(): BusyWith | null {
    const [count, kind, index, term] = this.#places as unknown as readonly [number, number, number, number];
    if (kind === ENTRY) return { kind: "entry", count, index, term };
    return kind === QUERY ? { kind: "query", count, nth: index } : null;
  }

  beginEntry(index: LogIndex, term: Term): void {
    this.#begin(ENTRY, index, term);
  }

  /** @param nth of its slice */
  beginQuery(nth: number): void {
    this.#begin(QUERY, nth, 0);
  }

  end(): void {
    this.#places[KIND] = IDLE;
  }

  #begin(kind: number, index: number, term: number): void {
    const places = this.#places;
    places[INDEX] = index;
    places[TERM] = term;
    places[KIND] = kind;
    places[COUNT]! += 1;
  }
}
