// What is drawn from a tape: the same each time, simple from zeros, and within its bounds.
import { expect, test } from "bun:test";
import { v } from "graft";
import { checkDefinition } from "../../src/adapters/plugin/definition-check.ts";
import { stepsOf } from "../../src/check/steps.ts";
import { drawFromTape, tapeNumberMax } from "../../src/check/tape.ts";
import { Drawing } from "../../src/sim/draw-input.ts";
import { Whereabouts } from "../../src/sim/whereabouts.ts";

/** The tape of which the draw is the `nth` of `of` that are equally likely. */
const tapeOf = (nth: number, of: number): readonly number[] => [Math.floor(((nth + 0.5) / of) * (tapeNumberMax + 1))];

function integersFrom(low: number, high: number): readonly number[] {
  const count = high - low + 1;
  return Array.from({ length: count }, (_, nth) => drawFromTape(tapeOf(nth, count)).integer(low, high));
}

test("integers come in the order of their distance from zero, each once", () => {
  expect(integersFrom(-2, 2)).toEqual([0, 1, -1, 2, -2]);
  expect(integersFrom(-1, 4)).toEqual([0, 1, -1, 2, 3, 4]);
  expect(integersFrom(-4, 1)).toEqual([0, 1, -1, -2, -3, -4]);
  expect(integersFrom(3, 6)).toEqual([3, 4, 5, 6]);
  expect(integersFrom(-6, -3)).toEqual([-3, -4, -5, -6]);
});

test("zeros draw what is simplest", () => {
  const draw = drawFromTape([]);
  expect([draw.integer(-9, 9), draw.pick(["a", "b"]), draw.happens(0.9), draw.random()]).toEqual([0, "a", false, 0]);
  expect(draw.bytes(2)).toEqual(new Uint8Array(2));
  expect([drawFromTape([0]).happens(1), drawFromTape([tapeNumberMax]).happens(0)]).toEqual([true, false]);
});

test("a tape draws the same each time, also behind its end", () => {
  const all = (): readonly number[] => {
    const draw = drawFromTape([5, 7]);
    return Array.from({ length: 200 }, () => draw.random());
  };
  expect(all()).toEqual(all());
  expect(new Set(all().slice(100)).size).toBeGreaterThan(90);
});

test("a schema that refuses the simplest value is drawn all the same, and its step is named", () => {
  const odd = v.pipe(v.picklist(["a", "b", "c"]), v.notValue("a"));
  const definition = { name: "odd", version: "1", create: () => ({}), queries: {} };
  const act = { input: v.object({ letter: odd }), apply: () => null };
  const plugin = checkDefinition({ ...definition, style: "typed", commands: { act } });
  const [step] = stepsOf([[]], "typed", new Drawing(plugin, "odd.ts", new Whereabouts()));
  expect(step).toMatchObject({ kind: "command", text: expect.stringMatching(/^the command act \{"letter":"[bc]"\}$/) });
});
