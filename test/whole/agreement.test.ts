// How a violation says where two texts part.
import { expect, test } from "bun:test";
import { differenceOf } from "../../src/sim/agreement.ts";
import { describeState } from "../../src/sim/state-text.ts";

const difference = (one: string, other: string): readonly string[] => differenceOf(["n1", one], ["n2", other]);

test("short values are shown whole", () => {
  expect(difference('"9"', '"10"')).toEqual(['n1: "9"', 'n2: "10"']);
});

test("of long values the part around the first difference is shown", () => {
  const same = "a".repeat(5000);
  const [one = "", other = ""] = difference(`"${same}1${same}"`, `"${same}2${same}"`);
  expect(one).toMatch(/^n1: …a{60}1a+…$/);
  expect(other).toMatch(/^n2: …a{60}2a+…$/);
  expect(one.length).toBeLessThan(320);
});

test("a long value that is the beginning of the other is told from it", () => {
  const [one, other] = difference("a".repeat(1000), `${"a".repeat(1000)}b`);
  expect([one, other]).toEqual([`n1: …${"a".repeat(60)}`, `n2: …${"a".repeat(60)}b`]);
});

test("what only one has is nothing for the other", () => {
  expect(difference(describeState({ a: 1 }).text, describeState({}).text)).toEqual(["in: .a", "n1: 1", "n2: nothing"]);
});
