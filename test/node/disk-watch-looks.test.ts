// When the disk is measured anew, and what is asked of it on both sides of each bound.
import { describe, expect, test } from "bun:test";
import { DiskWatch } from "../../src/node/disk-watch.ts";
import { ManualClock } from "../doubles/manual-clock.ts";

const mebibyte = 2 ** 20;

function watching(policy: { minFreeBytes: number; minFreePercent: number }, freeMiB: number) {
  const room = { freeBytes: freeMiB * mebibyte, totalBytes: 10_000 * mebibyte };
  const clock = new ManualClock({ startMs: 70_000 });
  const seen = { measured: 0, error: null as Error | null };
  const failures: unknown[] = [];
  const disk = {
    measure: () => {
      seen.measured++;
      if (seen.error !== null) throw seen.error;
      return room;
    },
  };
  const watch = new DiskWatch({ disk, clock, failed: (error) => void failures.push(error) }, policy);
  return { room, clock, seen, failures, watch };
}

const ample = { minFreeBytes: 100 * mebibyte, minFreePercent: 0 };

test("a disk that does not answer is as full or as empty as it was before", () => {
  for (const freeMiB of [99, 9_000]) {
    const { clock, seen, watch, failures } = watching(ample, freeMiB);
    const told = () => [watch.isLow, watch.threshold, watch.hasRoomForBulk];
    const before = told();
    expect(before[0]).toBe(freeMiB === 99);
    seen.error = new Error("the disk is gone");
    clock.stall(1_000);
    expect(told()).toEqual(before);
    clock.runSoon();
    expect(failures).toEqual([seen.error]);
  }
});

describe("a measurement", () => {
  test("is made when it is first asked for, and serves all questions for a second while there is plenty", () => {
    const { clock, seen, watch } = watching(ample, 9_000);
    expect(seen.measured).toBe(0);
    const ask = () => [watch.isLow, watch.threshold, watch.hasRoomForBulk, watch.hasRoomFor(1)];
    ask();
    clock.stall(999);
    ask();
    expect(seen.measured).toBe(1);
    clock.stall(1);
    ask();
    expect(seen.measured).toBe(2);
  });

  test.each(["isLow", "threshold", "hasRoomForBulk"] as const)("is renewed by a look at %s alone", (question) => {
    const { clock, seen, watch } = watching(ample, 9_000);
    for (let count = 1; count <= 3; count++) {
      expect(watch[question]).toBeDefined();
      expect(seen.measured).toBe(count);
      clock.stall(1_000);
    }
  });

  test("serves as long as the disk cannot have been filled down to 32 MiB, at 8 MiB a ms", () => {
    const { clock, seen, watch } = watching(ample, 32 + 8 * 50);
    expect(watch.isLow).toBeFalse();
    clock.stall(49.99);
    expect([watch.isLow, seen.measured]).toEqual([false, 1]);
    clock.stall(0.01);
    expect([watch.isLow, seen.measured]).toEqual([false, 2]);
  });

  test("serves no second question on a disk with less than that", () => {
    const { seen, watch } = watching(ample, 20);
    expect([watch.isLow, watch.isLow, seen.measured]).toEqual([true, true, 2]);
  });
});

describe("a write", () => {
  test("is measured for when half of the room may be needed", () => {
    const { room, seen, watch } = watching(ample, 1_000);
    // 2 × 242 + 16 MiB is half of it.
    room.freeBytes = 1_000 * mebibyte;
    expect([watch.hasRoomFor(242 * mebibyte), seen.measured]).toEqual([true, 1]);
    expect([watch.hasRoomFor(242 * mebibyte + 1), seen.measured]).toEqual([true, 2]);
    room.freeBytes = 400 * mebibyte;
    expect([watch.hasRoomFor(242 * mebibyte + 1), seen.measured]).toEqual([false, 3]);
  });

  test("fits when exactly its room is left", () => {
    const { room, watch } = watching(ample, 18);
    expect(watch.hasRoomFor(mebibyte)).toBeTrue();
    room.freeBytes -= 1;
    expect(watch.hasRoomFor(mebibyte)).toBeFalse();
    expect(watch.hasRoomFor(0)).toBeTrue();
    room.freeBytes = 16 * mebibyte - 1;
    expect(watch.hasRoomFor(0)).toBeFalse();
  });
});

test("snapshots leave 32 MiB, however small the threshold is", () => {
  const { room, watch } = watching({ minFreeBytes: 0, minFreePercent: 0 }, 32);
  expect(watch.hasRoomForBulk).toBeTrue();
  room.freeBytes -= 1;
  expect(watch.hasRoomForBulk).toBeFalse();
});

test("a disk that could not be measured is measured again a second later, and counts again when it can be", () => {
  const { room, clock, seen, failures, watch } = watching(ample, 9_000);
  seen.error = new Error("gone");
  expect([watch.isLow, watch.threshold, seen.measured]).toEqual([false, 0, 1]);
  clock.stall(999);
  expect([watch.isLow, seen.measured]).toEqual([false, 1]);
  seen.error = null;
  room.freeBytes = 50 * mebibyte;
  clock.stall(1);
  expect([watch.isLow, watch.threshold / mebibyte, seen.measured]).toEqual([true, 100, 2]);
  clock.runSoon();
  expect(failures).toHaveLength(1);
});
