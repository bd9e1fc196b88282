// One timer for all deadlines of a client: each look has its turn in each sweep, and the timer is there only while something waits.
import { expect, test } from "bun:test";
import { Sweep } from "../../src/client/sweep.ts";
import { ManualClock } from "../doubles/manual-clock.ts";

/** Two looks. Those named in `waits` still wait; `seen` tells which looked, in order. */
function setUp() {
  const clock = new ManualClock();
  const sweep = new Sweep(clock);
  const waits = new Set<string>();
  const seen: string[] = [];
  for (const name of ["first", "second"]) {
    sweep.add(() => {
      seen.push(name);
      return waits.has(name);
    });
  }
  return { clock, sweep, waits, seen };
}

test("every look has its turn, whatever the ones before it still wait for", () => {
  for (const waiting of [["first"], ["second"], ["first", "second"]]) {
    const { clock, sweep, waits, seen } = setUp();
    for (const name of waiting) waits.add(name);
    sweep.begin();
    clock.advance(50);
    clock.advance(50);
    expect(seen).toEqual(["first", "second", "first", "second"]);
    sweep.stop();
    expect(clock.pendingTimers).toBe(0);
  }
});

test("the sweeps end when nothing waits any more, and begin again when asked", () => {
  const { clock, sweep, waits, seen } = setUp();
  waits.add("second");
  sweep.begin();
  sweep.begin();
  expect(clock.pendingTimers).toBe(1);
  clock.advance(50);
  waits.clear();
  clock.advance(50);
  expect(clock.pendingTimers).toBe(0);
  const before = seen.length;
  clock.advance(1_000);
  expect(seen.length).toBe(before);
  sweep.begin();
  clock.advance(50);
  expect(seen.length).toBe(before + 2);
});

test("a sweep that was stopped begins again when asked", () => {
  const { clock, sweep, seen } = setUp();
  sweep.begin();
  sweep.stop();
  expect(clock.pendingTimers).toBe(0);
  sweep.begin();
  clock.advance(50);
  expect(seen).toEqual(["first", "second"]);
});
