// When a node whose copy is wrong asks where its outcomes first differed: node/tracing.ts.
import { expect, test } from "bun:test";
import { Tracing } from "../../src/node/tracing.ts";

const difference = { of: "outcomes", after: 4, through: 8 } as const;
const range = { after: 4, through: 8 };
const steps = (from: number, ...values: readonly number[]) => ({ from, values: Uint32Array.from(values) });

function begun(): Tracing {
  const tracing = new Tracing();
  tracing.begin(difference, steps(5, 1, 2, 9, 9));
  return tracing;
}

test("nothing is asked, and nothing found, where no copy is wrong", () => {
  const tracing = new Tracing();
  tracing.onLeader();
  expect(tracing.question(0)).toBeNull();
  expect(tracing.hear(steps(5, 1))).toBeNull();
});

test("the leader is asked for the range, and its steps show the entry", () => {
  const tracing = begun();
  expect(tracing.question(0)).toEqual(range);
  expect(tracing.hear(steps(5, 1, 2, 3, 4))).toBe(7);
  expect(tracing.question(10_000)).toBeNull();
  expect(tracing.hear(steps(5, 1, 2, 3, 4))).toBeNull();
});

test("a leader that does not answer, or does not know, is asked again after a second, ten times in all", () => {
  const tracing = begun();
  expect(tracing.question(0)).toEqual(range);
  expect(tracing.question(999)).toBeNull();
  expect(tracing.hear(steps(5))).toBeNull();
  for (let nth = 1; nth < 10; nth++) expect(tracing.question(nth * 1_000)).toEqual(range);
  expect(tracing.question(10_000)).toBeNull();
});

test("another leader is asked at once", () => {
  const tracing = begun();
  tracing.question(0);
  tracing.onLeader();
  expect(tracing.question(1)).toEqual(range);
});
