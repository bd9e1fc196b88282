// What people type for times and counts, and what is no time or count.
import { describe, expect, test } from "bun:test";
import { parseCount, parseDurationMs } from "../../src/cli/typed-numbers.ts";

describe("durations are milliseconds unless they carry a unit", () => {
  test.each([
    ["2000", 2000],
    ["500ms", 500],
    ["2s", 2000],
    ["1.5s", 1500],
    ["2 s", 2000],
    ["1m", 60_000],
    ["1min", 60_000],
    ["1h", 3_600_000],
  ])("%s", (text, ms) => expect(parseDurationMs("--timeout", text)).toBe(ms));

  test.each(["", "0", "-1", "2x", "s", "1e3", "soon", "1s2", "0.0001s", "1000h", "2S "])("%p is refused", (text) => {
    expect(() => parseDurationMs("--timeout", text)).toThrow(/^--timeout ".*": .*2s/);
  });
});

describe("counts are whole and within their limits", () => {
  const limits = { min: 1, max: 10 };
  test("the limits are included", () => {
    expect([parseCount("--nodes", "1", limits), parseCount("--nodes", "10", limits)]).toEqual([1, 10]);
  });
  test.each(["0", "11", "1.5", "-3", "", "x", "0x3", "1e0"])("%p is refused", (text) => {
    expect(() => parseCount("--nodes", text, limits)).toThrow(/from 1 to 10/);
  });
});
