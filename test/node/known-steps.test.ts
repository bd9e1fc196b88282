// The steps by which a copy has come to its outcomes, and the first one that differs: node/known-steps.ts.
import { expect, test } from "bun:test";
import { outcomeStepsMax } from "../../src/core/copy-word.ts";
import { firstDifference, KnownSteps } from "../../src/node/known-steps.ts";

const steps = (from: number, ...values: readonly number[]) => ({ from, values: Uint32Array.from(values) });

test("steps that follow one another are one range", () => {
  const known = new KnownSteps(16);
  known.add(steps(1, 1, 2, 3, 4));
  known.add(steps(5, 5, 6, 7, 8));
  expect(known.within(2, 6)).toEqual(steps(3, 3, 4, 5, 6));
  expect(known.within(6, 100)).toEqual(steps(7, 7, 8));
  expect(known.within(8, 12).values).toHaveLength(0);
});

test("only the latest steps are remembered", () => {
  const known = new KnownSteps(6);
  known.add(steps(1, 1, 2, 3, 4));
  known.add(steps(5, 5, 6, 7, 8));
  expect(known.within(0, 8)).toEqual(steps(3, 3, 4, 5, 6, 7, 8));
});

test("behind a gap, or in another state, the steps begin anew", () => {
  const known = new KnownSteps(16);
  known.add(steps(1, 1, 2, 3, 4));
  known.add(steps(7, 7, 8));
  expect(known.within(0, 8)).toEqual(steps(7, 7, 8));
  known.forget();
  expect(known.within(0, 8).values).toHaveLength(0);
  known.add(steps(9, 9));
  expect(known.within(0, 9)).toEqual(steps(9, 9));
});

test("a range is cut at what fits in a message", () => {
  const known = new KnownSteps(2 * outcomeStepsMax);
  known.add({ from: 1, values: new Uint32Array(outcomeStepsMax) });
  known.add({ from: outcomeStepsMax + 1, values: new Uint32Array(outcomeStepsMax) });
  expect(known.within(0, 2 * outcomeStepsMax)).toMatchObject({ from: 1, values: { length: outcomeStepsMax } });
});

test("the first entry that differs is named, wherever the ranges begin", () => {
  const mine = steps(5, 1, 2, 3, 9, 9);
  expect(firstDifference(mine, steps(5, 1, 2, 3, 4, 5), 4)).toBe(8);
  expect(firstDifference(mine, steps(7, 3, 4, 5), 4)).toBe(8);
  expect(firstDifference(mine, steps(3, 0, 0, 1, 2, 3, 4), 2)).toBe(8);
  expect(firstDifference(steps(5, 9), steps(5, 1), 4)).toBe(5);
});

test("none is named where the first one may lie before what is known", () => {
  expect(firstDifference(steps(5, 9, 9), steps(5, 1, 2), 3)).toBeNull();
});

test("none is named where nothing differs, or the ranges do not meet", () => {
  expect(firstDifference(steps(5, 1, 2), steps(5, 1, 2), 4)).toBeNull();
  expect(firstDifference(steps(5, 1, 2), steps(7, 1, 2), 4)).toBeNull();
  expect(firstDifference(steps(5), steps(5), 4)).toBeNull();
});
