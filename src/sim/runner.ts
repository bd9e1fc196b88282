// Runs simulations from one seed after the other, on the thread that is there for it, and looks for a smaller story of a violation.
import { closeTemporaryStates } from "../adapters/plugin/temporary-state.ts";
import type { SimulatedPlugin } from "./plugin-copies.ts";
import { type Found, shrink, type Telling } from "./shrink.ts";
import { simulating } from "./simulate.ts";
import { kindsDrawn, type Story } from "./story.ts";
import { Violation } from "./violation.ts";
import type { WholeResult } from "./whole-run.ts";
import type { Whereabouts } from "./whereabouts.ts";

export interface Plan {
  /** The first seed; each is followed by the next number. */
  readonly first: number;
  readonly count: number;
  /** Begin no seed after so long, in place of `count`. */
  readonly forMs: number | null;
  readonly events: number;
  readonly story: Story;
}

const counts = [
  "events",
  "frames",
  "commands",
  "answers",
  "elections",
  "faults",
  "restores",
  "damages",
  "changes",
  "handOvers",
  "broughtBack",
  "applied",
  "rejections",
] as const satisfies readonly (keyof WholeResult)[];

/** Of all seeds that hold. */
export type Sum = Record<(typeof counts)[number] | "seeds", number>;

export const emptySum = (): Sum => ({
  ...(Object.fromEntries(counts.map((name) => [name, 0])) as Record<(typeof counts)[number], number>),
  seeds: 0,
});

export interface Watchers {
  readonly whereabouts: Whereabouts;
  /** Takes a sentence of the transcript; null: nobody reads it. */
  readonly trace: ((line: string) => void) | null;
  /** Between parts of a simulation: resolves when the next one may begin. */
  readonly pause: () => Promise<void>;
  /** One more seed holds. */
  readonly held: (sum: Sum) => void;
  /** There is a smaller story. */
  readonly smaller: (found: Found) => void;
}

const shrinkingMs = 60_000;

export class Runner {
  readonly #simulated: SimulatedPlugin;
  readonly #watchers: Watchers;
  readonly #sum = emptySum();

  constructor(simulated: SimulatedPlugin, watchers: Watchers) {
    this.#simulated = simulated;
    this.#watchers = watchers;
  }

  /** Null: all seeds hold. */
  async run({ first, count, forMs, events, story }: Plan): Promise<Found | null> {
    const endMs = forMs === null ? Number.POSITIVE_INFINITY : performance.now() + forMs;
    const endSeed = forMs === null ? first + count : Number.POSITIVE_INFINITY;
    for (let seed = first; seed < endSeed && performance.now() < endMs; seed++) {
      const telling = { seed, events, story };
      const outcome = await this.#outcomeOf(telling, this.#watchers.trace);
      // A replay may end with the event of the violation.
      if (outcome instanceof Violation)
        return { ...telling, events: Math.min(events, outcome.events), violation: outcome };
      for (const name of counts) this.#sum[name] += outcome[name];
      this.#sum.seeds++;
      this.#watchers.held({ ...this.#sum });
    }
    return null;
  }

  /** The smallest story that is found in a minute; null: told again, this one is not violated. */
  async shrink(found: Found): Promise<Found | null> {
    const endMs = performance.now() + shrinkingMs;
    const { drawing } = this.#simulated;
    const drawn = drawing === null ? {} : { drawing };
    return shrink(found, {
      kindsIn: (telling) => kindsDrawn({ ...telling, ...drawn }),
      attempt: async (telling) => {
        const outcome = await this.#outcomeOf(telling, null);
        return outcome instanceof Violation ? outcome : null;
      },
      isOver: () => performance.now() > endMs,
      found: this.#watchers.smaller,
    });
  }

  async #outcomeOf(telling: Telling, trace: Watchers["trace"]): Promise<Violation | WholeResult> {
    const { plugin, copy, drawing } = this.#simulated;
    const { whereabouts, pause } = this.#watchers;
    whereabouts.beginSeed(telling.seed);
    const steps = simulating({
      ...telling,
      plugin,
      ...(copy === null ? {} : { copy }),
      ...(drawing === null ? {} : { drawing }),
      trace: (line) => {
        whereabouts.step();
        trace?.(line);
      },
    });
    try {
      for (;;) {
        const step = steps.next();
        whereabouts.expectSteps(false);
        // Also behind the last step: promises and timers that the plugin has left behind fail now, or belong to no seed.
        await pause();
        whereabouts.expectSteps(true);
        if (step.done === true) return step.value;
      }
    } catch (error) {
      if (error instanceof Violation) return error;
      throw error;
    } finally {
      closeTemporaryStates();
    }
  }
}
