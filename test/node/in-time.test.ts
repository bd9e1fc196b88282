// A promise that may never resolve is waited for so long, and nothing of the wait is left behind.
import { expect, test } from "bun:test";
import { inTime } from "../../src/node/in-time.ts";
import { ManualClock } from "../doubles/manual-clock.ts";
import { afterMicrotasks } from "./cluster.ts";

async function setUp() {
  const clock = new ManualClock({ startMs: 5_000 });
  const waited = Promise.withResolvers<unknown>();
  const seen: unknown[] = [];
  inTime(waited.promise, clock, 100).then(
    (isInTime) => void seen.push(isInTime),
    (error: unknown) => void seen.push(error),
  );
  const after = async (ms: number) => {
    clock.advance(ms);
    await afterMicrotasks();
    return seen;
  };
  expect([await after(0), clock.pendingTimers]).toEqual([[], 1]);
  return { clock, waited, after };
}

test("what resolves before the time is up is in time, whatever it resolves with", async () => {
  const { clock, waited, after } = await setUp();
  expect(await after(99)).toEqual([]);
  waited.resolve(false);
  expect(await after(0)).toEqual([true]);
  expect(clock.pendingTimers).toBe(0);
});

test("what has not resolved by then is not, and what becomes of it later is not heard", async () => {
  for (const later of ["resolve", "reject"] as const) {
    const { clock, waited, after } = await setUp();
    expect(await after(99)).toEqual([]);
    expect(await after(1)).toEqual([false]);
    waited[later](new Error("too late"));
    expect(await after(1)).toEqual([false]);
    expect(clock.pendingTimers).toBe(0);
  }
});

test("a rejection in that time is one of the wait", async () => {
  const { clock, waited, after } = await setUp();
  const error = new Error("gone");
  waited.reject(error);
  expect(await after(0)).toEqual([error]);
  expect(clock.pendingTimers).toBe(0);
});
