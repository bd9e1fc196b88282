// Simulates whole nodes with their clients by seed, from the command line:
//   bun run sim:nodes --seed 7              one seed; --trace prints what every node said, and when
//   bun run sim:nodes --from 0 --seeds 500  many; stops at the first that breaks, and says how to see it again
// Also --events N: how many of them with faults and load, before the quiet time.
import { parseArgs } from "node:util";
import { checkDefinition } from "../../src/adapters/plugin/definition-check.ts";
import kv from "../../plugins/kv/index.ts";
import { runAsTyped, wholeNumber } from "../sim/command-line.ts";
import { Violation } from "../../src/sim/violation.ts";
import { simulateWhole } from "../../src/sim/simulate.ts";

const plugin = checkDefinition(kv);

function readRun() {
  const { values } = parseArgs({
    options: {
      seed: { type: "string" },
      from: { type: "string" },
      seeds: { type: "string" },
      events: { type: "string" },
      trace: { type: "boolean", default: false },
    },
  });
  return {
    from: wholeNumber("seed", values.seed) ?? wholeNumber("from", values.from) ?? 0,
    count: values.seed === undefined ? (wholeNumber("seeds", values.seeds) ?? 100) : 1,
    events: wholeNumber("events", values.events) ?? 20_000,
    trace: values.trace,
  };
}

/** Whether all seeds hold. */
function runAll({ from, count, events, trace }: ReturnType<typeof readRun>): boolean {
  const sum = {
    events: 0,
    frames: 0,
    commands: 0,
    answers: 0,
    elections: 0,
    faults: 0,
    restores: 0,
    damages: 0,
    changes: 0,
    handOvers: 0,
    broughtBack: 0,
  };
  const beganMs = performance.now();
  for (let seed = from; seed < from + count; seed++) {
    try {
      const result = simulateWhole({ seed, plugin, events, ...(trace ? { trace: (line) => console.log(line) } : {}) });
      for (const name of Object.keys(sum) as (keyof typeof sum)[]) sum[name] += result[name];
    } catch (error) {
      if (!(error instanceof Violation)) throw error;
      console.error(error.message);
      if (error.cause instanceof Error) console.error(error.cause.stack);
      console.error(`to see it again: bun run sim:nodes --seed ${seed} --events ${events} --trace`);
      return false;
    }
  }
  console.log(sum);
  const seconds = (performance.now() - beganMs) / 1000;
  console.log(`${count} seeds hold: ${Math.round(sum.events / seconds)} events a second`);
  return true;
}

runAsTyped(readRun, runAll);
