// Which commands make the next write when not all fit: each name its share, from the moment on in which it has commands here.
import { describe, expect, test } from "bun:test";
import { fairShare } from "../../src/node/fair-share.ts";
import type { ProposalWaiter } from "../../src/node/waiting-clients.ts";
import { TestAsker, unbounded } from "./test-asker.ts";

const of = (name: string, bytes = 100): ProposalWaiter => ({
  kind: "command",
  session: null,
  payload: new Uint8Array(bytes),
  from: new TestAsker(name),
  open: unbounded,
  dueMs: 1_000,
  succeed() {},
  fail() {},
});
const many = (name: string, count: number, bytes?: number): ProposalWaiter[] =>
  Array.from({ length: count }, () => of(name, bytes));
const countsOf = (batch: readonly ProposalWaiter[]): Record<string, number> => {
  const counts: Record<string, number> = {};
  for (const { from } of batch) counts[from.name] = (counts[from.name] ?? 0) + 1;
  return counts;
};
const bounds = { count: 10, bytes: 1e9 };

test("all of them when they fit, in the order of their arrival, and nobody's share changes", () => {
  const shares = new Map([["a", 7]]);
  const arrived = [of("b"), of("a"), of("b")];
  expect(fairShare(arrived, { count: 3, bytes: 300 }, shares)).toEqual(arrived);
  expect([...shares]).toEqual([["a", 7]]);
});

test("one that is larger than a write may be is one all the same", () => {
  const large = of("a", 1_000);
  expect(fairShare([large, of("b", 1_000)], { count: 10, bytes: 500 }, new Map())).toEqual([large]);
});

describe("when not all fit", () => {
  test("each name has as much as the others, in bytes, and its oldest come first", () => {
    const [a, b] = [many("a", 20), many("b", 20)];
    const batch = fairShare([...a, ...b], bounds, new Map());
    expect(batch).toEqual([...a.slice(0, 5), ...b.slice(0, 5)]);
    const large = fairShare([...many("a", 20, 3 * 356 - 256), ...many("b", 20)], { ...bounds, count: 8 }, new Map());
    expect(countsOf(large)).toEqual({ a: 2, b: 6 });
  });

  test("a name that comes anew has no claim to earlier times, and owes nothing for them", () => {
    const shares = new Map<string, number>();
    for (let write = 0; write < 50; write++) fairShare([...many("a", 20), ...many("b", 20)], bounds, shares);
    const first = fairShare([...many("a", 20), ...many("b", 20), ...many("c", 20)], { ...bounds, count: 12 }, shares);
    expect(countsOf(first)).toEqual({ a: 4, b: 4, c: 4 });
  });

  test("a name that comes anew begins as the others that are here, whatever one has had that is here no more", () => {
    const shares = new Map([
      ["a", 9_000],
      ["gone", 0],
    ]);
    const batch = fairShare([...many("a", 20), ...many("c", 20)], bounds, shares);
    expect(countsOf(batch)).toEqual({ a: 5, c: 5 });
  });

  test("what is left over in one write is made good in the next", () => {
    const shares = new Map<string, number>();
    const counts = [1, 2, 3, 4].map(() =>
      countsOf(fairShare([...many("a", 9), ...many("b", 9)], { ...bounds, count: 1 }, shares)),
    );
    expect(counts).toEqual([{ a: 1 }, { b: 1 }, { a: 1 }, { b: 1 }]);
  });

  test("a name that has no commands here any more is forgotten", () => {
    const shares = new Map<string, number>();
    fairShare([...many("a", 20), ...many("b", 20)], bounds, shares);
    fairShare([...many("b", 20), ...many("c", 20)], bounds, shares);
    expect([...shares.keys()].toSorted()).toEqual(["b", "c"]);
  });

  test("a name that has no more gives its room to the others", () => {
    const [a, b] = [many("a", 2), many("b", 20)];
    expect(fairShare([...b, ...a], bounds, new Map())).toEqual([...b.slice(0, 8), ...a]);
  });

  test("they fill the bytes of a write to the last one, and not beyond", () => {
    const arrived = many("a", 9);
    const countOf = (bytes: number): number => fairShare(arrived, { count: 10, bytes }, new Map()).length;
    expect([899, 500, 499, 100, 99, 0].map(countOf)).toEqual([8, 5, 4, 1, 1, 1]);
  });

  test("each command counts for 256 bytes beside its payload", () => {
    const shares = new Map<string, number>();
    fairShare(many("a", 9), { count: 2, bytes: 1e9 }, shares);
    expect([...shares]).toEqual([["a", 2 * (100 + 256)]]);
    // A name that comes anew begins with the least that another one has.
    fairShare([...many("a", 9), ...many("b", 9)], { count: 1, bytes: 1e9 }, shares);
    expect([...shares]).toEqual([
      ["a", 3 * 356],
      ["b", 2 * 356],
    ]);
  });
});
