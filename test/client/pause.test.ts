// How long does a client wait before it tries again? By a table of the failures in a row and of chance.
import { expect, test } from "bun:test";
import { backoffMs, pause } from "../../src/client/pause.ts";
import type { Clock } from "../../src/ports/clock.ts";
import { PlayedTime } from "./played-time.ts";

const bounds = { minMs: 10, maxMs: 400 };
const by = (chance: number): Clock => Object.assign(new PlayedTime(), { randomBytes: () => new Uint8Array([chance]) });

test.each([
  [0, 5, 10],
  [1, 10, 20],
  [3, 40, 80],
  [5, 160, 320],
  [6, 200, 400],
  [1000, 200, 400],
])("after %i failures in a row between %i and %i ms", (failures, leastMs, mostMs) => {
  expect(backoffMs(bounds, failures, by(0))).toBe(leastMs);
  expect(backoffMs(bounds, failures, by(128))).toBe(leastMs * 1.5);
  const longest = backoffMs(bounds, failures, by(255));
  expect(longest).toBeGreaterThan(mostMs * 0.99);
  expect(longest).toBeLessThan(mostMs);
});

test("a pause takes its time", async () => {
  const time = new PlayedTime();
  await time.pass(1000);
  await time.until(pause(time, 70));
  expect(time.passedMs).toBe(1070);
});
