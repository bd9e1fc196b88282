// Whole nodes and their clients under bad luck, and whether the simulation would notice a node or a client that is wrong.
import { describe, expect, test } from "bun:test";
import { checkDefinition } from "../../src/adapters/plugin/definition-check.ts";
import kv from "../../plugins/kv/index.ts";
import type { Violation } from "../../src/sim/violation.ts";
import { loadWholeMutant, type WholeMutant, wholeMutants } from "./mutants.ts";
import { simulateWhole } from "../../src/sim/simulate.ts";

const plugin = checkDefinition(kv);
const events = 6000;

test("the same seed gives the same transcript, and another seed another one", () => {
  const [first, again, other] = [3, 3, 4].map((seed) => simulateWhole({ seed, plugin, events }));
  expect(again).toEqual(first);
  expect(other!.digest).not.toBe(first!.digest);
}, 240_000);

test("nodes and clients hold, and much happens to them", () => {
  const sum = {
    elections: 0,
    faults: 0,
    answers: 0,
    restores: 0,
    damages: 0,
    changes: 0,
    handOvers: 0,
    broughtBack: 0,
  };
  for (let seed = 100; seed < 130; seed++) {
    const result = simulateWhole({ seed, plugin, events });
    for (const name of Object.keys(sum) as (keyof typeof sum)[]) sum[name] += result[name];
  }
  expect(sum.elections).toBeGreaterThan(20);
  expect(sum.faults).toBeGreaterThan(100);
  expect(sum.answers).toBeGreaterThan(1000);
  expect(sum.restores).toBeGreaterThan(5);
  expect(sum.damages).toBeGreaterThan(3);
  expect(sum.changes).toBeGreaterThan(10);
  expect(sum.handOvers).toBeGreaterThan(10);
  expect(sum.broughtBack).toBeGreaterThan(1);
}, 240_000);

const seedsMax = 200;

/** The first violation among the mutant's seeds; null when it gets away. */
async function firstViolation(mutant: WholeMutant | null): Promise<Violation | null> {
  const loaded = await loadWholeMutant(mutant);
  try {
    for (let nth = 0; nth < (mutant === null ? 5 : seedsMax); nth++) {
      const violation = loaded.violationOf((mutant?.from ?? 0) + nth, events);
      if (violation !== null) return violation;
    }
    return null;
  } finally {
    loaded.dispose();
  }
}

describe("a node or a client that is wrong is caught", () => {
  for (const mutant of wholeMutants) {
    test(mutant.name, async () => expect((await firstViolation(mutant))?.message).toMatch(mutant.caughtBy), 240_000);
  }

  test("and a copy that is not wrong is not", async () => expect(await firstViolation(null)).toBeNull(), 120_000);
});
