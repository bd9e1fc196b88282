// `graft sim`: whole nodes and their clients under bad luck, from seeds. The simulation is src/sim; what becomes of a violation is
// sim-report.ts.
import { GraftError } from "../errors.ts";
import { loadSubject } from "../sim/plugin-copies.ts";
import { clientsMax, faultKinds, nodesMax, type Story } from "../sim/story.ts";
import { answerFlags } from "./answer-flags.ts";
import { command } from "./command.ts";
import { didYouMean } from "./did-you-mean.ts";
import { failureOf, summaryOf, summaryWords } from "./sim-report.ts";
import { type Plan, Simulator } from "./sim-runner.ts";
import { parseCount, parseDurationMs } from "./typed-numbers.ts";

const defaults = { seeds: 20, events: 20_000 };
const seedMax = 2 ** 52;
const seedsMax = 1_000_000;
const eventsMax = 1_000_000_000;

export const sim = command({
  summary: "Simulate a cluster's bad luck with your plugin",
  details: [
    "Whole nodes and clients run in this process, over a simulated clock, network and disk. Each seed draws its own bad luck: crashes,\npartitions, full and damaged disks, slow clocks. All nodes, in each of their lives, must come to the same states and the same\nanswers. The same seed gives the same story.",
    "With a plugin of your own, commands and queries are drawn from its schemas, or by the examples that it gives. The histories of the\nkey-value store kv must be linearizable.",
    `The kinds of faults: ${faultKinds.join(", ")}.`,
  ],
  args: {
    plugin: { type: "string", valueHint: "PATH", description: "the state machine: a path, kv or counter; default: kv" },
    seed: { type: "string", valueHint: "N", description: "this seed, or the first one; default: 1" },
    seeds: { type: "string", valueHint: "K", description: `how many; default: ${defaults.seeds}, with --seed 1` },
    minutes: { type: "string", valueHint: "M", description: "new seeds for so long, in place of --seeds" },
    events: {
      type: "string",
      valueHint: "E",
      description: `events with faults, of each seed; default: ${defaults.events}`,
    },
    nodes: { type: "string", valueHint: "N", description: "how many nodes; default: drawn" },
    clients: { type: "string", valueHint: "C", description: "how many clients; default: drawn" },
    faults: { type: "string", valueHint: "LIST", description: "only these kinds, or none; default: all" },
    trace: { type: "boolean", description: "print all that happens" },
    shrink: { type: "boolean", description: "look for a smaller story of a violation" },
    ...answerFlags,
  },
  examples: [
    ["graft sim --plugin ./stock.ts", "twenty seeds with a state machine of your own"],
    [
      "graft sim --plugin ./stock.ts --minutes 10 --shrink",
      "new seeds for ten minutes, and a small story of what is found",
    ],
    ["graft sim --plugin ./stock.ts --seed 7 --trace", "all that happens with this seed"],
  ],
  async run(args, { output }) {
    const plan = planOf(args);
    const subject = await loadSubject(args.plugin ?? "kv", process.cwd());
    if (subject.whyShared !== null) {
      await output.say(`note: all nodes share one copy of the plugin's module: ${subject.whyShared}`);
    }
    const about = { path: args.plugin ?? null, subject };
    const simulator = new Simulator(subject, output, args.trace === true);
    const found = await simulator.run(plan);
    if (found !== null) {
      throw failureOf(found, about, args.shrink === true ? await simulator.shrink(found) : "untried");
    }
    const summary = summaryOf(simulator.sum, about);
    await output.answer(summary, (paint) => summaryWords(summary, paint));
    // Beside the answer, which is the same each time.
    await output.say(`${summary.eventsPerSecond} events a second, ${summary.seconds} s`);
  },
});

interface SimArguments {
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
  const forMs = minutes === undefined ? null : parseDurationMs("--minutes", `${minutes}m`);
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

function storyOf({ nodes, clients, faults }: Pick<SimArguments, "nodes" | "clients" | "faults">): Story {
  return {
    ...(nodes === undefined ? {} : { nodes: parseCount("--nodes", nodes, { min: 1, max: nodesMax }) }),
    ...(clients === undefined ? {} : { clients: parseCount("--clients", clients, { min: 1, max: clientsMax }) }),
    ...(faults === undefined ? {} : { faults: faults === "none" ? [] : faults.split(",").map(faultKind) }),
  };
}

function faultKind(name: string): string {
  if (faultKinds.includes(name)) return name;
  const hint = didYouMean(name, faultKinds);
  throw new GraftError(
    "usage",
    `--faults: there is no ${JSON.stringify(name)}${hint}; there is: ${faultKinds.join(", ")}`,
  );
}
