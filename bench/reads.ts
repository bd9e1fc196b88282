// How many gets a second does a cluster of three answer, linearizable at the leader and through all nodes, and stale?
//
//   bun bench/reads.ts [--clients 1,64] [--bytes 256] [--seconds 6] [--rounds 3] [--out DIR] [--peer 'NAME=COMMAND']
//
// COMMAND may hold {clients}, {bytes}, {seconds}, {consistency} and {via}, and prints JSON lines as `graft bench reads --json`.
import { join } from "node:path";
import { armFailStop } from "../src/fail-stop.ts";
import { median, readArguments, run } from "./compare.ts";
import { printTable, type Row, writeResults } from "./present.ts";

armFailStop();

const graft = join(import.meta.dir, "..", "dist", "graft");
const flags = "--clients {clients} --bytes {bytes} --seconds {seconds} --consistency {consistency} --via {via}";
const comparison = readArguments(`${graft} bench reads ${flags} --json`, ["clients", "bytes", "seconds"]);
const { clients = "1,64", bytes = "256", seconds = "6" } = comparison.rest;
const ways = [
  { name: "linearizable at the leader", consistency: "linearizable", via: "leader" },
  { name: "linearizable through any node", consistency: "linearizable", via: "any" },
  { name: "stale", consistency: "stale", via: "any" },
];

for (const count of clients.split(",").map(Number)) {
  for (const { name, consistency, via } of ways) {
    const systems = await run(comparison, { clients: count, bytes, seconds, consistency, via });
    const rows = systems.map((figures): Row => {
      const more = {
        p50Ms: median(figures, "p50Ms"),
        p99Ms: median(figures, "p99Ms"),
        failures: figures.lines.reduce((sum, line) => sum + Number(line["failures"] ?? 0), 0),
      };
      return { label: figures.name, value: median(figures, "opsPerSecond"), more };
    });
    const title = `Reads, ${name}: ${count} clients, ${bytes} bytes, median of ${comparison.rounds} rounds of ${seconds} s`;
    printTable(title, rows, "gets/s");
    if (comparison.out === null) continue;
    await writeResults(comparison.out, `reads-${consistency}-${via}-${count}`, {
      title,
      unit: "gets/s",
      rows,
      lines: systems,
    });
  }
}
