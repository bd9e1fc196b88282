// Would the simulator notice? For each mutant of the core some seed must break, and by the rule that it offends. Whether
// they break at all is what is tested, not at which seed: that changes with every draw of chance.
import { describe, expect, test } from "bun:test";
import { membershipMutants } from "./membership-mutants.ts";
import { loadMutant, type Mutant, mutants } from "./mutants.ts";
import { simulate } from "./simulate.ts";
import { sessionMutants } from "./session-mutants.ts";
import { strangerMutants } from "./stranger-mutants.ts";
import { Violation } from "../../src/sim/violation.ts";
import type { Core } from "./world.ts";

const figure32 = { invariants: false, promises: false };

/** The first violation among the mutant's seeds; null when it gets away. */
function firstViolation(mutant: Mutant, core: Core): Violation | null {
  const { profile, nodes, membership, stranger, damage, checks = figure32 } = mutant;
  for (let seed = 0; seed < mutant.seedsMax; seed++) {
    try {
      simulate({ seed, events: 5000, profile, nodes, membership, stranger, damage, core, checks });
    } catch (error) {
      if (!(error instanceof Violation)) throw error;
      return error;
    }
  }
  return null;
}

describe("a core that is wrong is caught", () => {
  for (const mutant of [...mutants, ...membershipMutants, ...sessionMutants, ...strangerMutants]) {
    test(
      mutant.name,
      async () => {
        const { core, dispose } = await loadMutant(mutant);
        try {
          expect(firstViolation(mutant, core)?.message).toMatch(mutant.caughtBy);
        } finally {
          dispose();
        }
      },
      120_000,
    );
  }

  test("and a copy that is not wrong is not", async () => {
    const { core, dispose } = await loadMutant({ name: "none", replacements: [], seedsMax: 20, caughtBy: /./ });
    try {
      expect(firstViolation({ name: "none", replacements: [], seedsMax: 20, caughtBy: /./ }, core)).toBeNull();
    } finally {
      dispose();
    }
  });
});
