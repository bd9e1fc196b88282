// How much room there must be on the disk: for commands, for snapshots, and for a write that has begun.
import { expect, test } from "bun:test";
import { ManualClock } from "../doubles/manual-clock.ts";
import { DiskWatch } from "../../src/node/disk-watch.ts";

const mebibyte = 2 ** 20;

function watching(policy: { minFreeBytes: number; minFreePercent: number }, totalMiB = 10_000) {
  const room = { freeBytes: totalMiB * mebibyte, totalBytes: totalMiB * mebibyte };
  const clock = new ManualClock();
  let measured = 0;
  const trouble: { error: Error | null } = { error: null };
  const disk = {
    measure: () => {
      measured++;
      if (trouble.error !== null) throw trouble.error;
      return room;
    },
  };
  const failures: unknown[] = [];
  const watch = new DiskWatch({ disk, clock, failed: (error) => void failures.push(error) }, policy);
  const leave = (freeMiB: number): DiskWatch => {
    room.freeBytes = freeMiB * mebibyte;
    clock.advance(1_000);
    return watch;
  };
  return { watch, clock, leave, trouble, failures, count: () => measured };
}

test("the larger of the two thresholds counts", () => {
  const byBytes = watching({ minFreeBytes: 256 * mebibyte, minFreePercent: 1 });
  expect([byBytes.leave(256).isLow, byBytes.leave(255).isLow]).toEqual([false, true]);
  const byPercent = watching({ minFreeBytes: 256 * mebibyte, minFreePercent: 5 });
  expect([byPercent.leave(500).isLow, byPercent.leave(499).isLow]).toEqual([false, true]);
});

test("it is over only with a fifth more than that", () => {
  const { leave } = watching({ minFreeBytes: 100 * mebibyte, minFreePercent: 0 });
  expect([99, 101, 119, 120, 101].map((free) => leave(free).isLow)).toEqual([true, true, true, false, false]);
});

test("snapshots leave a quarter of the threshold to the log", () => {
  const { leave } = watching({ minFreeBytes: 400 * mebibyte, minFreePercent: 0 });
  expect([101, 100, 99].map((free) => leave(free).hasRoomForBulk)).toEqual([true, true, false]);
});

test("a write leaves 16 MiB, and counts twice", () => {
  const { leave } = watching({ minFreeBytes: 400 * mebibyte, minFreePercent: 0 });
  expect([18, 17].map((free) => leave(free).hasRoomFor(mebibyte))).toEqual([true, false]);
});

test("a disk that could fill before the next look is measured before every write", () => {
  const { leave, count } = watching({ minFreeBytes: 32 * mebibyte, minFreePercent: 0 });
  const watch = leave(5_000);
  for (let write = 0; write < 100; write++) watch.hasRoomFor(1);
  expect(count()).toBe(1);
  leave(30);
  for (let write = 0; write < 100; write++) watch.hasRoomFor(1);
  expect(count()).toBeGreaterThan(100);
});

test("a disk that does not answer is reported after each question, and whoever asks gets the answer of before", () => {
  const { leave, trouble, failures, clock } = watching({ minFreeBytes: 400 * mebibyte, minFreePercent: 0 });
  expect(leave(500).isLow).toBeFalse();
  const error = new Error("gone");
  trouble.error = error;
  const watch = leave(0);
  expect([watch.isLow, watch.hasRoomFor(mebibyte), watch.hasRoomForBulk, watch.threshold / mebibyte]).toEqual([
    false,
    true,
    true,
    400,
  ]);
  expect(failures).toEqual([]);
  clock.runSoon();
  expect(failures).toEqual([error]);
});
