// One life of a simulated process: its clock, and the gate through which everything comes that happens to it. After its end nothing
// comes through any more. While it sleeps everything waits, in order.
import type { Millis } from "../core/log-position.ts";
import type { Clock, Timer } from "../ports/clock.ts";
import type { Chance } from "./chance.ts";
import { NodeClock } from "./process-clock.ts";
import type { Schedule } from "./schedule.ts";

/** Wall clocks begin about here, ms since 1970. */
const wallStartMs = 1.7e12;
const wallSpreadMs = 1000;

/** The right time, ms since 1970. */
export const wallAt = (worldMs: number): number => wallStartMs + worldMs;

export class Life implements Clock {
  readonly #schedule: Schedule;
  readonly #chance: Chance;
  readonly #clock: NodeClock;
  readonly #wallOffsetMs: number;
  readonly #waiting: (() => void)[] = [];
  /** By how much the wall clock has jumped, ms. */
  wallErrorMs = 0;
  #isOver = false;
  #isAsleep = false;

  constructor(schedule: Schedule, chance: Chance) {
    this.#schedule = schedule;
    this.#chance = chance;
    this.#clock = new NodeClock(chance, schedule.nowMs);
    this.#wallOffsetMs = wallStartMs + chance.between(-wallSpreadMs, wallSpreadMs) + schedule.nowMs - this.nowMs();
  }

  get isOver(): boolean {
    return this.#isOver;
  }

  get isAsleep(): boolean {
    return this.#isAsleep;
  }

  end(): void {
    this.#isOver = true;
    this.#waiting.length = 0;
  }

  sleep(): void {
    this.#isAsleep = true;
  }

  wake(): void {
    if (!this.#isAsleep) return;
    this.#isAsleep = false;
    for (const action of this.#waiting.splice(0)) this.after(0, action);
  }

  /** Happens to the process now, when it wakes, or never. */
  run(action: () => void): void {
    if (this.#isOver) return;
    if (this.#isAsleep) this.#waiting.push(action);
    else action();
  }

  /** In `delayMs` of the world's time. */
  after(delayMs: number, action: () => void): void {
    this.#schedule.after(delayMs, () => this.run(action));
  }

  nowMs(): Millis {
    return this.#clock.localMs(this.#schedule.nowMs);
  }

  /** Of the world, when this clock shows `atMs`. */
  worldMs(atMs: Millis): number {
    return this.#clock.worldMs(atMs);
  }

  wallMs(): number {
    return this.#wallOffsetMs + this.wallErrorMs + this.nowMs();
  }

  at(atMs: Millis, callback: () => void): Timer {
    let isSet = true;
    // A moment later than asked for: the way to the world's time and back may end a little before it.
    this.#schedule.at(this.#clock.worldMs(atMs) + 1e-3, () => {
      if (isSet) this.run(() => isSet && callback());
    });
    return { cancel: () => void (isSet = false) };
  }

  soon(callback: () => void): void {
    this.after(0, callback);
  }

  randomBytes(count: number): Uint8Array {
    return Uint8Array.from({ length: count }, () => this.#chance.below(256));
  }
}
