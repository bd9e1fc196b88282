// Clusters whose members change all the time, under every kind of bad luck: nodes come as learners, are promoted, demoted,
// preferred, removed, wiped and replaced. It is also asked that all of this has happened.
import { describe, expect, test } from "bun:test";
import { addCoverage, type Coverage, newCoverage } from "./coverage.ts";
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
