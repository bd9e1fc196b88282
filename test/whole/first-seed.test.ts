// GRAFT_FIRST_SEED repeats a run only if it means exactly one seed.
import { expect, test } from "bun:test";
import { firstSeedOf } from "./first-seed.ts";

test("a whole number is the first seed", () => {
  expect(firstSeedOf("0")).toBe(0);
  expect(firstSeedOf(String(2 ** 52))).toBe(2 ** 52);
});

test("without one the first seed is a random whole number", () => {
  expect(firstSeedOf(undefined)).toBeWithin(0, 2 ** 32);
});

test("any other value is refused with an example of what is right", () => {
  for (const given of ["", " 7", "7 ", "-1", "1.5", "1e3", "0x10", "seven", String(2 ** 53)])
    expect(() => firstSeedOf(given)).toThrow(`GRAFT_FIRST_SEED=${JSON.stringify(given)}: not a whole number from 0`);
});
