// Whether the list of rare states is complete, and whether counting them leaves a simulation as it is.
import { describe, expect, test } from "bun:test";
import { rareStates } from "../../src/sim/rare-states/all.ts";
import { features } from "../../src/sim/rare-states/rare-state.ts";

describe("the rare states", () => {
  test("each pair of features meets in at least one", () => {
    const pairs = features.flatMap((one, at) => features.slice(at + 1).map((other) => [one, other] as const));
    const missing = pairs.filter(
      (pair) => !rareStates.some((each) => pair.every((one) => each.features.includes(one))),
    );
    expect(missing).toEqual([]);
  });

  test("have names of their own", () => {
    const names = rareStates.map(({ name }) => name);
    expect(names.filter((name, at) => names.indexOf(name) !== at)).toEqual([]);
  });
});
