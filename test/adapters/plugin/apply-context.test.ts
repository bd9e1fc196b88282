// Chance in a command: the same for the same place in the log, on every node, in every version of Graft.
import { describe, expect, test } from "bun:test";
import { CommandContext } from "../../../src/adapters/plugin/apply-context.ts";

const contextOf = (index: number, term: number): CommandContext =>
  new CommandContext({ index, term, timeMs: 0 }, "command", false);

const drawsOf = (index: number, term: number, count: number): readonly number[] => {
  const context = contextOf(index, term);
  return Array.from({ length: count }, () => context.random());
};

describe("ctx.random", () => {
  test("draws what it has always drawn: other numbers would be another state after a replay", () => {
    expect(drawsOf(1, 1, 3)).toEqual([0.957913737028166, 0.037873515011441206, 0.46406883462866755]);
    expect(drawsOf(2, 1, 1)).toEqual([0.594676474403061]);
    expect(drawsOf(1, 2, 1)).toEqual([0.0604359828768819]);
    expect(drawsOf(2 ** 32 + 1, 1, 1)).toEqual([0.9951220650730099]);
    expect(drawsOf(1, 2 ** 32 + 1, 1)).toEqual([0.8734534283646381]);
  });

  test("spreads evenly over [0, 1), within a command and from command to command", () => {
    const within = drawsOf(7, 3, 10_000);
    const across = Array.from({ length: 10_000 }, (_, nth) => contextOf(nth + 1, 3).random());
    for (const draws of [within, across]) {
      expect(new Set(draws).size).toBe(draws.length);
      const tenths = Array.from(
        { length: 10 },
        (_, nth) => draws.filter((draw) => Math.floor(draw * 10) === nth).length,
      );
      for (const count of tenths) expect(Math.abs(count - 1000)).toBeLessThan(150);
    }
  });
});
