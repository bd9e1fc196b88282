// The checker is worth what it refuses: histories that could have happened, and histories that could not.
import { describe, expect, test } from "bun:test";
import { isLinearizable, type Operation, searchOrder } from "../../src/sim/register.ts";

const put = (value: string, beganMs: number, endedMs = Number.POSITIVE_INFINITY): Operation => ({
  kind: "put",
  value,
  beganMs,
  endedMs,
});
const get = (value: string | null, beganMs: number, endedMs: number): Operation => ({
  kind: "get",
  value,
  beganMs,
  endedMs,
});

describe("histories that could have happened", () => {
  const histories: readonly (readonly [string, readonly Operation[]])[] = [
    ["nothing", []],
    ["a key that was never put", [get(null, 0, 1)]],
    ["one after the other", [put("a", 0, 1), get("a", 2, 3), put("b", 4, 5), get("b", 6, 7)]],
    ["a get during a put sees it or not", [put("a", 0, 10), get(null, 1, 2), get("a", 3, 4)]],
    ["two puts at once, in either order", [put("a", 0, 10), put("b", 0, 10), get("a", 11, 12)]],
    ["a put without an answer shows late", [put("a", 0), get(null, 5, 6), get("a", 50, 51)]],
    ["a put without an answer never shows", [put("a", 0, 1), put("b", 2), get("a", 50, 51)]],
    ["a put that has been overtaken by one that began later", [put("a", 0, 20), put("b", 1, 5), get("a", 21, 22)]],
    ["an answer and a call of the same moment overlap", [put("a", 0, 5), get(null, 5, 6)]],
  ];
  for (const [title, history] of histories) test(title, () => expect(isLinearizable(history)).toBe(true));
});

describe("histories that could not", () => {
  const histories: readonly (readonly [string, readonly Operation[]])[] = [
    ["a stale read", [put("a", 0, 1), put("b", 2, 3), get("a", 4, 5)]],
    ["a read of nothing after a put", [put("a", 0, 1), get(null, 2, 3)]],
    ["a value out of nowhere", [put("a", 0, 1), get("b", 2, 3)]],
    ["a read from the future", [get("a", 0, 1), put("a", 2, 3)]],
    ["two reads that go back", [put("a", 0, 1), put("b", 2, 30), get("b", 3, 4), get("a", 5, 6)]],
    [
      "two reads that see two puts in different orders",
      [put("a", 0, 10), put("b", 0, 10), get("a", 11, 12), get("b", 13, 14)],
    ],
    [
      "a put without an answer that shows, and is gone again",
      [put("a", 0, 1), put("b", 2), get("b", 5, 6), get("a", 7, 8)],
    ],
    [
      "a new value that only one of two readers in turn has seen",
      [put("a", 0, 1), put("b", 2, 100), get("b", 10, 20), get("a", 21, 30), get("b", 31, 40)],
    ],
  ];
  for (const [title, history] of histories) test(title, () => expect(isLinearizable(history)).toBe(false));
});

/** A small generator of our own (mulberry32). */
function chance(seed: number): () => number {
  let state = seed;
  return () => {
    state = (state + 0x6d2b79f5) >>> 0;
    let mixed = Math.imul(state ^ (state >>> 15), state | 1);
    mixed ^= mixed + Math.imul(mixed ^ (mixed >>> 7), mixed | 61);
    return ((mixed ^ (mixed >>> 14)) >>> 0) / 2 ** 32;
  };
}

/** What a real register answers to `clients` that each do one thing after the other, each at a moment within its span. */
function happened(seed: number, clients: number, turns: number): Operation[] {
  const random = chance(seed);
  const planned: { kind: "put" | "get"; beganMs: number; atMs: number; endedMs: number }[] = [];
  for (let client = 0; client < clients; client++) {
    let nowMs = random() * 10;
    for (let turn = 0; turn < turns; turn++) {
      const beganMs = nowMs + random() * 5;
      const atMs = beganMs + random() * 10;
      nowMs = atMs + random() * 10;
      const isLost = random() < 0.05;
      planned.push({
        kind: isLost || random() < 0.4 ? "put" : "get",
        beganMs,
        atMs,
        endedMs: isLost ? Infinity : nowMs,
      });
    }
  }
  let value: string | null = null;
  return planned
    .sort((a, b) => a.atMs - b.atMs)
    .map(({ kind, beganMs, endedMs }, number) => {
      if (kind === "put") value = `v${number}`;
      return { kind, value, beganMs, endedMs };
    });
}

test("what a register has answered is always found possible, and quickly", () => {
  for (let seed = 0; seed < 200; seed++) expect(isLinearizable(happened(seed, 6, 30))).toBe(true);
});

test("one answer that is out of date is found among many", () => {
  let found = 0;
  for (let seed = 0; seed < 100; seed++) {
    const operations = happened(seed, 5, 20);
    // The last get answers with what was put first, long overwritten.
    const at = operations.findLastIndex(({ kind, endedMs }) => kind === "get" && Number.isFinite(endedMs));
    const first = operations.find(({ kind, endedMs }) => kind === "put" && Number.isFinite(endedMs))!;
    operations[at] = { ...operations[at]!, value: first.value };
    if (!isLinearizable(operations)) found++;
  }
  expect(found).toBe(100);
});

/** Puts one after the other, each with a get behind it, and puts without an answer that nobody sees. */
function longHistory(length: number): readonly Operation[] {
  return Array.from({ length }, (_, nth) => nth * 10).flatMap((atMs) => [
    put(String(atMs), atMs, atMs + 6),
    put(`lost ${atMs}`, atMs + 1),
    get(String(atMs), atMs + 7, atMs + 9),
  ]);
}

test("a long history is searched in parts, whatever it comes to", () => {
  for (const [history, answer] of [
    [longHistory(20_000), true],
    [[...longHistory(20_000), get("nothing", 1e6, 1e6 + 1)], false],
  ] as const) {
    const search = searchOrder(history);
    let parts = 0;
    let step = search.next();
    for (; step.done !== true; step = search.next()) parts++;
    expect(step.value).toBe(answer);
    expect(parts).toBeGreaterThan(2);
  }
});
