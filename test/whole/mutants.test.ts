// Would the simulation of whole nodes notice a core, a node or a client that is wrong? For each mistake some seed must break a rule.
// Whether one breaks at all is what is tested, not which one: that changes with every draw of chance.
import { describe, expect, test } from "bun:test";
import type { Violation } from "../../src/sim/violation.ts";
import { allMutants } from "./all-mutants.ts";
import { eventsMax, loadWholeMutant, replaceOnce, type WholeMutant } from "./mutants.ts";

/** The recorded seed is the first. The others are for when the simulation draws other numbers than it did. */
const seedsMax = 200;

/** The first violation among the mutant's seeds that shows what is wrong, or else the last one; null when it gets away. */
async function firstViolation(mutant: WholeMutant | null): Promise<Violation | null> {
  const loaded = await loadWholeMutant(mutant);
  const { from = 0, events = eventsMax, caughtBy = /./ } = mutant ?? {};
  let last: Violation | null = null;
  try {
    for (let seed = from; seed < from + (mutant === null ? 5 : seedsMax); seed++) {
      const violation = loaded.violationOf(seed, events);
      if (violation !== null && caughtBy.test(violation.message)) return violation;
      last = violation ?? last;
    }
    return last;
  } finally {
    loaded.dispose();
  }
}

describe("a core, a node or a client that is wrong is caught", () => {
  for (const mutant of allMutants) {
    test(mutant.name, async () => expect((await firstViolation(mutant))?.message).toMatch(mutant.caughtBy), 240_000);
  }

  test("and a copy that is not wrong is not", async () => expect(await firstViolation(null)).toBeNull(), 120_000);
});

test("a replacement must be found exactly once", () => {
  expect(() => replaceOnce("a b a", { file: "f", text: "a", by: "c" })).toThrow("holds 2 times");
  expect(() => replaceOnce("a b a", { file: "f", text: "d", by: "c" })).toThrow("holds 0 times");
  expect(replaceOnce("a b a", { file: "f", text: "b", by: "c" })).toBe("a c a");
});
