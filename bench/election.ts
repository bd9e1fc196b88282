// How long is a cluster of three without a leader when its leader is killed?
//
//   bun bench/election.ts [--runs 5] [--rounds 1] [--out DIR] [--peer 'NAME=COMMAND']
//
// COMMAND may hold {runs}, and prints a JSON line with `ms` per run as `graft bench election --json` does.
import { join } from "node:path";
import { median, readArguments, run } from "./compare.ts";
import { printTable, type Row, writeResults } from "./present.ts";

const graft = join(import.meta.dir, "..", "dist", "graft");
const comparison = readArguments(`${graft} bench election --runs {runs} --json`, ["runs"]);
const { runs = "5" } = comparison.rest;

const systems = await run(comparison, { runs });
const own = median(systems[0]!, "ms");
const rows = systems.map((figures): Row => {
  const value = Number(median(figures, "ms").toFixed(1));
  const worst = Math.max(...figures.lines.map((line) => Number(line["ms"] ?? 0)));
  return { label: figures.name, value, more: { worstMs: worst, "graft takes": `${(own / value).toFixed(2)}×` } };
});
const title = `Failover: leader killed with SIGKILL to next acknowledged put, median of ${runs} runs`;
printTable(title, rows, "ms");
if (comparison.out !== null)
  await writeResults(comparison.out, "election", { title, unit: "ms", rows, lines: systems });
