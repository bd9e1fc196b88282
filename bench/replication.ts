// How many puts a second does a cluster of three acknowledge, and how long does each take?
//
//   bun bench/replication.ts [--clients 1,64] [--bytes 256] [--seconds 6] [--rounds 3] [--out DIR] [--peer 'NAME=COMMAND']
//
// COMMAND may hold {clients}, {bytes} and {seconds}, and prints JSON lines as `graft bench replication --json` does.
import { join } from "node:path";
import { armFailStop } from "../src/fail-stop.ts";
import { median, readArguments, run } from "./compare.ts";
import { printTable, type Row, writeResults } from "./present.ts";

armFailStop();

const graft = join(import.meta.dir, "..", "dist", "graft");
const command = `${graft} bench replication --clients {clients} --bytes {bytes} --seconds {seconds} --json`;
const comparison = readArguments(command, ["clients", "bytes", "seconds"]);
const { clients = "1,64", bytes = "256", seconds = "6" } = comparison.rest;

for (const count of clients.split(",").map(Number)) {
  const systems = await run(comparison, { clients: count, bytes, seconds });
  const own = median(systems[0]!, "opsPerSecond");
  const rows = systems.map((figures): Row => {
    const value = median(figures, "opsPerSecond");
    const more = {
      p50Ms: median(figures, "p50Ms"),
      p99Ms: median(figures, "p99Ms"),
      failures: figures.lines.reduce((sum, line) => sum + Number(line["failures"] ?? 0), 0),
      "graft is": `${(own / value).toFixed(2)}×`,
    };
    return { label: figures.name, value, more };
  });
  const title = `Replication: ${count} clients, ${bytes} bytes, median of ${comparison.rounds} rounds of ${seconds} s`;
  printTable(title, rows, "puts/s");
  if (comparison.out !== null) {
    await writeResults(comparison.out, `replication-${count}`, { title, unit: "puts/s", rows, lines: systems });
  }
}
