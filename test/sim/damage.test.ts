// Disks that lose what they had confirmed, and logs with another history: nothing that was acknowledged is lost as long as nodes
// notice it, abstain, and compare histories. Without any one of these three a simulation breaks.
import { describe, expect, test } from "bun:test";
import { realCore } from "./cluster.ts";
import { addCoverage, type Coverage, newCoverage } from "./coverage.ts";
import { loadMutant } from "./mutants.ts";
import { profileNames } from "./profiles.ts";
import { replayCommand, simulate, type SimulationOptions } from "./simulate.ts";
import { Violation } from "../../src/sim/violation.ts";
import type { Core } from "./world.ts";

const seedsPerProfile = 10;
const events = 5000;

/** Over all profiles: about half of what was counted when it was written. */
const least: Partial<Coverage> = {
  damages: 130,
  damagesNoticed: 110,
  refilled: 110,
  forgeries: 20,
  forgeriesNoticed: 20,
  acknowledged: 20_000,
};

function runNamed(options: SimulationOptions): Coverage {
  try {
    return simulate(options).coverage;
  } catch (error) {
    throw new Error(`seed ${options.seed} breaks; to see it: ${replayCommand(options)} --trace`, { cause: error });
  }
}

describe("P46, P59, P60, P61: disks lose what they had confirmed, and no acknowledged command is lost", () => {
  const sum = newCoverage();
  for (const [offset, profile] of profileNames.entries()) {
    test(`${seedsPerProfile} clusters: ${profile}`, () => {
      for (let round = 0; round < seedsPerProfile; round++) {
        addCoverage(sum, runNamed({ seed: offset + round * profileNames.length, events, damage: "noticed" }));
      }
    }, 120_000);
  }

  test("while the members change", () => {
    const changing = newCoverage();
    for (let seed = 0; seed < 3 * profileNames.length; seed++) {
      addCoverage(changing, runNamed({ seed, events, membership: true, damage: "noticed" }));
    }
    expect(changing.refilled).toBeGreaterThan(15);
    expect(changing.changesDone).toBeGreaterThan(60);
  }, 120_000);

  test("all kinds of damage have been done, noticed and made good", () => {
    for (const [what, count] of Object.entries(least)) {
      expect(sum[what as keyof Coverage], what).toBeGreaterThanOrEqual(count);
    }
  });
});

/** The first violation of anything but the core's own invariants; null when there is none. */
function firstViolation(core: Core, damage: SimulationOptions["damage"], seedsMax: number): Violation | null {
  for (let seed = 0; seed < seedsMax; seed++) {
    try {
      simulate({ seed, events, damage, core, checks: { invariants: false, promises: false } });
    } catch (error) {
      if (!(error instanceof Violation)) throw error;
      return error;
    }
  }
  return null;
}

const harm = /Election Safety|Leader Completeness|State Machine Safety|Log Matching|creates entries|assertions|kept/;

describe("a cluster breaks", () => {
  test("P46: whose nodes have no mark and do not notice what they have lost", () => {
    expect(firstViolation(realCore, "unnoticed", 200)?.message).toMatch(harm);
  }, 120_000);

  const mutants = [
    {
      // That its leader finds it out as well is put aside: a leader may be new.
      name: "P61: whose nodes do not abstain after a loss",
      replacements: [
        {
          file: "restore.ts",
          text: "refill: saved.refill === null ? null : { ...saved.refill, id: drawStart(start.seed, 3), ticket: null },",
          by: "refill: null,",
        },
        { file: "refill.ts", text: "confirmed > log.last.index", by: "confirmed > log.last.index + 1e9" },
      ],
    },
    {
      name: "P60: whose nodes compare logs by index and term alone",
      replacements: [
        { file: "histories.ts", text: "chain === leaderChain;", by: "chain === chain || leaderChain === 0;" },
      ],
    },
  ];
  for (const { name, replacements } of mutants) {
    test(
      name,
      async () => {
        const mutant = { name, replacements, seedsMax: 400, caughtBy: harm };
        const { core, dispose } = await loadMutant(mutant);
        try {
          expect(firstViolation(core, "noticed", mutant.seedsMax)?.message).toMatch(harm);
        } finally {
          dispose();
        }
      },
      120_000,
    );
  }
});
