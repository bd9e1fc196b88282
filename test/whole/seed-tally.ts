// What do many seeds come to? Sums over them how much was simulated and how often each rare state was reached, and says what is wrong.
// Outcomes count in the order of the seeds, so that the sum depends on the first seed alone and not on which process was quicker.
import { rareStates } from "../../src/sim/rare-states/all.ts";
import type { WholeResult } from "../../src/sim/whole-run.ts";

export interface SeedOrder {
  readonly seed: number;
  /** With faults. */
  readonly events: number;
}

export type SeedOutcome =
  | { readonly kind: "holds"; readonly seed: number; readonly result: Pick<WholeResult, Counted | "rareStates"> }
  /** `afterEvents`: in how many the violation came about. */
  | { readonly kind: "fails"; readonly seed: number; readonly why: string; readonly afterEvents: number };

type Counted = "events" | "writes";

export interface Budget {
  readonly firstSeed: number;
  /** With faults, of each seed. */
  readonly eventsOfSeed: number;
  /** In all, quiet times included. */
  readonly eventsMin: number;
  /** Commands that clients have asked for in all. */
  readonly writesMin: number;
}

export interface Reached {
  readonly name: string;
  times: number;
  /** In how many seeds. */
  seeds: number;
}

/** More violations than this say nothing new. */
const failuresMax = 10;

export class SeedTally {
  readonly #budget: Budget;
  /** Those whose turn has not come: an earlier seed is still simulated. */
  readonly #early = new Map<number, SeedOutcome>();
  readonly reached: readonly Reached[] = rareStates.map(({ name }) => ({ name, times: 0, seeds: 0 }));
  readonly #failures: string[] = [];
  seeds = 0;
  events = 0;
  writes = 0;

  constructor(budget: Budget) {
    this.#budget = budget;
  }

  get isComplete(): boolean {
    const { eventsMin, writesMin } = this.#budget;
    return this.#isCutShort || (this.events >= eventsMin && this.writes >= writesMin);
  }

  get #isCutShort(): boolean {
    return this.#failures.length >= failuresMax;
  }

  add(outcome: SeedOutcome): void {
    this.#early.set(outcome.seed, outcome);
    while (!this.isComplete) {
      const seed = this.#budget.firstSeed + this.seeds;
      const next = this.#early.get(seed);
      if (next === undefined) return;
      this.#early.delete(seed);
      this.seeds++;
      this.#count(next);
    }
  }

  /** Violations, each with the command that shows it again, and rare states that were never reached. */
  get failures(): readonly string[] {
    const missing = this.#isCutShort ? [] : this.reached.filter(({ times }) => times === 0);
    return [...this.#failures, ...missing.map(({ name }) => `never reached: ${name}`)];
  }

  #count(outcome: SeedOutcome): void {
    if (outcome.kind === "fails") {
      const { seed, why, afterEvents } = outcome;
      const events = Math.min(afterEvents, this.#budget.eventsOfSeed);
      this.#failures.push(`seed ${seed}: ${why}\n  see it again: bun run sim --seed ${seed} --events ${events}`);
      return;
    }
    const { result } = outcome;
    this.events += result.events;
    this.writes += result.writes;
    for (const each of this.reached) {
      const times = result.rareStates[each.name] ?? 0;
      each.times += times;
      if (times > 0) each.seeds++;
    }
  }
}
