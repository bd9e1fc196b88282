// The only sources of time and chance. The core gets both as data.
import type { Millis } from "../core/log-position.ts";

export interface Timer {
  cancel(): void;
}

export interface Clock {
  /** Monotonic: never goes back, goes on while the process is stopped. Whether it counts the machine's sleep is the platform's matter. */
  nowMs(): Millis;
  /** Wall clock, ms since 1970. Used once in a cluster's life, at genesis, and for log lines. */
  wallMs(): number;
  /** Calls back once, not before `atMs` of `nowMs`'s scale. */
  at(atMs: Millis, callback: () => void): Timer;
  /** Calls back once, after the input and output that is ready now has been handled. */
  soon(callback: () => void): void;
  /** Bytes nobody can predict. */
  randomBytes(count: number): Uint8Array;
}
