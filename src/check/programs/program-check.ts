// Does a program keep the promises of docs/process.md? Runs the table of checks until one fails, as plugin-check.ts does for a plugin.
import type { ProgramLocation } from "../../adapters/process/child.ts";
import { readHello } from "../../adapters/process/program.ts";
import type { OpenCheck } from "../checks/check.ts";
import type { CheckedPlugin } from "../messages.ts";
import { type Found, search } from "../search.ts";
import { stepsOf } from "../steps.ts";
import type { Tape } from "../tape.ts";
import type { Step } from "../transcript.ts";
import { type ProgramCheck, programChecks } from "./checks.ts";
import { RequestDrawing } from "./draw-requests.ts";
import { ProgramPlay } from "./program-play.ts";

export interface ProgramCheckOptions {
  readonly location: ProgramLocation;
  readonly seed: number;
  /** Lists of steps; each check has its share of them. */
  readonly runs: number;
  readonly loaded: (program: CheckedPlugin) => Promise<void>;
  /** `runs` null: the check needs snapshots, and the program has none. */
  readonly passed: (check: ProgramCheck, runs: number | null) => Promise<void>;
}

export interface ProgramFinding extends Found {
  readonly check: ProgramCheck;
}

/** How long a program may take for one request. */
const patienceSeconds = { first: 4, shrinking: 1 } as const;
/** Each play begins a process or more. */
const shrinking = { playsMax: 16, slowMax: 2 } as const;

/** Draws steps, and remembers how patient a play is. */
class ProgramDrawer {
  loopSeconds: number = patienceSeconds.first;
  readonly #drawing: RequestDrawing;
  readonly #style: "typed" | "raw";

  constructor(style: "typed" | "raw", drawing: RequestDrawing) {
    this.#style = style;
    this.#drawing = drawing;
  }

  draw(tapes: readonly Tape[]): Promise<readonly Step[]> {
    return Promise.resolve(stepsOf(tapes, this.#style, this.#drawing));
  }
}

/** The first check that fails, with the smallest steps that were found; null: all pass. Throws `GraftError("plugin")`. */
export async function checkProgram(options: ProgramCheckOptions): Promise<ProgramFinding | null> {
  const { location, seed } = options;
  const hello = await readHello(location);
  await options.loaded({
    name: hello.name,
    version: hello.version,
    hasSnapshots: hello.snapshots,
    isDurable: false,
    whyShared: null,
  });
  const drawer = new ProgramDrawer(hello.style, new RequestDrawing(hello));
  const begin = (environment: Readonly<Record<string, string>> = {}): Promise<ProgramPlay> =>
    ProgramPlay.begin({ location, environment, patienceMs: 1_000 * drawer.loopSeconds });
  for (const check of programChecks) {
    const isSkipped = check.needsSnapshots && !hello.snapshots;
    const runs = Math.max(1, Math.round(options.runs * check.share));
    if (!isSkipped) {
      const open: OpenCheck = { play: (steps) => check.play(begin, steps), close: () => {} };
      const found = await search(open, drawer, { seed, runs, loopSeconds: patienceSeconds, shrinking });
      if (found !== null) return { ...found, check };
    }
    await options.passed(check, isSkipped ? null : runs);
  }
  return null;
}
