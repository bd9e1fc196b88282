// How long is something waited for that may never come?
import type { Millis } from "../core/log-position.ts";
import type { Clock } from "../ports/clock.ts";

/** Whether `promise` has resolved within `limitMs`. Rejects when it does in that time. */
export async function inTime(promise: Promise<unknown>, clock: Clock, limitMs: Millis): Promise<boolean> {
  const { promise: timeIsUp, resolve } = Promise.withResolvers<boolean>();
  const timer = clock.at(clock.nowMs() + limitMs, () => resolve(false));
  try {
    return await Promise.race([promise.then(() => true), timeIsUp]);
  } finally {
    timer.cancel();
  }
}
