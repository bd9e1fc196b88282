// Whole nodes and their clients under bad luck, from a random first seed on: at least as much as the budget says, on all cores.
// GRAFT_FIRST_SEED=N runs the same seeds as a run that printed N.
import { expect, test } from "bun:test";
import { firstSeedOf } from "../whole/first-seed.ts";
import { runSeeds } from "../whole/seed-workers.ts";

/** So many that each rare state is expected in at least ten seeds. */
const budget = { eventsOfSeed: 20_000, eventsMin: 20_000_000, writesMin: 300_000 };

/** Ends a run that hangs. On two free cores it takes some minutes. */
const timeoutMs = 60 * 60 * 1000;

test(
  "fresh seeds hold, and every rare state is reached",
  async () => {
    const from = firstSeedOf(process.env["GRAFT_FIRST_SEED"]);
    console.log(`seeds from ${from} on; again: GRAFT_FIRST_SEED=${from} bun run verify seeds`);
    const beganMs = performance.now();
    const tally = await runSeeds({ ...budget, firstSeed: from });
    const seconds = (performance.now() - beganMs) / 1000;
    const { seeds, events, writes, reached } = tally;
    console.log(
      `${seeds} seeds, ${events} events, ${writes} commands in ${seconds.toFixed(0)} s: ${Math.round(events / seconds)} events a second`,
    );
    for (const { name, times, seeds: count } of reached)
      console.log(`${String(times).padStart(9)} in ${String(count).padStart(5)} seeds  ${name}`);
    expect(tally.failures).toEqual([]);
  },
  timeoutMs,
);
