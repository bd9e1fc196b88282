// What time is it, and when is it time? The platform's clocks, timers and source of chance behind the Clock port.
import { randomBytes } from "node:crypto";
import type { Millis } from "../../core/log-position.ts";
import type { Clock, Timer } from "../../ports/clock.ts";

/** The platform's timers hold a signed 32-bit number of milliseconds, and fire at once beyond that. */
const DELAY_MAX_MS = 2 ** 31 - 1;

/**
 * The clock of a real node. `nowMs` counts from the start of the process. It goes on while the process is stopped;
 * whether it counts the sleep of the whole machine is the platform's to say (Linux: not).
 */
export const systemClock: Clock = {
  nowMs: () => performance.now(),
  wallMs: () => Date.now(),
  at: (atMs, callback) => new SystemTimer(atMs, callback),
  soon,
  randomBytes: (count) => new Uint8Array(randomBytes(count)),
};

/**
 * An immediate set by a timer, a worker's message or a finished file operation runs before the sockets are looked at;
 * one set by an immediate runs after. Hence two, at a microsecond each.
 */
function soon(callback: () => void): void {
  setImmediate(() => setImmediate(callback));
}

/** The platform's timers may be up to a millisecond early, a core's deadline may not: looked at again when it fires. */
class SystemTimer implements Timer {
  readonly #atMs: Millis;
  readonly #callback: () => void;
  #handle: ReturnType<typeof setTimeout>;

  constructor(atMs: Millis, callback: () => void) {
    this.#atMs = atMs;
    this.#callback = callback;
    this.#handle = this.#arm();
  }

  cancel(): void {
    clearTimeout(this.#handle);
  }

  #arm(): ReturnType<typeof setTimeout> {
    const delayMs = Math.ceil(this.#atMs - performance.now());
    return setTimeout(() => this.#fire(), Math.min(Math.max(delayMs, 0), DELAY_MAX_MS));
  }

  #fire(): void {
    if (performance.now() < this.#atMs) this.#handle = this.#arm();
    else this.#callback();
  }
}
