// Whole nodes and their clients in one process, from one seed: everything that happens is an event of one schedule, and promises are
// drained after each. The same seed gives the same transcript.
import { runThrough } from "./course.ts";
import type { WholeOptions, WholeResult } from "./whole-run.ts";
import { World } from "./world.ts";

export function simulateWhole(options: WholeOptions): WholeResult {
  const steps = simulating(options);
  for (;;) {
    const step = steps.next();
    if (step.done === true) return step.value;
  }
}

/** The same in parts, between which others may have the thread. */
export function simulating(options: WholeOptions): Generator<undefined, WholeResult> {
  return runThrough(new World(options), options.events);
}
