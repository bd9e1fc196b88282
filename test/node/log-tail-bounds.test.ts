// What the tail holds after each change of the log: its bytes, its place, and where it begins.
import { heapStats } from "bun:jsc";
import { describe, expect, test } from "bun:test";
import { type Entry, entryBytes } from "../../src/core/entry.ts";
import { LogTail } from "../../src/node/log-tail.ts";
import { commands, noop } from "../core/say.ts";

const weight = entryBytes(commands([1])[0]!);
const run = (first: number, last: number, term = 1): readonly Entry[] =>
  commands(Array<number>(last - first + 1).fill(term), first);

/** A store with a log through `end`, and the tail over it that keeps `count` entries. */
function setUp(end: number, count: number) {
  const reads: string[] = [];
  const store = {
    saved: { last: { index: end } } as never,
    read(first: number, last: number, bytesMax: number) {
      reads.push(`${first}-${last}`);
      return run(first, Math.min(last, first + Math.max(1, Math.floor(bytesMax / weight)) - 1));
    },
    // No two positions have the same checksum, and those of the store are told from those of the tail.
    chainAt: (index: number) => 1_000 + index,
    chainAfter: (before: number, { index, term }: Entry) => before + 0.001 * index * term,
  };
  const tail = new LogTail(store, count * weight);
  /** The first index that is read from memory; `end` is the last of the log. */
  const memoryFrom = (last: number): number => {
    for (let index = last; index > 0; index--) {
      reads.length = 0;
      tail.read(index, index, 1e9);
      if (reads.length > 0) return index + 1;
    }
    return 1;
  };
  return { tail, reads, memoryFrom };
}

describe("the tail lets go of what is beyond its bound", () => {
  test("to the entry, and of nothing when it is just full", () => {
    const { tail, memoryFrom } = setUp(0, 5);
    tail.append(run(1, 5));
    tail.trim(5);
    expect(memoryFrom(5)).toBe(1);
    tail.append(run(6, 7));
    tail.trim(7);
    expect(memoryFrom(7)).toBe(3);
  });

  test("of the durable ones alone, the last of them included", () => {
    const { tail, memoryFrom } = setUp(0, 2);
    tail.append(run(1, 9));
    tail.trim(0);
    expect(memoryFrom(9)).toBe(1);
    tail.trim(4);
    expect(memoryFrom(9)).toBe(5);
    tail.trim(9);
    expect(memoryFrom(9)).toBe(8);
  });

  test.each<readonly [string, (tail: LogTail) => void, number]>([
    ["a truncation", (tail) => tail.truncate(6), 6],
    ["a truncation into the store", (tail) => tail.truncate(2), 2],
    ["a truncation to the place where it begins", (tail) => tail.truncate(4), 4],
    ["a restart", (tail) => tail.restart({ index: 7, term: 1 }), 7],
    ["a snapshot", (tail) => tail.clear({ position: { index: 30, term: 2 }, chain: 5 }), 30],
  ])("after %s only what is still there weighs anything", (_, change, last) => {
    const { tail, memoryFrom } = setUp(0, 5);
    tail.append(run(1, 9));
    tail.trim(9);
    change(tail);
    const end = last + 5;
    tail.append(run(last + 1, end, 2));
    tail.trim(end);
    const kept = memoryFrom(end);
    expect(kept).toBe(last + 1);
    tail.append(run(end + 1, end + 1, 2));
    tail.trim(end + 1);
    expect(memoryFrom(end + 1)).toBe(kept + 1);
  });

  test("also when it has let go of everything", () => {
    const { tail, reads } = setUp(0, 0);
    tail.append(run(1, 3));
    tail.trim(3);
    expect(tail.read(2, 3, 1e9).map(({ index }) => index)).toEqual([2, 3]);
    expect(reads).toEqual(["2-3"]);
    tail.truncate(3);
    tail.append(run(4, 4));
    expect(tail.read(4, 4, 1e9).map(({ index }) => index)).toEqual([4]);
    expect(reads).toHaveLength(1);
  });
});

describe("the chained checksum", () => {
  test("comes from the store below the tail, and from the tail where it begins and above", () => {
    const { tail } = setUp(4, 2);
    tail.append(run(5, 8));
    expect([3, 4, 5, 6].map((index) => tail.chainAt(index))).toEqual([1_003, 1_004, 1_004.005, 1_004.011]);
    tail.trim(8);
    expect([4, 5, 6, 7].map((index) => Math.round(1_000 * tail.chainAt(index)))).toEqual([
      1_004_000, 1_005_000, 1_004_011, 1_004_018,
    ]);
    expect(() => tail.chainAt(9)).toThrow("entry 9 is not in the log's tail");
  });

  test("after a restart is that of the store, which ends there", () => {
    const { tail } = setUp(0, 9);
    tail.append(run(1, 6));
    tail.restart({ index: 3, term: 1 });
    expect([tail.chainAt(3), tail.chainAt(2)]).toEqual([1_003, 1_002]);
    expect(() => tail.chainAt(4)).toThrow("entry 4 is not in the log's tail");
    tail.append(run(4, 4, 2));
    expect(tail.chainAt(4)).toBe(1_003.008);
  });

  test("where the log begins after a snapshot is that of the snapshot, which the store may not have yet", () => {
    const { tail } = setUp(4, 99);
    tail.append(run(5, 9));
    tail.clear({ position: { index: 30, term: 2 }, chain: 5 });
    expect(tail.chainAt(30)).toBe(5);
    tail.append(run(31, 33, 2));
    tail.truncate(30);
    expect(tail.chainAt(30)).toBe(5);
    expect(() => tail.chainAt(31)).toThrow("entry 31 is not in the log's tail");
    tail.append(run(31, 31, 3));
    expect(tail.chainAt(31)).toBeCloseTo(5.093, 6);
  });

  test("stays when a log is cut that holds nothing here", () => {
    for (const after of [7, 8]) {
      const { tail } = setUp(7, 99);
      tail.truncate(after);
      expect(tail.chainAt(7)).toBe(1_007);
      tail.append(run(8, 8));
      expect([tail.chainAt(8), tail.read(8, 8, 1e9).length]).toEqual([1_007.008, 1]);
    }
  });

  test("of an entry that is not in the log is reckoned by the store", () => {
    const { tail } = setUp(0, 9);
    expect(tail.chainAfter(5, run(2, 2, 3)[0]!)).toBe(5.006);
  });
});

describe("a range over the seam", () => {
  test("begins with the store and goes on in memory with what is left of the bytes", () => {
    const { tail, reads } = setUp(4, 99);
    tail.append(run(5, 9));
    const indexes = (first: number, last: number, bytesMax: number) =>
      tail.read(first, last, bytesMax).map(({ index }) => index);
    expect(indexes(3, 9, 3 * weight)).toEqual([3, 4, 5]);
    expect(indexes(3, 9, 3 * weight - 1)).toEqual([3, 4]);
    expect(indexes(3, 9, 1)).toEqual([3]);
    expect(indexes(3, 5, 1e9)).toEqual([3, 4, 5]);
    expect(new Set(reads)).toEqual(new Set(["3-4"]));
  });

  test("is the store's alone when it ends before the tail begins, and the tail's when it begins there", () => {
    const { tail, reads } = setUp(4, 99);
    tail.append(run(5, 9));
    expect(tail.read(2, 3, 1e9).map(({ index }) => index)).toEqual([2, 3]);
    tail.read(2, 4, 1e9);
    tail.read(5, 5, 1e9);
    expect(reads).toEqual(["2-3", "2-4"]);
    expect(() => tail.read(8, 10, 1e9)).toThrow("entry 10 is not in the log's tail");
  });

  test("P20: has no gap where the last entry of the store is too large and the first one in memory is not", () => {
    const [small, large] = [run(4, 4)[0]!, commands([1], 5, 5_000)[0]!];
    const store = {
      saved: { last: { index: 5 } } as never,
      read: (first: number, last: number, bytesMax: number) =>
        first === 4 && last === 5 && bytesMax >= entryBytes(large) + weight ? [small, large] : [small],
      chainAt: () => 0,
      chainAfter: () => 0,
    };
    const tail = new LogTail(store, 1e9);
    tail.append(run(6, 7));
    const indexes = (bytesMax: number) => tail.read(4, 7, bytesMax).map(({ index }) => index);
    expect(indexes(3 * weight)).toEqual([4]);
    expect(indexes(entryBytes(large) + weight)).toEqual([4, 5]);
    expect(indexes(entryBytes(large) + 2 * weight)).toEqual([4, 5, 6]);
  });
});

test("what was let go takes no memory in the end, however many entries there were", () => {
  const { tail } = setUp(0, 10);
  const heldBytes = (): number => {
    Bun.gc(true);
    return heapStats().heapSize;
  };
  const before = heldBytes();
  for (let index = 1; index <= 150_000; index++) {
    tail.append([noop(index, 1)]);
    tail.trim(index);
  }
  // So many places of entries and checksums would be 2.4 MB.
  expect(heldBytes() - before).toBeLessThan(1_500_000);
  expect(tail.read(149_991, 150_000, 1e9)).toHaveLength(10);
});

test("after a restart at the place where it begins nothing is kept either", () => {
  const { tail, memoryFrom } = setUp(4, 100);
  tail.append(run(5, 9));
  expect(memoryFrom(9)).toBe(5);
  tail.restart({ index: 4, term: 1 });
  expect(memoryFrom(9)).toBe(10);
  tail.append(run(5, 6, 2));
  expect([memoryFrom(6), tail.chainAt(6)]).toEqual([5, 1_004 + 0.001 * 5 * 2 + 0.001 * 6 * 2]);
});

test("what is appended follows the last entry, also when some before it, or all, have been let go", () => {
  for (const count of [2, 0]) {
    const { tail } = setUp(0, count);
    let expected = 1_000;
    for (let index = 1; index <= 9; index++) {
      tail.append(run(index, index));
      tail.trim(index - (index % 2));
      expected += 0.001 * index;
      expect(tail.chainAt(index)).toBe(expected);
    }
  }
});
