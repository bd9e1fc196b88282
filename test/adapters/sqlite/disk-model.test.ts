// Does the simulation of whole nodes believe in a better disk than there is? It runs on a model (src/sim/memory) in the place of SQLite.
// Here the same writes go to both, and both are ended at the same moments.
//
// The direction that is checked: each outcome that real SQLite shows on real files must be one that the model can have. So the model
// may be harsher than SQLite, and never kinder. An outcome is everything that a start sees: whether the node starts, whole or to be
// refilled, term, vote, base, end, snapshot and records, and what reading the log gives. What was confirmed before the end must be there
// in both, because the model has no outcome without it.
//
// Not seen: a power cut while a start creates a database, when SQLite does not use its WAL yet; names that reach the disk in another
// order than they were given; damage that only a later write of SQLite would meet (damage.test.ts has one); what else befalls
// the files when the power is cut, or the process ends, in the middle of a write: the mark does not name that write yet, or names
// less for its sake (docs/operations.md, "What no node can see alone"). Few are passed over for it.
//
// GRAFT_DISK_SEEDS=FIRST:COUNT runs other seeds. A seed repeats itself only below the same TMPDIR, since findings name their files.
import { expect, test } from "bun:test";
import { firstSeedOf } from "../../whole/first-seed.ts";
import { compareSeed } from "./disk-model/compare.ts";
import type { Figures } from "./disk-model/look.ts";

/** Each has once shown a fault: of Graft, of the model, or of the comparison. */
const kept = [
  18, 36, 37, 79, 87, 110, 146, 155, 182, 188, 197, 217, 1522877183, 1600000107, 1600000223, 1700000016, 1700000079,
  1700000106, 1700000144, 1800000037, 1800000121, 2100000111, 3553568061, 943938778, 4180661843, 5000000163, 2571428640,
  135560572, 2890310504,
];
const freshCount = 8;

const asked = Bun.env["GRAFT_DISK_SEEDS"];
const secondsMax = 60;

function compareSeeds(seeds: readonly number[]): Figures {
  const figures: Figures = { writes: 0, starts: 0, passedOver: 0, outcomes: new Map() };
  const failures: string[] = [];
  for (const seed of seeds) {
    try {
      compareSeed(seed, figures);
    } catch (error) {
      failures.push(String(error));
    }
  }
  expect(failures).toEqual([]);
  expect(figures.passedOver).toBeLessThan(figures.starts / 100);
  return figures;
}

const seedsFrom = (first: number, count: number): readonly number[] =>
  Array.from({ length: count }, (_, at) => first + at);

test.skipIf(asked !== undefined)(
  "what real SQLite shows after a crash or a fault, the model of the disk shows too: the seeds that are kept",
  () => {
    const { outcomes } = compareSeeds(kept);
    // They reach all that a start can come to.
    const kinds = [...outcomes.keys()].map((key) => key.slice(key.indexOf(": ") + 2));
    expect(new Set(kinds)).toEqual(
      new Set([
        "starts",
        "to be refilled",
        "its log cannot be read",
        "it does not start: it is the only voter",
        "it does not start: its mark is gone",
      ]),
    );
  },
  kept.length * secondsMax * 1000,
);

const [first = firstSeedOf(undefined), count = freshCount] = asked?.split(":").map(Number) ?? [];

test(
  `what real SQLite shows after a crash or a fault, the model of the disk shows too: GRAFT_DISK_SEEDS=${first}:${count}`,
  () => {
    const figures = compareSeeds(seedsFrom(first, count));
    if (asked !== undefined) console.log(figures);
  },
  count * secondsMax * 1000,
);
