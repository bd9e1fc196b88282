// Does a node notice damage to SQLite's WAL? Random flips, zeroed and copied pages and truncations, each on a store that real
// writes have filled and a kill has ended. Ends with 1 when a loss was silent.
//
//   bun bench/damage.ts [--runs 500] [--seed N]
import { parseArgs } from "node:util";
import { armFailStop } from "../src/fail-stop.ts";
import { damageWals } from "../test/adapters/sqlite/wal-damage.ts";

armFailStop();

const { values } = parseArgs({
  options: {
    runs: { type: "string", default: "500" },
    seed: { type: "string", default: String(Date.now() % 1_000_000) },
  },
});
const [runs, seed] = [Number(values.runs), Number(values.seed)];

const { wrong, ...figures } = await damageWals(seed, runs);
console.log(JSON.stringify({ seed, ...figures }));
for (const line of wrong) console.log(line);
process.exitCode = figures.silent === 0 ? 0 : 1;
