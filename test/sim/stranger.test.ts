// A node that was never added lies to all others, under every kind of bad luck: no property breaks, and the cluster recovers while it
// goes on lying.
import { describe, expect, test } from "bun:test";
import { addCoverage, newCoverage } from "./coverage.ts";
import { profileNames } from "./profiles.ts";
import { replayCommand, simulate } from "./simulate.ts";

describe("P66: a node that was never added leads nobody and ends no leader's term", () => {
  for (const membership of [false, true]) {
    test(
      membership ? "while the members change" : "while the members stay",
      () => {
        const sum = newCoverage();
        for (let seed = 0; seed < 3 * profileNames.length; seed += 1) {
          const options = { seed, events: 4000, membership, stranger: true };
          try {
            addCoverage(sum, simulate(options).coverage);
          } catch (error) {
            throw new Error(`seed ${seed} breaks; to see it: ${replayCommand(options)} --trace`, { cause: error });
          }
        }
        expect(sum.lies).toBeGreaterThan(3_000);
      },
      120_000,
    );
  }
});
