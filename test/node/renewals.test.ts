// After what pause does a state machine that has stopped begin anew, and when is it left as it is?
import { expect, test } from "bun:test";
import { Renewals, renewalsMax } from "../../src/node/renewals.ts";
import { ManualClock } from "../doubles/manual-clock.ts";

function setUp() {
  const clock = new ManualClock();
  const begunAtMs: number[] = [];
  const renewals = new Renewals(clock, () => void begunAtMs.push(clock.nowMs()));
  const startMs = clock.nowMs();
  /** It stops, and begins anew: how long that takes. */
  const pauseMs = (): number | null => {
    const sinceMs = clock.nowMs();
    const before = begunAtMs.length;
    renewals.stopped();
    while (begunAtMs.length === before && clock.nowMs() - sinceMs < 60_000) clock.advance(50);
    return begunAtMs.length === before ? null : begunAtMs.at(-1)! - sinceMs;
  };
  return { clock, renewals, pauseMs, begunAtMs, startMs };
}

test("the pause doubles from 100 ms up to ten seconds, and the last attempt fails for good", () => {
  const { renewals, pauseMs } = setUp();
  const pauses = Array.from({ length: renewalsMax }, pauseMs);
  expect(pauses).toEqual([100, 200, 400, 800, 1_600, 3_200, 6_400, 10_000, 10_000, 10_000]);
  expect(renewals.words).toBe("it is restored by itself, in attempt 10 of 10");
  expect(pauseMs()).toBeNull();
  expect(renewals.words).toBe("10 attempts to restore it have failed: correct its code and restart the node");
});

test("one that gets past the place has all attempts again, and the short pause once it has run for ten seconds", () => {
  const { clock, renewals, pauseMs } = setUp();
  for (let nth = 0; nth < 3; nth++) pauseMs();
  renewals.passed();
  clock.advance(9_000);
  expect(pauseMs()).toBe(800);
  expect(renewals.words).toBe("it is restored by itself, in attempt 1 of 10");
  renewals.passed();
  clock.advance(10_000);
  expect(pauseMs()).toBe(100);
});

test("a stop that is told twice is one, and nothing begins once it is cancelled", () => {
  const { clock, renewals, begunAtMs } = setUp();
  renewals.stopped();
  renewals.stopped();
  expect(renewals.words).toBe("it is restored by itself, in attempt 1 of 10");
  renewals.cancel();
  clock.advance(60_000);
  expect([begunAtMs, clock.pendingTimers]).toEqual([[], 0]);
});

test("while the disk is nearly full, no attempt counts and it is tried until there is room", () => {
  const { clock, renewals, begunAtMs } = setUp();
  for (let nth = 0; nth < 2 * renewalsMax; nth++) {
    renewals.stopped(false);
    expect(renewals.words).toBe("it is restored by itself, again and again until there is more room on the disk");
    clock.advance(10_000);
  }
  expect([begunAtMs.length, renewals.isRepeated]).toEqual([2 * renewalsMax, false]);
  renewals.stopped();
  expect(renewals.words).toBe("it is restored by itself, in attempt 1 of 10");
});
