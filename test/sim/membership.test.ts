// Clusters whose members change all the time, under every kind of bad luck: nodes come as learners, are promoted, demoted,
// preferred, removed, wiped and replaced. It is also asked that all of this has happened.
import { describe, expect, test } from "bun:test";
import { addCoverage, type Coverage, newCoverage } from "./coverage.ts";
import { loadMutant } from "./mutants.ts";
import { profileNames } from "./profiles.ts";
import { replayCommand, simulate, type SimulationOptions } from "./simulate.ts";

const seedsPerProfile = 12;
const events = 5000;

/** Over all profiles: about half of what was counted when it was written. */
const least: Partial<Coverage> = {
  changesDone: 450,
  changesUnknown: 40,
  changesConflicting: 25,
  jointConfigurations: 450,
  promotions: 250,
  rolledBack: 20,
  removed: 250,
  broughtBack: 200,
  abdications: 100,
};

function runNamed(options: SimulationOptions): Coverage {
  try {
    return simulate(options).coverage;
  } catch (error) {
    throw new Error(`seed ${options.seed} breaks; to see it: ${replayCommand(options)} --trace`, { cause: error });
  }
}

describe("P39, P40, P43: members change, and nothing that was acknowledged is lost", () => {
  const sum = newCoverage();
  for (const [offset, profile] of profileNames.entries()) {
    test(`${seedsPerProfile} clusters: ${profile}`, () => {
      for (let round = 0; round < seedsPerProfile; round++) {
        addCoverage(sum, runNamed({ seed: offset + round * profileNames.length, events, membership: true }));
      }
      expect(sum.changes).toBeGreaterThan(0);
    }, 120_000);
  }

  test("all kinds of changes have been made, and have met all kinds of ends", () => {
    for (const [what, count] of Object.entries(least)) {
      expect(sum[what as keyof Coverage], what).toBeGreaterThanOrEqual(count);
    }
  });
});

/** As the core is, but in the bustle of a simulation leadership would never find the peace to go home. */
const impatient = {
  name: "leadership goes home soon",
  replacements: [
    { file: "homecoming.ts", text: "const steadyFor = 5;", by: "const steadyFor = 0.2;" },
    { file: "homecoming.ts", text: "const pauseMin = 10;", by: "const pauseMin = 0.5;" },
  ],
  seedsMax: 0,
  caughtBy: /./,
};

test("leadership goes home, also to nodes that give it away again, and nothing is lost", async () => {
  const sum = newCoverage();
  const { core, dispose } = await loadMutant(impatient);
  try {
    for (const [offset, profile] of profileNames.entries()) {
      for (let seed = offset; seed < 8 * profileNames.length; seed += profileNames.length) {
        addCoverage(sum, simulate({ seed, events, profile, membership: true, core }).coverage);
      }
    }
  } finally {
    dispose();
  }
  expect(sum.homecomings).toBeGreaterThan(25);
  expect(sum.handedBack).toBeGreaterThan(40);
}, 120_000);
