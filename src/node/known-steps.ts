// Which outcome of a copy was the first that differs from another copy's? The steps of the rolling hash tell: this node remembers its own, as far as
// they follow one another, and compares them with those of another node.
import { type OutcomeSteps, outcomeStepsMax } from "../core/copy-word.ts";
import type { LogIndex } from "../core/log-position.ts";

/** Values that are remembered: the latest ones. 256 KiB. */
const rememberedMax = 65_536;

export class KnownSteps {
  readonly #places: number;
  readonly #values: Uint32Array;
  #from: LogIndex = 1;
  /** Less than `from`: nothing is known. */
  #through: LogIndex = 0;

  /** @param max of values, and no more than 65,536 */
  constructor(max: number) {
    this.#places = Math.min(max, rememberedMax);
    this.#values = new Uint32Array(this.#places);
  }

  /** Another state begins. */
  forget(): void {
    this.#from = 1;
    this.#through = 0;
  }

  /** Those of the next milestone. */
  add({ from, values }: OutcomeSteps): void {
    if (from !== this.#through + 1) this.#from = from;
    for (const [nth, value] of values.entries()) this.#values[(from + nth) % this.#places] = value;
    this.#through = from + values.length - 1;
    this.#from = Math.max(this.#from, this.#through - this.#places + 1);
  }

  /** Those that are known of the entries behind `after` and through `through`: the first ones, up to `outcomeStepsMax`. */
  within(after: LogIndex, through: LogIndex): OutcomeSteps {
    const from = Math.max(after + 1, this.#from);
    const count = Math.min(Math.min(through, this.#through) - from + 1, outcomeStepsMax);
    return {
      from,
      values: Uint32Array.from({ length: Math.max(count, 0) }, (_, nth) => this.#values[(from + nth) % this.#places]!),
    };
  }
}

/**
 * The first entry whose outcome is another one. Null: it is not among these, or may lie before them.
 * @param after where both were alike
 */
export function firstDifference(mine: OutcomeSteps, theirs: OutcomeSteps, after: LogIndex): LogIndex | null {
  const from = Math.max(mine.from, theirs.from);
  const end = Math.min(mine.from + mine.values.length, theirs.from + theirs.values.length);
  for (let index = from; index < end; index++) {
    if (mine.values[index - mine.from] === theirs.values[index - theirs.from]) continue;
    return index > from || from === after + 1 ? index : null;
  }
  return null;
}
