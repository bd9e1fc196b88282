// `graft plugin check`: does a state machine keep the promises that a plugin makes? The checks are src/check.
import { checkPlugin } from "../check/plugin-check.ts";
import { replicaVariable, serveReplica } from "../check/replica.ts";
import { checks } from "../check/checks/all.ts";
import type { CheckedPlugin } from "../check/messages.ts";
import { version } from "../version.ts";
import { answerFlags } from "./answer-flags.ts";
import { command } from "./command.ts";
import { failureOf, unusable } from "./plugin-check-failure.ts";
import { program } from "./program.ts";
import { counted } from "./sim-summary.ts";
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
    `The checks: ${checks.map(({ name }) => name).join(", ")}. The command stops at the first check that fails, looks for the shortest list that shows it, and names the operation or the part of the state.`,
    "The same seed generates the same lists. The command needs no configuration and touches no data. graft sim tests the plugin further, on simulated nodes.",
    "Exit codes: 0 all checks pass, 1 a mistake was found or the plugin cannot be used, 2 wrong usage.",
  ],
  args: {
    file: {
      type: "positional",
      required: true,
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
  ],
  async run(args, { output }) {
    if (process.env[replicaVariable] !== undefined && process.send !== undefined) return serveReplica();
    const seed =
      args.seed === undefined
        ? crypto.getRandomValues(new Uint32Array(1))[0]! >>> 1
        : parseCount("--seed", args.seed, { min: 0, max: seedMax });
    const runs = parseCount("--runs", args.runs ?? String(defaultRuns), { min: 1, max: runsMax });
    const passed: Passed[] = [];
    let plugin: CheckedPlugin | null = null;
    const checking = checkPlugin({
      plugin: args.file,
      directory: process.cwd(),
      seed,
      runs,
      program: [...program, "plugin", "check", args.file],
      loaded: async (loaded) => {
        plugin = loaded;
        if (loaded.whyShared !== null) await output.say(sharedNote(loaded.whyShared));
      },
      passed: async ({ name, holds }, times) => {
        passed.push({ name, holds, runs: times });
        if (!output.json) await output.line(passedWords(passed.at(-1)!));
      },
    }).catch((error: unknown) => {
      throw unusable(error);
    });
    const found = await output.progress(() => `check ${checks[passed.length]?.name ?? ""}`, checking);
    const about = { path: args.file, seed, runs: args.runs === undefined ? null : runs, plugin: plugin!, passed };
    if (found !== null) throw failureOf(found, about);
    const { name, version: pluginVersion } = about.plugin;
    const document = { plugin: name, pluginVersion, graft: version, seed, runs, checks: passed };
    await output.answer(document, (paint) =>
      paint("bold", `all checks pass: ${name} ${pluginVersion}, graft ${version}, seed ${seed}`),
    );
  },
});

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
