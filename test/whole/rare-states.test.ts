// Whether the list of rare states is complete, and whether counting them leaves a simulation as it is.
import { describe, expect, spyOn, test } from "bun:test";
import kv from "../../plugins/kv/index.ts";
import { checkDefinition } from "../../src/adapters/plugin/definition-check.ts";
import { rareStates } from "../../src/sim/rare-states/all.ts";
import { features } from "../../src/sim/rare-states/rare-state.ts";
import { RareStateWatch } from "../../src/sim/rare-states/watch.ts";
import { simulateWhole } from "../../src/sim/simulate.ts";

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

  test("are counted without a change of the transcript", () => {
    const run = { seed: 8, plugin: checkDefinition(kv), events: 3000 };
    const counted = simulateWhole(run);
    const happens = spyOn(RareStateWatch.prototype, "happens").mockImplementation(() => {});
    const uncounted = simulateWhole(run);
    const asked = happens.mock.calls.length;
    happens.mockRestore();
    expect(asked).toBeGreaterThan(20);
    expect(Object.values(counted.rareStates).some((times) => times > 0)).toBe(true);
    expect(Object.values(uncounted.rareStates).every((times) => times === 0)).toBe(true);
    expect(uncounted.digest).toBe(counted.digest);
  }, 60_000);
});
