// Does a cluster of three survive damage on the disk of one of its nodes, live and under load? Each run damages one node, ends and
// starts nodes, and compares: every acknowledged command, every answer, every entry of every log, every leader.
//
//   bun bench/live-damage.ts lost-tail      [--runs 20] [--seed N]   P46: damage to the WAL while one of three is away
//   bun bench/live-damage.ts forgotten-vote [--runs 20] [--seed N]   a bit of the vote in the WAL while its leader is frozen
//   bun bench/live-damage.ts files          [--runs 200] [--seed N]  damage to database, snapshots and mark, at rest and running
//
// --graft PATH: another binary. --keep DIR: where the data and logs of runs go that are not as they must be. A run prints its seed;
// `--runs 1 --seed THAT` damages the same way again. Ends with 1 when anything was lost, wrong, or not in step by itself.
import { join } from "node:path";
import { parseArgs } from "node:util";
import { damageFiles } from "./live-damage/damaged-files.ts";
import { forgottenVote } from "./live-damage/forgotten-vote.ts";
import { lostTail } from "./live-damage/lost-tail.ts";
import { type Outcome, runOnce, type RunOptions } from "./live-damage/run-once.ts";

const { values, positionals } = parseArgs({
  allowPositionals: true,
  options: {
    runs: { type: "string" },
    seed: { type: "string", default: String(Date.now() % 1_000_000) },
    graft: { type: "string", default: join(import.meta.dir, "..", "dist", "graft") },
    keep: { type: "string" },
  },
});
const seed = Number(values.seed);
const options: RunOptions = { graft: values.graft, keep: values.keep ?? null };

const kinds: Readonly<Record<string, () => AsyncIterable<Outcome>>> = {
  "lost-tail": () => repeated((nth) => runOnce(lostTail, seed + nth, options)),
  "forgotten-vote": () => repeated((nth) => runOnce(forgottenVote, seed + nth, options)),
  files: () => damageFiles(seed, Number(values.runs ?? 200), options),
};

async function* repeated(run: (nth: number) => Promise<Outcome>): AsyncIterable<Outcome> {
  const runs = Number(values.runs ?? 20);
  for (let nth = 0; nth < runs; nth++) yield await run(nth);
}

const kind = kinds[positionals[0] ?? ""];
if (kind === undefined) throw new RangeError(`what is to be damaged? ${Object.keys(kinds).join(", ")}`);
const figures = { seed, runs: 0, inStep: 0, refilled: 0, refused: 0, violations: 0, stuck: 0 };
for await (const outcome of kind()) {
  console.log(JSON.stringify(outcome));
  figures.runs++;
  figures[outcome.end]++;
  if (outcome.wasRefilled) figures.refilled++;
  if (outcome.violations.length > 0) figures.violations++;
}
console.log(JSON.stringify(figures));
process.exit(figures.stuck + figures.violations === 0 ? 0 : 1);
