// What a command is given besides the state and its input. Nothing here comes from this machine: the generator is seeded
// from the command's place in the log, so that every node and every replay draws the same numbers.
import { stampMsMax } from "../../core/entry.ts";
import type { WakeTime } from "../../core/wake-time.ts";
import type { AppliedEntry } from "../../ports/state-machine.ts";
import type { ApplyContext } from "./api.ts";

const TWO_TO_32 = 2 ** 32;
const TWO_TO_53 = 2 ** 53;
const WARM_UP_ROUNDS = 15;
/** `due` draws other numbers than the command before which it runs. */
const DUE_SALT = 0x9e3779b9;

/** For what runs: a command, or `due` before an entry. */
export type Runs = "command" | "due";

/** `random()` costs nothing until it is called: most commands never do. */
export class CommandContext implements ApplyContext {
  readonly index: number;
  readonly term: number;
  readonly timeMs: number;
  #generator: (() => number) | null = null;
  readonly #runs: Runs;
  readonly #hasDue: boolean;
  #asked: WakeTime = null;
  #isOver = false;

  /** @param hasDue whether the plugin can be woken */
  constructor({ index, term, timeMs }: Pick<AppliedEntry, "index" | "term" | "timeMs">, runs: Runs, hasDue: boolean) {
    this.index = index;
    this.term = term;
    this.timeMs = timeMs;
    this.#runs = runs;
    this.#hasDue = hasDue;
  }

  /** Time never reaches what lies beyond its end. */
  wakeAt(timeMs: number): void {
    if (this.#isOver)
      throw new TypeError("ctx.wakeAt was called when its handler had returned: use the ctx of each call");
    if (!this.#hasDue) throw new TypeError("ctx.wakeAt was called, and the state machine has no function due to call");
    if (typeof timeMs !== "number" || Number.isNaN(timeMs)) {
      throw new TypeError(`ctx.wakeAt takes a replicated time, ms since 1970, and was given ${String(timeMs)}`);
    }
    const atMs = Math.max(Math.ceil(timeMs), this.timeMs + 1);
    if (atMs <= stampMsMax) this.#asked = earlierOf(this.#asked, atMs);
  }

  /** The handler is over. Returns the earliest time that it has asked for. */
  end(): WakeTime {
    this.#isOver = true;
    return this.#asked;
  }

  random(): number {
    this.#generator ??= seededGenerator(this.index, this.term, this.#runs === "due" ? DUE_SALT : 0);
    const high = this.#generator() >>> 5;
    const low = this.#generator() >>> 6;
    return (high * 2 ** 26 + low) / TWO_TO_53;
  }
}

/** Null is never. */
export const earlierOf = (one: WakeTime, other: WakeTime): WakeTime =>
  one === null || other === null ? (one ?? other) : Math.min(one, other);

/** sfc32 (Doty-Humphrey): 32 random bits a call, from 128 bits of state. Changing it changes every plugin's states. */
function seededGenerator(index: number, term: number, salt: number): () => number {
  let a = index >>> 0;
  let b = Math.floor(index / TWO_TO_32) >>> 0;
  let c = term >>> 0;
  let counter = (Math.floor(term / TWO_TO_32) + 1 + salt) | 0;
  const next = (): number => {
    const sum = (a + b + counter) | 0;
    counter = (counter + 1) | 0;
    a = b ^ (b >>> 9);
    b = (c + (c << 3)) | 0;
    c = ((c << 21) | (c >>> 11)) + sum;
    return sum >>> 0;
  };
  for (let round = 0; round < WARM_UP_ROUNDS; round++) next();
  return next;
}
