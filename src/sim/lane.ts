// One direction of a connection. What it carries arrives late and in order. While the direction is cut it holds what arrives, as TCP does.
import type { Schedule } from "./schedule.ts";

export interface LaneOptions {
  readonly schedule: Schedule;
  readonly delayMs: () => number;
  /** Whether nothing of it arrives at present. */
  readonly isCut: () => boolean;
  /** It holds something, and before that it held nothing. */
  readonly onHeld: (lane: Lane) => void;
}

export class Lane {
  readonly #options: LaneOptions;
  /** Nothing of it arrives before. */
  clearMs = 0;
  /** The oldest first: whatever arrives is the first of these. */
  readonly #underWay: (() => void)[] = [];
  #held = 0;

  constructor(options: LaneOptions) {
    this.#options = options;
  }

  /** How many are under way, those included that it holds. */
  get count(): number {
    return this.#underWay.length;
  }

  /** How many have arrived where it is cut. */
  get held(): number {
    return this.#held;
  }

  carry(arrived: () => void, delayMs = this.#options.delayMs()): void {
    this.#underWay.push(arrived);
    this.#arriveIn(delayMs);
  }

  /** What it holds goes on. */
  release(): void {
    const held = this.#held;
    this.#held = 0;
    for (let nth = 0; nth < held; nth++) this.#arriveIn(this.#options.delayMs());
  }

  #arriveIn(delayMs: number): void {
    const { schedule, isCut, onHeld } = this.#options;
    this.clearMs = Math.max(this.clearMs, schedule.nowMs + delayMs);
    schedule.at(this.clearMs, () => {
      if (!isCut() && this.#held === 0) return this.#underWay.shift()!();
      if (++this.#held === 1) onHeld(this);
    });
  }
}
