// `graft plugin check`: does a state machine keep the promises that a plugin makes? The checks are src/check.
import { checkProgram, type ProgramFinding } from "../check/programs/program-check.ts";
import { notForPrograms, programChecks } from "../check/programs/checks.ts";
import { checkPlugin, type CheckOptions, type Finding } from "../check/plugin-check.ts";
import { replicaVariable, serveReplica } from "../check/replica.ts";
import { checks } from "../check/checks/all.ts";
import type { CheckedPlugin } from "../check/messages.ts";
import { GraftError } from "../errors.ts";
import { version } from "../version.ts";
import { answerFlags } from "./answer-flags.ts";
import { command } from "./command.ts";
import { failureOf, type Subject, unusable } from "./plugin-check-failure.ts";
import { program } from "./program.ts";
import { counted } from "./sim-summary.ts";
import { askedToStop, signalExitCodes, type StopSignal } from "./stop-signals.ts";
import { parseCount } from "./typed-numbers.ts";

const defaultRuns = 100;
const runsMax = 1_000_000;
/** What fast-check takes. */
const seedMax = 2 ** 31 - 1;

/** What a check came to. `runs` null: it needs snapshots, and the plugin has none. */
interface Passed {
  readonly name: string;
  readonly holds: string;
  readonly runs: number | null;
}

export const pluginCheck = command({
  summary: "Check a plugin against generated commands",
  details: [
    "Generates lists of commands and queries from the schemas of your operations, or from the examples that you give for them, and runs each list in several ways. The answers and the states must be the same each time.",
    `The checks: ${checks.map(({ name }) => name).join(", ")}. The command stops at the first check that fails, looks for the shortest list that shows it, and names the operation or the part of the state. The check crash is for plugins that keep their state on disk.`,
    "A program that is a state machine follows --, as in command of the configuration; it runs in this folder. Its lists are drawn from the examples in its first message. The checks engine, hosts and crash are not for programs; batch and later are for programs only.",
    "The same seed generates the same lists. The command needs no configuration and touches no data. graft sim tests the plugin further, on simulated nodes.",
    "Exit codes: 0 all checks pass, 1 a mistake was found or the plugin cannot be used, 2 wrong usage.",
  ],
  args: {
    file: {
      type: "positional",
      required: false,
      description: "the state machine: a path, kv, counter, lock, queue or sql",
    },
    seed: { type: "string", valueHint: "N", description: "generate the lists of this seed; default: a random one" },
    runs: {
      type: "string",
      valueHint: "K",
      description: `lists for each check; slow checks run fewer; default: ${defaultRuns}`,
    },
    ...answerFlags,
  },
  examples: [
    ["graft plugin check ./stock.ts", "check a state machine of your own"],
    ["graft plugin check ./stock.ts --seed 7 --runs 1000", "ten times as many lists, the same each time"],
    ["graft plugin check -- python3 machine.py", "check a program"],
  ],
  takesProgram: true,
  async run(args, { output, program: words }) {
    if (process.env[replicaVariable] !== undefined && process.send !== undefined) return serveReplica();
    const seed =
      args.seed === undefined
        ? crypto.getRandomValues(new Uint32Array(1))[0]! >>> 1
        : parseCount("--seed", args.seed, { min: 0, max: seedMax });
    const runs = parseCount("--runs", args.runs ?? String(defaultRuns), { min: 1, max: runsMax });
    const subject = subjectOf(args.file, words);
    const passed: Passed[] = [];
    let plugin: CheckedPlugin | null = null;
    const listeners = {
      loaded: async (loaded: CheckedPlugin): Promise<void> => {
        plugin = loaded;
        if (loaded.whyShared !== null) await output.say(sharedNote(loaded.whyShared));
      },
      passed: async ({ name, holds }: Pick<Passed, "name" | "holds">, times: number | null): Promise<void> => {
        passed.push({ name, holds, runs: times });
        if (!output.json) await output.line(passedWords(passed.at(-1)!));
      },
    };
    const checking = check(subject, { seed, runs, ...listeners }).catch((error: unknown) => {
      if (error instanceof Interrupted) return error;
      throw unusable(error, subject);
    });
    const names = ("path" in subject ? checks : programChecks).map(({ name }) => name);
    const found = await output.progress(() => `check ${names[passed.length] ?? ""}`, checking);
    if (found instanceof Interrupted) return signalExitCodes[found.signal];
    const about = { subject, seed, runs: args.runs === undefined ? null : runs, plugin: plugin!, passed };
    if (found !== null) throw failureOf(found, about);
    const notRun = "path" in subject ? [] : notForPrograms;
    if (!output.json)
      for (const [name, why] of notRun) await output.line(`-   ${name.padEnd(nameWidth)}  not run: ${why}`);
    const { name, version: pluginVersion } = about.plugin;
    const document = { plugin: name, pluginVersion, graft: version, seed, runs, checks: passed };
    await output.answer(document, (paint) =>
      paint("bold", `all checks pass: ${name} ${pluginVersion}, graft ${version}, seed ${seed}`),
    );
    return 0;
  },
});

/** The temporary folders of states on disk go before the process ends. */
class Interrupted extends Error {
  readonly signal: StopSignal;

  constructor(signal: StopSignal) {
    super(`interrupted by ${signal}`);
    this.signal = signal;
  }
}

/** Throws `GraftError("usage")`. */
function subjectOf(file: string | undefined, words: readonly string[]): Subject {
  const see = "see: graft plugin check --help";
  if (words.length === 0) {
    if (file !== undefined) return { path: file };
    throw new GraftError("usage", `FILE is missing, or a program after --; ${see}`);
  }
  if (file === undefined) return { words };
  throw new GraftError("usage", `there are both, the plugin ${file} and a program after --; ${see}`);
}

type Listeners = Pick<CheckOptions, "seed" | "runs" | "loaded"> & {
  readonly passed: (check: Pick<Passed, "name" | "holds">, runs: number | null) => Promise<void>;
};

function check(subject: Subject, options: Listeners): Promise<Finding | ProgramFinding | null> {
  const directory = process.cwd();
  if ("words" in subject) return checkProgram({ location: { command: subject.words, directory }, ...options });
  return checkPlugin({
    plugin: subject.path,
    directory,
    program: [...program, "plugin", "check", subject.path],
    interrupted: askedToStop().then((signal) => new Interrupted(signal)),
    ...options,
  });
}

const nameWidth = Math.max(...checks.map(({ name }) => name.length));

function passedWords({ name, holds, runs }: Passed): string {
  const told =
    runs === null ? "skipped: the plugin has no snapshot and no restore" : `${holds} (${counted(runs, "list")})`;
  return `${runs === null ? "- " : "ok"}  ${name.padEnd(nameWidth)}  ${told}`;
}

function sharedNote(why: string): string {
  const reason = /\bawait\b/.test(why) ? "its top level uses await. Move the await into a function" : why;
  return `note: the module cannot be loaded anew for each state machine, so repeat, restart and restore find less: ${reason}`;
}
