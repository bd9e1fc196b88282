// Which steps make a check fail, and which are the fewest and simplest? fast-check makes tapes from a seed and shrinks the ones that fail.
import { array, asyncProperty, check as checkProperty, integer } from "fast-check";
import type { OpenCheck } from "./checks/check.ts";
import { type Tape, tapeNumberMax } from "./tape.ts";
import type { Fault, Step } from "./transcript.ts";

export interface Search {
  readonly seed: number;
  readonly runs: number;
  /** Of processor time without a step, at first and while smaller steps are looked for. */
  readonly loopSeconds: { readonly first: number; readonly shrinking: number };
  /** How often smaller steps may be played, and how often of these the plugin may take its time. Not by the clock: the same seed finds the same. */
  readonly shrinking: { readonly playsMax: number; readonly slowMax: number };
}

export interface Drawer {
  /** How long a single function may take without a word. */
  loopSeconds: number;
  draw(tapes: readonly Tape[]): Promise<readonly Step[]>;
}

export interface Found {
  readonly fault: Fault;
  readonly steps: readonly Step[];
}

const stepsMax = 24;
/** A longer input is drawn from zeros. */
const tapeLengthMax = 24;

const tape = array(integer({ min: 0, max: tapeNumberMax }), { maxLength: tapeLengthMax, size: "max" });
const tapes = array(tape, { minLength: 1, maxLength: stepsMax, size: "max" });

/** Null: no steps make the check fail. */
export async function search(check: OpenCheck, player: Drawer, options: Search): Promise<Found | null> {
  return new Hunt(check, player, options).run();
}

class Hunt {
  readonly #check: OpenCheck;
  readonly #player: Drawer;
  readonly #options: Search;
  /** The smallest so far. */
  #best: Found | null = null;
  #plays = 0;
  #slow = 0;

  constructor(check: OpenCheck, player: Drawer, options: Search) {
    this.#check = check;
    this.#player = player;
    this.#options = options;
  }

  async run(): Promise<Found | null> {
    const { seed, runs, loopSeconds } = this.#options;
    this.#player.loopSeconds = loopSeconds.first;
    const property = asyncProperty(tapes, async (drawn) => {
      // Each smaller tape of an endless loop takes its time to be tried: there only steps are left out.
      if (this.#best?.fault.isSlow === true || this.#isOver) return true;
      return !(await this.#fails(await this.#player.draw(drawn)));
    });
    const { failed, errorInstance } = await checkProperty(property, { seed, numRuns: runs });
    if (failed && this.#best === null) throw errorInstance;
    if (this.#best !== null) await this.#leaveOutSteps(this.#best);
    return this.#best;
  }

  get #isOver(): boolean {
    const { playsMax, slowMax } = this.#options.shrinking;
    return this.#plays >= playsMax || this.#slow >= slowMax;
  }

  /** Whether these steps break the rule, and then they are the best. Smaller steps that break another rule are no example of this one. */
  async #fails(steps: readonly Step[]): Promise<boolean> {
    const fault = await this.#check.play(steps);
    if (this.#best !== null) this.#plays++;
    if (fault === null || (this.#best !== null && fault.rule !== this.#best.fault.rule)) return false;
    if (this.#best !== null && fault.isSlow === true) this.#slow++;
    // The steps after the one that fails have not been played.
    this.#best = { fault, steps: fault.step === null ? steps : steps.slice(0, fault.step + 1) };
    this.#player.loopSeconds = this.#options.loopSeconds.shrinking;
    return true;
  }

  /** The larger parts first. */
  async #leaveOutSteps(first: Found): Promise<void> {
    let { steps } = first;
    for (let size = Math.ceil(steps.length / 2); size >= 1; size = size === 1 ? 0 : Math.ceil(size / 2)) {
      for (let at = 0; at < steps.length && !this.#isOver;) {
        const fewer = [...steps.slice(0, at), ...steps.slice(at + size)];
        if (fewer.length > 0 && (await this.#fails(fewer))) steps = this.#best!.steps;
        else at += size;
      }
    }
  }
}
