// Whether a run over many seeds says what is wrong: a violation with the command that shows it again, and a state that was never reached.
import { describe, expect, test } from "bun:test";
import { type SeedOutcome, SeedTally } from "./seed-tally.ts";
import { rareStates } from "../../src/sim/rare-states/all.ts";

const budget = { firstSeed: 7, eventsOfSeed: 1000, eventsMin: 3000, writesMin: 30 };
const everything = Object.fromEntries(rareStates.map(({ name }) => [name, 1]));
const [one] = rareStates;

const holds = (seed: number, { events = 1500, writes = 15, reached = everything } = {}): SeedOutcome => ({
  kind: "holds",
  seed,
  result: { events, writes, rareStates: reached },
});

function tallyOf(outcomes: readonly SeedOutcome[]): SeedTally {
  const tally = new SeedTally(budget);
  for (const outcome of outcomes) tally.add(outcome);
  return tally;
}

describe("a run over many seeds", () => {
  test("is complete with enough events and enough commands", () => {
    expect(tallyOf([holds(7)]).isComplete).toBe(false);
    expect(tallyOf([holds(7), holds(8)]).isComplete).toBe(true);
    expect(tallyOf([holds(7), holds(8, { writes: 14 })]).isComplete).toBe(false);
    expect(tallyOf([holds(7), holds(8, { events: 1499 })]).isComplete).toBe(false);
  });

  test("has no failure when all seeds hold and each rare state is reached", () =>
    expect(tallyOf([holds(7), holds(8)]).failures).toEqual([]));

  test("fails with the name of each rare state that is reached in no seed", () => {
    const without = { ...everything, [one!.name]: 0 };
    expect(tallyOf([holds(7, { reached: without }), holds(8)]).failures).toEqual([]);
    expect(tallyOf([holds(7, { reached: without }), holds(8, { reached: without })]).failures).toEqual([
      `never reached: ${one!.name}`,
    ]);
  });

  test("counts how often a rare state is reached, and in how many seeds", () => {
    const twice = { ...everything, [one!.name]: 2 };
    const never = { ...everything, [one!.name]: 0 };
    const { reached } = tallyOf([holds(7, { reached: twice }), holds(8, { reached: never })]);
    expect(reached[0]).toEqual({ name: one!.name, times: 2, seeds: 1 });
  });

  test("fails with each violation and the command that shows it again", () => {
    const fails = (seed: number, afterEvents: number): SeedOutcome => ({
      kind: "fails",
      seed,
      why: "two leaders",
      afterEvents,
    });
    expect(tallyOf([fails(7, 400), holds(8), fails(9, 1200), holds(10)]).failures).toEqual([
      "seed 7: two leaders\n  see it again: bun run sim --seed 7 --events 400",
      // In the quiet time, which comes after as many events with faults as ever.
      "seed 9: two leaders\n  see it again: bun run sim --seed 9 --events 1000",
    ]);
  });

  test("ends after ten violations, and says nothing of what it could not reach", () => {
    const tally = tallyOf(
      Array.from({ length: 12 }, (_, nth) => ({ kind: "fails", seed: 7 + nth, why: "two leaders", afterEvents: 1 })),
    );
    expect(tally.isComplete).toBe(true);
    expect(tally.failures).toHaveLength(10);
    expect(tally.failures.every((each) => each.includes("two leaders"))).toBe(true);
  });

  test("counts in the order of the seeds, whichever comes first", () => {
    const early = tallyOf([holds(9), holds(8)]);
    expect([early.isComplete, early.seeds]).toEqual([false, 0]);
    early.add(holds(7, { events: 1400 }));
    expect([early.isComplete, early.seeds, early.events, early.writes]).toEqual([true, 3, 4400, 45]);
  });
});
