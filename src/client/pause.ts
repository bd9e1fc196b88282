// How long does a client wait before it tries again? Longer after each failure, and never all clients at the same moment.
import type { Clock } from "../ports/clock.ts";

interface Bounds {
  readonly minMs: number;
  readonly maxMs: number;
}

/** After so many failures in a row: between a half of it and all of it, by chance. */
export function backoffMs({ minMs, maxMs }: Bounds, failures: number, clock: Clock): number {
  const [chance = 0] = clock.randomBytes(1);
  return Math.min(maxMs, minMs * 2 ** Math.min(failures, 10)) * (0.5 + chance / 512);
}

export const pause = (clock: Clock, ms: number): Promise<void> =>
  new Promise((resolve) => void clock.at(clock.nowMs() + ms, resolve));
