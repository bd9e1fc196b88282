// Which of two logs is more up to date: by the last term first, by the length then.
import { describe, expect, test } from "bun:test";
import { isUpToDate, logStart, samePosition } from "../../src/core/log-position.ts";
import { at } from "./say.ts";

describe("P5: up to date is compared by (term, index), the term first", () => {
  const cases = [
    { candidate: at(5, 2), voter: at(5, 2), isFit: true, why: "the same" },
    { candidate: at(6, 2), voter: at(5, 2), isFit: true, why: "longer in the same term" },
    { candidate: at(4, 2), voter: at(5, 2), isFit: false, why: "shorter in the same term" },
    { candidate: at(1, 3), voter: at(9, 2), isFit: true, why: "a later term beats any length" },
    { candidate: at(9, 2), voter: at(1, 3), isFit: false, why: "no length beats a later term" },
    { candidate: at(9, 3), voter: at(1, 2), isFit: true, why: "later and longer" },
    { candidate: logStart, voter: logStart, isFit: true, why: "both empty" },
    { candidate: logStart, voter: at(1, 1), isFit: false, why: "empty against one entry" },
  ];
  for (const { candidate, voter, isFit, why } of cases) {
    const named = `${candidate.index}.${candidate.term} for a voter at ${voter.index}.${voter.term}`;
    test(`${named}: ${isFit ? "yes" : "no"} (${why})`, () => expect(isUpToDate(candidate, voter)).toBe(isFit));
  }
});

test("a position is index and term: an index alone names different entries in different terms", () => {
  expect(samePosition(at(3, 2), at(3, 2))).toBe(true);
  expect(samePosition(at(3, 2), at(3, 1))).toBe(false);
  expect(samePosition(at(3, 2), at(2, 2))).toBe(false);
});
