// Does an answer reach as far as it must? Everything that some node knew to be committed before a read began is in its answer (§6.4).
// That is more than what its client has seen, so a read at a deposed leader is found though nobody has written the same key. And a
// node that vouches for the age of its state has everything that was committed then.
import type { LogIndex } from "../core/log-position.ts";
import type { State } from "../core/state.ts";
import type { Node } from "../node/node.ts";
import type { Member } from "./member.ts";
import type { Schedule } from "./schedule.ts";

interface Known {
  readonly atMs: number;
  readonly index: LogIndex;
}

/** Going from one clock to another rounds. */
const roundingMs = 0.01;

export class HowFar {
  readonly #schedule: Schedule;
  readonly #broken: (what: string) => void;
  /** Since when so much was known to be committed. */
  readonly #known: Known[] = [{ atMs: Number.NEGATIVE_INFINITY, index: 0 }];
  readonly #seen = new WeakMap<Node, State["freshness"]>();

  constructor(schedule: Schedule, broken: (what: string) => void) {
    this.#schedule = schedule;
    this.#broken = broken;
  }

  /** After each event. */
  look({ node, life }: Member): void {
    if (node === null || life === null) return;
    const { commitIndex, freshness, self } = node.state;
    if (commitIndex > this.#known.at(-1)!.index) this.#known.push({ atMs: this.#schedule.nowMs, index: commitIndex });
    if (this.#seen.get(node) === freshness) return;
    this.#seen.set(node, freshness);
    for (const fresh of [freshness.reached, freshness.next]) {
      if (fresh === null) continue;
      const { atMs, index } = this.#before(life.worldMs(fresh.asOfMs) - roundingMs);
      if (fresh.index < index)
        this.#broken(
          `${self} takes a state as of ${fresh.index} for fresh, and ${index} was committed since ${atMs} ms`,
        );
    }
  }

  /** The answer to a read that began at this time is from a state that reaches at least to `index`. */
  answered(beganMs: number, index: LogIndex): void {
    const known = this.#before(beganMs);
    if (index < known.index)
      this.#broken(`a read was answered as of ${index}, and ${known.index} was committed before it began`);
  }

  #before(atMs: number): Known {
    return this.#known.findLast((known) => known.atMs < atMs) ?? this.#known[0]!;
  }
}
