// Runs the simulations of `graft sim` one after the other, and lets signals and output have the thread in between.
import type { Subject } from "../sim/plugin-copies.ts";
import { type Found, shrink, type Telling } from "../sim/shrink.ts";
import { simulating, type WholeResult } from "../sim/simulate.ts";
import { faultKinds, type Story } from "../sim/story.ts";
import { Violation } from "../sim/violation.ts";
import type { Output } from "./output.ts";
import { askedToStop } from "./stop-signals.ts";

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
  "rejections",
] as const satisfies readonly (keyof WholeResult)[];

export interface Sum extends Record<(typeof counts)[number], number> {
  seeds: number;
  seconds: number;
  /** It was stopped before its end. */
  isCut: boolean;
}

const shrinkingMs = 60_000;

export class Simulator {
  readonly #subject: Subject;
  readonly #output: Output;
  readonly #isTraced: boolean;
  readonly sum: Sum;
  #isStopped = false;
  #doing = "";

  constructor(subject: Subject, output: Output, isTraced: boolean) {
    this.#subject = subject;
    this.#output = output;
    this.#isTraced = isTraced;
    const zeros = Object.fromEntries(counts.map((name) => [name, 0])) as Record<(typeof counts)[number], number>;
    this.sum = { ...zeros, seeds: 0, seconds: 0, isCut: false };
    void askedToStop().then(() => (this.#isStopped = true));
  }

  /** Null: all seeds hold that were simulated. */
  async run(plan: Plan): Promise<Found | null> {
    const beganMs = performance.now();
    try {
      return await this.#shown(this.#runAll(plan, beganMs));
    } finally {
      this.sum.seconds = (performance.now() - beganMs) / 1000;
      this.sum.isCut = this.#isStopped;
    }
  }

  /** The smallest story that is found in a minute; null: told again, this one is not violated. */
  async shrink(found: Found): Promise<Found | null> {
    const endMs = performance.now() + shrinkingMs;
    this.#doing = "looking for a smaller story";
    return this.#shown(
      shrink(found, {
        faults: faultKinds,
        attempt: (telling) => this.#violationOf(telling, false),
        isOver: () => this.#isStopped || performance.now() > endMs,
        found: (best) => (this.#doing = `looking for a smaller story than ${best.violation.events} events`),
      }),
    );
  }

  async #runAll({ first, count, forMs, events, story }: Plan, beganMs: number): Promise<Found | null> {
    const isOver = (seed: number): boolean =>
      forMs === null ? seed >= first + count : performance.now() >= beganMs + forMs;
    for (let seed = first; !this.#isStopped && !isOver(seed); seed++) {
      this.#doing = `seed ${seed}`;
      const telling = { seed, events, story };
      const violation = await this.#violationOf(telling, this.#isTraced);
      // A replay may end with the event of the violation.
      if (violation !== null) return { ...telling, events: Math.min(events, violation.events), violation };
    }
    return null;
  }

  /** Null: nothing is violated, as far as it was simulated. */
  async #violationOf(telling: Telling, isTraced: boolean): Promise<Violation | null> {
    const { plugin, copy, drawing } = this.#subject;
    let lines: string[] = [];
    const steps = simulating({
      ...telling,
      plugin,
      ...(copy === null ? {} : { copy }),
      ...(drawing === null ? {} : { drawing }),
      ...(isTraced ? { trace: (line: string) => void lines.push(line) } : {}),
    });
    try {
      while (!this.#isStopped) {
        const step = await inTurn(() => steps.next());
        if (step.done === true) {
          this.#add(step.value);
          return null;
        }
        await this.#print(lines);
        lines = [];
      }
      return null;
    } catch (error) {
      if (error instanceof Violation) return error;
      throw error;
    } finally {
      await this.#print(lines);
    }
  }

  #add(result: WholeResult): void {
    for (const name of counts) this.sum[name] += result[name];
    this.sum.seeds++;
  }

  async #print(lines: readonly string[]): Promise<void> {
    if (lines.length > 0) await this.#output.line(lines.join("\n"));
  }

  /** A transcript is progress enough. */
  #shown<Result>(work: Promise<Result>): Promise<Result> {
    return this.#isTraced ? work : this.#output.progress(() => this.#doing, work);
  }
}

/** In a turn of the event loop of its own: signals and what is written come in between. */
function inTurn<Result>(work: () => Result): Promise<Result> {
  return new Promise((resolve, reject) => {
    setImmediate(() => {
      try {
        resolve(work());
      } catch (error) {
        reject(error);
      }
    });
  });
}
