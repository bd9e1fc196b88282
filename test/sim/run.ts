// Simulates clusters by seed, from the command line:
//   bun run sim --seed 7             one seed; --trace prints what every node heard, became and did
//   bun run sim --from 0 --seeds 500 many; stops at the first that breaks, and says how to see it again
// Also --events N, --nodes N, --profile NAME, --membership: an administrator changes the members meanwhile,
// --stranger: a node that was never added lies to the others, and --damage noticed: disks lose what they had confirmed, and
// nodes have a mark to notice it by (--damage unnoticed: they have none, and a seed breaks).
import { parseArgs } from "node:util";
import { runAsTyped, wholeNumber } from "./command-line.ts";
import { addCoverage, newCoverage } from "./coverage.ts";
import { type ProfileName, profileNames } from "./profiles.ts";
import { replayCommand, simulate, type SimulationOptions } from "./simulate.ts";
import { Violation } from "../../src/sim/violation.ts";

function profileOf(text: string | undefined): ProfileName | undefined {
  const profile = profileNames.find((name) => name === text);
  if (text !== undefined && profile === undefined) {
    throw new RangeError(`--profile takes one of ${profileNames.join(", ")}`);
  }
  return profile;
}

function damageOf(text: string | undefined): SimulationOptions["damage"] {
  if (text === undefined || text === "noticed" || text === "unnoticed") return text;
  throw new RangeError("--damage takes noticed or unnoticed");
}

/** Whether the seed holds. */
function runOne(options: SimulationOptions, sum: ReturnType<typeof newCoverage>): boolean {
  try {
    const result = simulate(options);
    addCoverage(sum, result.coverage);
    return true;
  } catch (error) {
    if (!(error instanceof Violation)) throw error;
    console.error(`seed ${options.seed}: ${error.message}`);
    if (error.cause instanceof Error) console.error(error.cause.stack);
    console.error(`to see it again: ${replayCommand(options)} --trace`);
    return false;
  }
}

interface Run {
  readonly from: number;
  readonly count: number;
  readonly options: Omit<SimulationOptions, "seed">;
}

/** What was typed; throws when it makes no sense. */
function readRun(): Run {
  const { values } = parseArgs({
    options: {
      seed: { type: "string" },
      from: { type: "string" },
      seeds: { type: "string" },
      events: { type: "string" },
      nodes: { type: "string" },
      profile: { type: "string" },
      membership: { type: "boolean" },
      damage: { type: "string" },
      stranger: { type: "boolean" },
      trace: { type: "boolean" },
    },
  });
  return {
    from: wholeNumber("seed", values.seed) ?? wholeNumber("from", values.from) ?? 0,
    count: values.seed === undefined ? (wholeNumber("seeds", values.seeds) ?? 100) : 1,
    options: {
      events: wholeNumber("events", values.events) ?? 5000,
      nodes: wholeNumber("nodes", values.nodes),
      profile: profileOf(values.profile),
      membership: values.membership,
      stranger: values.stranger,
      damage: damageOf(values.damage),
      trace: values.trace === true ? (line) => console.log(line) : undefined,
    },
  };
}

/** Whether all seeds hold. */
function runAll({ from, count, options }: Run): boolean {
  const sum = newCoverage();
  const startedMs = performance.now();
  for (let seed = from; seed < from + count; seed++) if (!runOne({ ...options, seed }, sum)) return false;
  const seconds = (performance.now() - startedMs) / 1000;
  console.log(sum);
  console.log(`${count} seeds hold: ${Math.round(sum.steps / seconds)} events a second`);
  return true;
}

runAsTyped(readRun, runAll);
