// `graft sim`: whole nodes and their clients with all kinds of faults, from seeds. The simulation is src/sim; what becomes of a violation is
// sim-failure.ts.
import { GraftError } from "../errors.ts";
import type { Plan } from "../sim/runner.ts";
import { clientsMax, faultKinds, faultKindsOfAnyPlugin, keyValueKinds, nodesMax, type Story } from "../sim/story.ts";
import { keyValueStore } from "../sim/plugin-copies.ts";
import { loopSeconds } from "../sim/thread.ts";
import { answerFlags } from "./answer-flags.ts";
import { command } from "./command.ts";
import { didYouMean } from "./did-you-mean.ts";
import type { ExitCode } from "./explain-error.ts";
import type { Output } from "./output.ts";
import { failureOf, failureOutside, stuckAtStart, stuckFailure } from "./sim-failure.ts";
import { type Simulated, simulate } from "./sim-runner.ts";
import { type About, summaryOf, summaryWords } from "./sim-summary.ts";
import { signalExitCodes } from "./stop-signals.ts";
import { parseCount } from "./typed-numbers.ts";

const defaults = { seeds: 20, events: 20_000 };
const seedMax = 2 ** 52;
const seedsMax = 1_000_000;
const eventsMax = 1_000_000_000;
const minutesMax = 10_000;

export const sim = command({
  summary: "Test your plugin on simulated nodes",
  details: [
    "Runs your state machine on simulated nodes, with simulated clients, a simulated clock, network and disk. It needs no configuration and touches no data.",
    "Each seed draws faults: nodes crash, the network is cut, disks are full or damaged. The states of all nodes must be equal after the same entries, and so must their answers. If they are not, the command prints what differs and how to see it again. The same seed always gives the same run.",
    "A state on disk is kept in temporary folders. Each life of a node begins with the snapshot and the log. To crash it between commits, use graft plugin check.",
    "Commands and queries are drawn from the schemas of your operations, or from the examples that you give for them. For the key-value store kv the answers must also be linearizable.",
    `If your code does not return within ${loopSeconds} seconds of processor time, the command names the operation and ends.`,
    `The kinds of faults for --faults: ${faultKindsOfAnyPlugin.join(", ")}. Only kv can also have: ${keyValueKinds.join(", ")}.`,
    "Exit codes: 0 all seeds hold, 1 a mistake was found or the plugin cannot be used, 130 stopped by Ctrl-C.",
  ],
  args: {
    plugin: {
      type: "string",
      valueHint: "PATH",
      description: "the state machine: a path, kv, counter, lock, queue or sql; default: kv",
    },
    seed: {
      type: "string",
      valueHint: "N",
      description: "the first seed, default 1; without --seeds and --minutes, the only seed",
    },
    seeds: { type: "string", valueHint: "K", description: `how many seeds; default: ${defaults.seeds}` },
    minutes: {
      type: "string",
      valueHint: "M",
      description: "begin new seeds for M minutes, in place of --seeds; without --seed, the first seed is random",
    },
    events: {
      type: "string",
      valueHint: "E",
      description: `how many events of each seed have faults; default: ${defaults.events}`,
    },
    nodes: { type: "string", valueHint: "N", description: "how many nodes; default: drawn" },
    clients: { type: "string", valueHint: "C", description: "how many clients; default: drawn" },
    faults: { type: "string", valueHint: "LIST", description: "only these kinds of faults, or none; default: all" },
    trace: { type: "boolean", description: "print everything that happens" },
    shrink: { type: "boolean", description: "after a mistake was found, look for a shorter run that shows it" },
    ...answerFlags,
  },
  examples: [
    ["graft sim --plugin ./stock.ts", "test a state machine of your own with twenty seeds"],
    [
      "graft sim --plugin ./stock.ts --minutes 10 --shrink",
      "ten minutes of new seeds, and a short run of what is found",
    ],
    ["graft sim --plugin ./stock.ts --seed 7 --trace", "print everything that happens with seed 7"],
  ],
  async run(args, { output }) {
    const path = args.plugin ?? null;
    const assignment = {
      ...planOf(args),
      plugin: path ?? keyValueStore,
      directory: process.cwd(),
      isTraced: args.trace === true,
      isShrunk: args.shrink === true,
    };
    const simulated = await simulate(assignment, output);
    const { end, thread } = simulated;
    const { plugin, found, smaller } = thread;
    if (plugin === null) {
      if (end.kind === "stuck") throw stuckAtStart(end, assignment.plugin);
      await output.answer({ seeds: 0, stopped: true }, () => "stopped before the plugin was loaded");
      return end.kind === "stopped" ? signalExitCodes[end.signal] : 0;
    }
    const about = { assignment, path, plugin };
    // What was found is told, however the search for a shorter run has ended.
    if (found !== null) throw failureOf(found, about, end.kind === "ended" ? end.shrinking : (smaller ?? "untried"));
    if (end.kind === "stuck") throw stuckFailure(end, about);
    if (end.kind === "failed") throw failureOutside(end.error, end.seed, about);
    return answer(simulated, about, output);
  },
});

async function answer({ end, thread, seconds }: Simulated, about: About, output: Output): Promise<ExitCode> {
  const stop = end.kind === "stopped" ? { in: thread.at.seed, at: thread.stillAt?.work ?? null } : null;
  const summary = summaryOf(thread.sum, seconds, about, stop);
  await output.answer(summary, (paint) => summaryWords(summary, paint));
  // Beside the answer, which is the same each time.
  await output.say(`${summary.eventsPerSecond} events a second, ${summary.seconds} s`);
  return end.kind === "stopped" ? signalExitCodes[end.signal] : 0;
}

interface SimArguments {
  readonly plugin?: string | undefined;
  readonly seed?: string | undefined;
  readonly seeds?: string | undefined;
  readonly minutes?: string | undefined;
  readonly events?: string | undefined;
  readonly nodes?: string | undefined;
  readonly clients?: string | undefined;
  readonly faults?: string | undefined;
}

function planOf({ seed, seeds, minutes, events, ...story }: SimArguments): Plan {
  if (seeds !== undefined && minutes !== undefined) {
    throw new GraftError("usage", "--seeds and --minutes: both say how many seeds; give one of them");
  }
  const forMs = minutes === undefined ? null : parseMinutes(minutes) * 60_000;
  const given = seed === undefined ? null : parseCount("--seed", seed, { min: 0, max: seedMax });
  const usual = given === null ? defaults.seeds : 1;
  return {
    // Another start each time: what has held for ten minutes need not be tried again.
    first: given ?? (forMs === null ? 1 : crypto.getRandomValues(new Uint32Array(1))[0]!),
    count: seeds === undefined ? usual : parseCount("--seeds", seeds, { min: 1, max: seedsMax }),
    forMs,
    events: parseCount("--events", events ?? String(defaults.events), { min: 0, max: eventsMax }),
    story: storyOf(story),
  };
}

function parseMinutes(text: string): number {
  const minutes = /^\d+(?:\.\d+)?$/.test(text) ? Number(text) : Number.NaN;
  if (minutes > 0 && minutes <= minutesMax) return minutes;
  throw new GraftError(
    "usage",
    `--minutes ${JSON.stringify(text)}: not a number of minutes up to ${minutesMax}; for instance 10 or 0.5`,
  );
}

function storyOf({ plugin, nodes, clients, faults }: SimArguments): Story {
  const kinds = plugin === undefined || plugin === keyValueStore ? faultKinds : faultKindsOfAnyPlugin;
  return {
    ...(nodes === undefined ? {} : { nodes: parseCount("--nodes", nodes, { min: 1, max: nodesMax }) }),
    ...(clients === undefined ? {} : { clients: parseCount("--clients", clients, { min: 1, max: clientsMax }) }),
    ...(faults === undefined
      ? {}
      : { faults: faults === "none" ? [] : faults.split(",").map((name) => faultKind(name, kinds)) }),
  };
}

function faultKind(name: string, kinds: readonly string[]): string {
  if (kinds.includes(name)) return name;
  const problem = keyValueKinds.includes(name)
    ? `only the shipped plugin ${keyValueStore} can have ${name}; this plugin can have`
    : `there is no ${JSON.stringify(name)}${didYouMean(name, kinds)}; there is`;
  throw new GraftError("usage", `--faults: ${problem}: ${kinds.join(", ")}`);
}
