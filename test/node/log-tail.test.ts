// The tail gives what was appended and not truncated, from memory or from the store, without a gap or a repetition.
import { describe, expect, test } from "bun:test";
import { type Entry, entryBytes } from "../../src/core/entry.ts";
import { LogTail, type TailStore } from "../../src/node/log-tail.ts";

const entry = (index: number, term = 1, size = 100): Entry => ({
  kind: "command",
  index,
  term,
  stampMs: 0,
  payload: new Uint8Array(size),
  session: null,
});
const entries = (from: number, to: number, term = 1): Entry[] =>
  Array.from({ length: to - from + 1 }, (_, at) => entry(from + at, term));
const weight = entryBytes(entry(1));

/** The chain of these stores: the sum of the indexes. */
const chainOf = (index: number): number => (index * (index + 1)) / 2;

/** A store that gives entries 1 to `last` of term 1 and records what is read from it; the log ended at `end` when it was opened. */
function storeWith(last: number, end = last) {
  const reads: [number, number][] = [];
  const read = (first: number, through: number, bytesMax: number): readonly Entry[] => {
    reads.push([first, through]);
    if (through > last) throw new Error("beyond the store");
    return entries(first, Math.min(through, first + Math.max(1, Math.floor(bytesMax / weight)) - 1));
  };
  const saved = { last: { index: end } } as TailStore["saved"];
  return { reads, read, saved, chainAt: chainOf, chainAfter: (before: number, { index }: Entry) => before + index };
}

describe("log tail", () => {
  test("reads what was appended from memory alone", () => {
    const store = storeWith(4);
    const tail = new LogTail(store, 1_000_000);
    tail.append(entries(5, 9));
    expect(tail.read(6, 8, 1e9).map((read) => read.index)).toEqual([6, 7, 8]);
    expect(store.reads).toEqual([]);
  });

  test("stops at the bound of bytes, but gives at least one entry", () => {
    const tail = new LogTail(storeWith(0), 1_000_000);
    tail.append(entries(1, 10));
    expect(tail.read(1, 10, 3 * weight).map((read) => read.index)).toEqual([1, 2, 3]);
    expect(tail.read(4, 10, 1).map((read) => read.index)).toEqual([4]);
  });

  test("P20: paging over the seam between store and memory neither skips nor repeats an entry", () => {
    const tail = new LogTail(storeWith(6), 1_000_000);
    tail.append(entries(7, 12));
    const seen: number[] = [];
    for (let next = 1; next <= 12;) {
      const page = tail.read(next, 12, 2 * weight);
      seen.push(...page.map((read) => read.index));
      next = page.at(-1)!.index + 1;
    }
    expect(seen).toEqual(Array.from({ length: 12 }, (_, at) => at + 1));
  });

  test("a range over the seam comes whole when it fits, and stops at the bound when it does not", () => {
    const tail = new LogTail(storeWith(6), 1_000_000);
    tail.append(entries(7, 12));
    expect(tail.read(5, 9, 1e9).map((read) => read.index)).toEqual([5, 6, 7, 8, 9]);
    expect(tail.read(5, 9, 3 * weight).map((read) => read.index)).toEqual([5, 6, 7]);
    expect(tail.read(5, 9, 2 * weight).map((read) => read.index)).toEqual([5, 6]);
  });

  test("what is truncated is gone, and what is appended in its place is read", () => {
    const tail = new LogTail(storeWith(0), 1_000_000);
    tail.append(entries(1, 6, 1));
    tail.truncate(3);
    tail.append(entries(4, 5, 2));
    expect(tail.read(1, 5, 1e9).map((read) => `${read.index}.${read.term}`)).toEqual([
      "1.1",
      "2.1",
      "3.1",
      "4.2",
      "5.2",
    ]);
    expect(() => tail.read(4, 6, 1e9)).toThrow("entry 6 is not in the log's tail");
  });

  test("the chained checksum is known at every position, in memory, in the store and at the seam", () => {
    const tail = new LogTail(storeWith(6), 3 * weight);
    const seen = (): readonly number[] => Array.from({ length: 12 }, (_, at) => tail.chainAt(at + 1));
    const expected = Array.from({ length: 12 }, (_, at) => chainOf(at + 1));
    tail.append(entries(7, 12));
    expect(seen()).toEqual(expected);
    tail.trim(9);
    expect(seen()).toEqual(expected);
    tail.truncate(10);
    expect(() => tail.chainAt(11)).toThrow("entry 11 is not in the log's tail");
    tail.truncate(4);
    tail.append(entries(5, 12));
    expect(seen()).toEqual(expected);
    tail.clear({ position: { index: 20, term: 3 }, chain: 77 });
    tail.append(entries(21, 22, 3));
    expect([tail.chainAt(20), tail.chainAt(21), tail.chainAt(22)]).toEqual([77, 98, 120]);
  });

  test("after thousands have been let go, each entry that is left still has its own checksum", () => {
    const tail = new LogTail(storeWith(10_000, 0), 10 * weight);
    tail.append(entries(1, 10_000));
    tail.trim(10_000);
    tail.append(entries(10_001, 10_003));
    const places = [1, 9_990, 9_991, 9_995, 10_000, 10_001, 10_003];
    expect(places.map((index) => tail.chainAt(index))).toEqual(places.map(chainOf));
    tail.truncate(9_999);
    expect(() => tail.chainAt(10_000)).toThrow("entry 10000 is not in the log's tail");
    tail.append(entries(10_000, 10_001));
    expect(places.slice(0, 6).map((index) => tail.chainAt(index))).toEqual(places.slice(0, 6).map(chainOf));
  });

  test("a truncation that reaches into the store empties the memory", () => {
    const store = storeWith(4);
    const tail = new LogTail(store, 1_000_000);
    tail.append(entries(5, 6));
    tail.truncate(3);
    expect(tail.read(2, 3, 1e9).map((read) => read.index)).toEqual([2, 3]);
    expect(store.reads).toEqual([[2, 3]]);
  });

  test("what was let go is free to go, however few and heavy the entries are", async () => {
    const tail = new LogTail(storeWith(100, 0), 10 * weight);
    const gone = Array.from({ length: 50 }, (_, at) => {
      const heavy = entry(at + 1);
      tail.append([heavy]);
      return new WeakRef(heavy);
    });
    tail.trim(50);
    for (let attempt = 0; attempt < 20 && gone.some((ref, at) => at < 40 && ref.deref() !== undefined); attempt++) {
      await new Promise((resolve) => setImmediate(resolve));
      Bun.gc(true);
    }
    expect(gone.slice(0, 40).filter((ref) => ref.deref() !== undefined).length).toBeLessThan(3);
    expect(tail.read(41, 50, 1e9).length).toBe(10);
  });

  test("lets go of the oldest beyond its bound, but never of what is not durable", () => {
    const store = storeWith(10_000, 0);
    const tail = new LogTail(store, 10 * weight);
    tail.append(entries(1, 10_000));
    tail.trim(20);
    tail.read(21, 21, 1e9);
    expect(store.reads).toEqual([]);
    tail.read(20, 20, 1e9);
    expect(store.reads).toEqual([[20, 20]]);
    tail.trim(10_000);
    expect(tail.read(9_991, 10_000, 1e9).length).toBe(10);
    expect(store.reads.length).toBe(1);
    tail.read(9_990, 9_990, 1e9);
    expect(store.reads.length).toBe(2);
  });
});
