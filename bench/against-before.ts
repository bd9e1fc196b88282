// What does a change cost? This build against a binary of before. The cluster of each runs all the time, and slices of load
// alternate between them within seconds, because one machine alone varies by a fifth within minutes. On Linux, the processor time that the
// nodes spend for a put is compared as well: other work on the machine changes it less.
//
//   bun bench/against-before.ts --before PATH [--clients 1,64] [--bytes 256] [--slices 40] [--seconds 3] [--warmup 2] [--out DIR]
import { existsSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { parseArgs } from "node:util";
import { armFailStop } from "../src/fail-stop.ts";
import { TemporaryCluster } from "../src/local/temporary-cluster.ts";
import { medianOf } from "./compare.ts";
import { printTable, type Row, writeResults } from "./present.ts";

armFailStop();

const { values } = parseArgs({
  options: {
    before: { type: "string" },
    clients: { type: "string", default: "1,64" },
    bytes: { type: "string", default: "256" },
    slices: { type: "string", default: "40" },
    seconds: { type: "string", default: "3" },
    warmup: { type: "string", default: "2" },
    out: { type: "string" },
  },
});
if (values.before === undefined) throw new Error("--before PATH names the binary to compare with");
const { bytes, seconds, warmup } = values;
const slices = Number(values.slices);
const timeout = "30s";
const binaries = [
  ["before", values.before],
  ["now", join(import.meta.dir, "..", "dist", "graft")],
] as const;

interface Slice {
  readonly opsPerSecond: number;
  readonly p50Ms: number;
  readonly p99Ms: number;
  readonly failures: number;
  /** Processor time of all nodes for a put, µs. Of the warm-up, puts at the same rate are assumed. NaN: the system does not tell. */
  readonly nodesUs: number;
}

interface Side {
  readonly name: string;
  readonly binary: string;
  readonly temporary: TemporaryCluster;
}

/** One slice of load by the client of the same binary, which finds the cluster by the graft.toml in its folder. */
async function measure({ binary, temporary }: Side, clients: number): Promise<Slice> {
  const load = [
    "--clients",
    String(clients),
    "--bytes",
    bytes,
    "--seconds",
    seconds,
    "--warmup",
    warmup,
    "--timeout",
    timeout,
  ];
  const cwd = temporary.cluster.dir;
  const beforeUs = nodesUsOf(temporary);
  const run = Bun.spawn([binary, "bench", "replication", "--json", ...load], { cwd, stderr: "inherit" });
  const [output, exitCode] = await Promise.all([run.stdout.text(), run.exited]);
  if (exitCode !== 0) throw new Error(`${binary} bench replication ended with exit code ${exitCode}`);
  const slice = JSON.parse(output) as Omit<Slice, "nodesUs">;
  const puts = slice.opsPerSecond * (Number(seconds) + Number(warmup));
  return { ...slice, nodesUs: (nodesUsOf(temporary) - beforeUs) / puts };
}

const tickUs = 10_000;

/** Processor time that the nodes of a cluster have spent since they began. */
function nodesUsOf(temporary: TemporaryCluster): number {
  let ticks = 0;
  for (const { id } of temporary.cluster.nodes) {
    const path = `/proc/${temporary.processOf(id).pid}/stat`;
    if (!existsSync(path)) return Number.NaN;
    // The name of the program stands in brackets, and may hold blanks.
    const [userTicks, systemTicks] = readFileSync(path, "utf8")
      .split(") ")
      .at(-1)!
      .split(" ")
      .slice(11, 13)
      .map(Number);
    ticks += userTicks! + systemTicks!;
  }
  return ticks * tickUs;
}

/** The first of a pair alternates, so that neither profits from what the other leaves behind. */
async function comparePairs(sides: readonly [Side, Side], clients: number): Promise<readonly [Slice[], Slice[]]> {
  const results: readonly [Slice[], Slice[]] = [[], []];
  for (let slice = 0; slice < slices; slice++) {
    for (const at of slice % 2 === 0 ? ([0, 1] as const) : ([1, 0] as const)) {
      results[at].push(await measure(sides[at], clients));
    }
  }
  return results;
}

function rowsOf(sides: readonly [Side, Side], results: readonly [Slice[], Slice[]]): readonly Row[] {
  const throughput = results.map((side) => side.map(({ opsPerSecond }) => opsPerSecond)) as [number[], number[]];
  const [before] = throughput;
  return sides.map(({ name }, at): Row => {
    const own = throughput[at]!;
    const pairs = own.map((value, slice) => value / before[slice]!);
    const side = results[at]!;
    const nodesUs = side.map((slice) => slice.nodesUs);
    const nodesPairs = nodesUs.map((us, slice) => us / results[0][slice]!.nodesUs);
    const more = {
      p50Ms: medianOf(side.map(({ p50Ms }) => p50Ms)).toFixed(2),
      p99Ms: medianOf(side.map(({ p99Ms }) => p99Ms)).toFixed(2),
      failures: side.reduce((sum, { failures }) => sum + failures, 0),
      "of medians": (medianOf(own) / medianOf(before)).toFixed(3),
      "of pairs": `${medianOf(pairs).toFixed(3)} ± ${standardError(pairs).toFixed(3)}`,
      "nodes µs": medianOf(nodesUs).toFixed(1),
      "µs of pairs": `${medianOf(nodesPairs).toFixed(3)} ± ${standardError(nodesPairs).toFixed(3)}`,
    };
    return { label: name, value: Math.round(medianOf(own)), more };
  });
}

/** Of the mean; the median's is about a quarter larger. */
function standardError(all: readonly number[]): number {
  const mean = all.reduce((sum, value) => sum + value, 0) / all.length;
  const squares = all.reduce((sum, value) => sum + (value - mean) ** 2, 0);
  return Math.sqrt(squares / (all.length - 1) / all.length);
}

const sides: Side[] = [];
try {
  for (const [name, binary] of binaries)
    sides.push({ name, binary, temporary: await TemporaryCluster.create([binary]) });
  // Thrown away: it waits for a leader, and runs code that is not compiled yet.
  for (const side of sides) await measure(side, 1);
  const pair = sides as [Side, Side];
  for (const clients of values.clients.split(",").map(Number)) {
    const results = await comparePairs(pair, clients);
    const rows = rowsOf(pair, results);
    const title = `Cost of a change: ${clients} client(s), ${bytes} bytes, ${slices} pairs of slices of ${seconds} s`;
    printTable(title, rows, "puts/s");
    const lines = { before: results[0], now: results[1] };
    if (values.out !== undefined) {
      await writeResults(values.out, `against-before-${clients}`, { title, unit: "puts/s", rows, lines });
    }
  }
} finally {
  await Promise.all(sides.map(({ temporary }) => temporary.remove()));
}
process.exit();
