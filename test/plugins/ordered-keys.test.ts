// The ordered set against a sorted array, through many thousand random changes.
import { expect, test } from "bun:test";
import { OrderedKeys } from "../../plugins/kv/ordered-keys.ts";

/** Knuth's multiplicative hash of a counter: the same keys at every run. */
const keyOf = (nth: number): string => (Math.imul(nth, 2_654_435_761) >>> 8).toString(36);

test("keeps its keys in order while they come and go", () => {
  const ordered = new OrderedKeys();
  const model = new Set<string>();
  const check = (): void => {
    const sorted = [...model].sort();
    expect([...ordered.from("")]).toEqual(sorted);
    for (const first of ["", "5", "h", "hzzzz", "zzzzzz", sorted[600] ?? ""]) {
      expect([...ordered.from(first)]).toEqual(sorted.filter((key) => key >= first));
    }
  };
  for (let nth = 0; nth < 6000; nth++) {
    const key = keyOf(nth);
    if (!model.has(key)) ordered.add(key);
    model.add(key);
  }
  check();
  for (let nth = 0; nth < 6000; nth += 3) {
    if (model.delete(keyOf(nth))) ordered.delete(keyOf(nth));
  }
  check();
  for (const key of model) ordered.delete(key);
  model.clear();
  check();
  ordered.add("again");
  model.add("again");
  check();
});

test("keys that arrive in order, or in reverse, are kept as well", () => {
  const numbers = Array.from({ length: 3000 }, (_, nth) => String(nth).padStart(5, "0"));
  for (const arriving of [numbers, numbers.toReversed()]) {
    const ordered = new OrderedKeys();
    for (const key of arriving) ordered.add(key);
    expect([...ordered.from("")]).toEqual(numbers);
  }
});

test("a snapshot has the keys of its moment, in order, while they come and go, and so has the next", () => {
  const ordered = new OrderedKeys();
  const model = new Set<string>();
  const change = (nth: number): void => {
    const key = keyOf(nth % 9000);
    if (model.delete(key)) ordered.delete(key);
    else {
      model.add(key);
      ordered.add(key);
    }
  };
  for (let nth = 0; nth < 5000; nth++) change(nth);
  for (let round = 0; round < 5; round++) {
    const expected = [...model].sort();
    const snapshot = ordered.snapshot();
    const read: string[] = [];
    for (let nth = 0; nth < 4000; nth++) {
      const next = nth % 3 === 0 ? snapshot.next() : null;
      if (next !== null && next.done !== true) read.push(next.value);
      change(round * 4001 + nth * 7);
    }
    expect([...read, ...snapshot]).toEqual(expected);
    expect([...ordered.from("")]).toEqual([...model].sort());
  }
});

test("what is added in order fills its runs, and takes more in between", () => {
  const numbers = Array.from({ length: 3000 }, (_, nth) => String(nth * 2).padStart(5, "0"));
  const ordered = new OrderedKeys();
  for (const key of ordered.snapshot()) expect(key).toBe("none");
  for (const key of numbers) ordered.add(key);
  const between = numbers.map((key) => `${key}x`);
  for (const key of between) ordered.add(key);
  expect([...ordered.snapshot()]).toEqual([...numbers, ...between].sort());
});
