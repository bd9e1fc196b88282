// How long is a cluster of three without a leader when its leader is killed, frozen or stopped?
//
//   bun bench/election.ts [--runs 5] [--signal SIGKILL] [--rounds 1] [--out DIR] [--peer 'NAME=COMMAND']
//
// COMMAND may hold {runs} and {signal}, and prints a JSON line with `ms` per run as `graft bench election --json` does.
import { join } from "node:path";
import { armFailStop } from "../src/fail-stop.ts";
import { median, readArguments, run } from "./compare.ts";
import { printTable, type Row, writeResults } from "./present.ts";

armFailStop();

const graft = join(import.meta.dir, "..", "dist", "graft");
const comparison = readArguments(`${graft} bench election --runs {runs} --signal {signal} --json`, ["runs", "signal"]);
const { runs = "5", signal = "SIGKILL" } = comparison.rest;

const systems = await run(comparison, { runs, signal });
const own = median(systems[0]!, "ms");
const rows = systems.map((figures): Row => {
  const value = Number(median(figures, "ms").toFixed(1));
  const worst = Math.max(...figures.lines.map((line) => Number(line["ms"] ?? 0)));
  return { label: figures.name, value, more: { worstMs: worst, "graft takes": `${(own / value).toFixed(2)}×` } };
});
const title = `Failover: ${signal} of the leader to the next acknowledged put, median of ${runs} runs`;
printTable(title, rows, "ms");
if (comparison.out !== null)
  await writeResults(comparison.out, "election", { title, unit: "ms", rows, lines: systems });
