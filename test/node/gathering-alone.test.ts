// How far entries are due, and the one timer that makes the rest due.
import { expect, test } from "bun:test";
import { gatherMs, Gathering } from "../../src/node/gathering.ts";
import { ManualClock } from "../doubles/manual-clock.ts";

function setUp() {
  const clock = new ManualClock({ startMs: 300 });
  const world = { isAsked: false, over: 0 };
  const gathering = new Gathering({ clock, isAsked: () => world.isAsked, over: () => void world.over++ });
  return { clock, world, gathering };
}

test("entries are due five ms after the first of them, all at once, and stay due", () => {
  const { clock, world, gathering } = setUp();
  expect(gatherMs).toBe(5);
  expect(gathering.dueThrough(3)).toBe(0);
  clock.advance(3);
  expect([gathering.dueThrough(5), clock.pendingTimers]).toEqual([0, 1]);
  clock.advance(1.9);
  expect(world.over).toBe(0);
  clock.advance(0.1);
  expect([world.over, clock.pendingTimers, gathering.dueThrough(5), clock.pendingTimers]).toEqual([1, 0, 5, 0]);
  expect([gathering.dueThrough(6), clock.pendingTimers]).toEqual([5, 1]);
});

test("while a client waits all entries are due, and no timer runs", () => {
  const { clock, world, gathering } = setUp();
  gathering.dueThrough(3);
  world.isAsked = true;
  expect([gathering.dueThrough(4), clock.pendingTimers]).toEqual([4, 0]);
  clock.advance(60);
  expect(world.over).toBe(0);
  world.isAsked = false;
  // What was due stays so, and what follows waits for the whole time.
  expect([gathering.dueThrough(4), clock.pendingTimers]).toEqual([4, 0]);
  expect([gathering.dueThrough(5), clock.pendingTimers]).toEqual([4, 1]);
  clock.advance(5);
  expect([world.over, gathering.dueThrough(5)]).toEqual([1, 5]);
});

test("a wait that is stopped does not call, and the next entries wait anew", () => {
  const { clock, world, gathering } = setUp();
  gathering.dueThrough(3);
  gathering.stop();
  gathering.stop();
  clock.advance(60);
  expect([world.over, clock.pendingTimers]).toEqual([0, 0]);
  expect([gathering.dueThrough(4), clock.pendingTimers]).toEqual([0, 1]);
  clock.advance(5);
  expect([world.over, gathering.dueThrough(4)]).toEqual([1, 4]);
});
