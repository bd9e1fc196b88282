// Time that a test moves. Nothing happens by itself: timers fire in `advance`, what was asked for soon in `runSoon`.
import type { Millis } from "../../src/core/log-position.ts";
import type { Clock, Timer } from "../../src/ports/clock.ts";

interface PendingTimer {
  readonly atMs: Millis;
  /** Order of setting, which decides between timers of one moment. */
  readonly serial: number;
  readonly callback: () => void;
}

export interface ManualClockOptions {
  /** Default 0. */
  readonly startMs?: Millis;
  /** Wall clock at the start, ms since 1970. Default 2026-01-01T00:00:00Z. It moves with `advance`. */
  readonly wallStartMs?: number;
  /** Default 1. Equal seeds give equal `randomBytes`. */
  readonly seed?: number;
}

export class ManualClock implements Clock {
  #nowMs: Millis;
  #randomState: number;
  #serial = 0;
  readonly #wallOffsetMs: number;
  readonly #timers = new Set<PendingTimer>();
  #soon: (() => void)[] = [];

  constructor(options: ManualClockOptions = {}) {
    this.#nowMs = options.startMs ?? 0;
    this.#wallOffsetMs = (options.wallStartMs ?? Date.UTC(2026, 0, 1)) - this.#nowMs;
    this.#randomState = (options.seed ?? 1) >>> 0;
  }

  nowMs(): Millis {
    return this.#nowMs;
  }

  wallMs(): number {
    return this.#wallOffsetMs + this.#nowMs;
  }

  at(atMs: Millis, callback: () => void): Timer {
    const timer: PendingTimer = { atMs, serial: this.#serial++, callback };
    this.#timers.add(timer);
    return { cancel: () => void this.#timers.delete(timer) };
  }

  soon(callback: () => void): void {
    this.#soon.push(callback);
  }

  /** Not unpredictable at all: a small generator (mulberry32), so that a test can be repeated. */
  randomBytes(count: number): Uint8Array {
    return Uint8Array.from({ length: count }, () => this.#nextRandom() & 0xff);
  }

  /** How many timers are set and have neither fired nor been cancelled. */
  get pendingTimers(): number {
    return this.#timers.size;
  }

  /**
   * Runs what was asked for soon, then the timers that fall due, in the order of their moments, the clock showing each
   * one's moment (or now, when that lies in the past), and after each what was asked for soon. Timers set on the way
   * fire too when they fall due.
   */
  advance(byMs: Millis): void {
    const untilMs = this.#nowMs + byMs;
    this.runSoon();
    for (let next = this.#nextDue(untilMs); next !== null; next = this.#nextDue(untilMs)) {
      this.#timers.delete(next);
      this.#nowMs = Math.max(this.#nowMs, next.atMs);
      next.callback();
      this.runSoon();
    }
    this.#nowMs = untilMs;
  }

  /** Moves time without firing anything: a process that was stopped for a while, before its timers run. */
  stall(byMs: Millis): void {
    this.#nowMs += byMs;
  }

  /** Runs what was asked for soon, in order, until nothing is left. */
  runSoon(): void {
    while (this.#soon.length > 0) {
      const callbacks = this.#soon;
      this.#soon = [];
      for (const callback of callbacks) callback();
    }
  }

  #nextDue(untilMs: Millis): PendingTimer | null {
    let first: PendingTimer | null = null;
    for (const timer of this.#timers) {
      if (timer.atMs > untilMs) continue;
      const isEarlier =
        first === null || timer.atMs < first.atMs || (timer.atMs === first.atMs && timer.serial < first.serial);
      if (isEarlier) first = timer;
    }
    return first;
  }

  #nextRandom(): number {
    this.#randomState = (this.#randomState + 0x6d2b79f5) >>> 0;
    let mixed = this.#randomState;
    mixed = Math.imul(mixed ^ (mixed >>> 15), mixed | 1);
    mixed ^= mixed + Math.imul(mixed ^ (mixed >>> 7), mixed | 61);
    return (mixed ^ (mixed >>> 14)) >>> 0;
  }
}
