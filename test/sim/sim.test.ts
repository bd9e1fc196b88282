// Whole clusters with all kinds of bad luck: 594 seeds of 5,000 events and more each. For each profile it is also asked
// that its bad luck has happened, so that the simulator cannot become tame without being noticed.
import { describe, expect, test } from "bun:test";
import { addCoverage, type Coverage, newCoverage } from "./coverage.ts";
import { type ProfileName, profileNames } from "./profiles.ts";
import { replayCommand, simulate, type SimulationOptions } from "./simulate.ts";

const seedsPerProfile = 54;
const events = 5000;

/** At least this much, over the seeds of a profile: about half of what was counted when it was written. */
const least: Readonly<Record<ProfileName, Partial<Coverage>>> = {
  calm: {
    acknowledged: 20_000,
    leaders: 100,
    transfersDone: 100,
    refusedProposals: 5000,
    reads: 7000,
    freshness: 35_000,
    sessionCommands: 3000,
  },
  lossy: {
    acknowledged: 20_000,
    dropped: 10_000,
    duplicated: 4000,
    reordered: 25_000,
    refusedAppends: 5000,
    parts: 1000,
  },
  partitions: {
    partitions: 400,
    oneWayPartitions: 200,
    truncations: 80,
    conflicts: 20,
    quorumsLost: 200,
    reads: 7000,
    followerReads: 2800,
    refusedReads: 2800,
  },
  crashes: {
    crashes: 1200,
    crashesWithLostWrites: 20,
    crashesBeforeGenesis: 30,
    wipedHalted: 30,
    leaders: 500,
    crashNotices: 600,
    crashElections: 70,
    answeredCopies: 700,
    forgottenCopies: 80,
  },
  pauses: {
    pauses: 500,
    wokeLate: 50,
    quorumsLost: 100,
    heldProposals: 1000,
    reads: 9000,
    refusedReads: 4500,
    expiredCopies: 100,
  },
  slowDisks: {
    crashesWithLostWrites: 300,
    partialAcks: 15_000,
    wipedHalted: 30,
    transfersTimedOut: 30,
    crashElections: 150,
  },
  rotation: { truncations: 500, conflicts: 500, elections: 1800, leaders: 1500, cutMessages: 8000, commits: 6000 },
  wipes: { wipedHalted: 60, truncations: 150, elections: 1800, leaders: 1500 },
  duels: { elections: 1800, leaders: 1200, crashes: 4000, duplicated: 3000, acknowledged: 8000, lateCrashNotices: 900 },
  compaction: { snapshotsTaken: 4000, snapshotsFetched: 20, snapshotsInstalled: 20, fetchesCut: 15 },
  everything: { truncations: 100, wokeLate: 20, wipedHalted: 20, transfersDone: 20, cutMessages: 2000, conflicts: 30 },
};

function runNamed(options: SimulationOptions): Coverage {
  try {
    return simulate(options).coverage;
  } catch (error) {
    throw new Error(`seed ${options.seed} breaks; to see it: ${replayCommand(options)} --trace`, { cause: error });
  }
}

describe("the five properties of figure 3.2, promises kept, and recovery", () => {
  for (const [offset, profile] of profileNames.entries()) {
    test(`${seedsPerProfile} clusters: ${profile}`, () => {
      const sum = newCoverage();
      for (let round = 0; round < seedsPerProfile; round++) {
        addCoverage(sum, runNamed({ seed: offset + round * profileNames.length, events }));
      }
      expect(sum.steps).toBeGreaterThanOrEqual(seedsPerProfile * events);
      for (const [what, count] of Object.entries(least[profile])) {
        expect(sum[what as keyof Coverage], what).toBeGreaterThanOrEqual(count);
      }
    }, 120_000);
  }
});

test("a seed tells the whole story: the same one twice gives the same transcript", () => {
  const transcriptOf = (seed: number): string[] => {
    const lines: string[] = [];
    simulate({ seed, events: 1500, trace: (line) => lines.push(line) });
    return lines;
  };
  const once = transcriptOf(9);
  expect(once.length).toBeGreaterThan(1500);
  expect(transcriptOf(9)).toEqual(once);
  expect(transcriptOf(19)).not.toEqual(once);
});
