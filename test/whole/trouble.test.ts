// Would the simulation notice a node or a client that is wrong where a state machine stands still, a session ends, or a certificate
// expires? And does each of these happen often enough?
import { describe, expect, test } from "bun:test";
import kv from "../../plugins/kv/index.ts";
import { checkDefinition } from "../../src/adapters/plugin/definition-check.ts";
import { simulateWhole } from "../../src/sim/simulate.ts";
import type { Violation } from "../../src/sim/violation.ts";
import { loadWholeMutant, type WholeMutant } from "./mutants.ts";
import { troubleMutants } from "./trouble-mutants.ts";

const events = 6000;
const seedsMax = 200;

/** The first violation among the mutant's seeds; null when it gets away. */
async function firstViolation(mutant: WholeMutant): Promise<Violation | null> {
  const loaded = await loadWholeMutant(mutant);
  try {
    for (let nth = 0; nth < seedsMax; nth++) {
      const violation = loaded.violationOf((mutant.from ?? 0) + nth, events);
      if (violation !== null) return violation;
    }
    return null;
  } finally {
    loaded.dispose();
  }
}

test("much of this happens", () => {
  const sum = { standstills: 0, sessionsEnded: 0, staleReads: 0, certificates: 0 };
  for (let seed = 11_000; seed < 11_020; seed++) {
    const result = simulateWhole({ seed, plugin: checkDefinition(kv), events });
    for (const name of Object.keys(sum) as (keyof typeof sum)[]) sum[name] += result[name];
  }
  expect(sum.standstills).toBeGreaterThan(5);
  expect(sum.sessionsEnded).toBeGreaterThan(3);
  expect(sum.staleReads).toBeGreaterThan(50);
  expect(sum.certificates).toBeGreaterThan(2);
}, 240_000);

describe("what is wrong with a state machine that stands still, a session or a certificate is caught", () => {
  for (const mutant of troubleMutants) {
    test(mutant.name, async () => expect((await firstViolation(mutant))?.message).toMatch(mutant.caughtBy), 240_000);
  }
});
