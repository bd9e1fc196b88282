// `graft bench replication`: puts per second and how long each takes. The measuring is src/client/load.ts.
import { runLoad, type Load, type LoadResult } from "../client/load.ts";
import { type BenchTarget, withBenchTarget } from "./bench-target.ts";
import { clusterFlags } from "./cluster-access.ts";
import { command } from "./command.ts";
import type { Output, Paint } from "./output.ts";
import { parseCount, parseDurationMs } from "./typed-numbers.ts";

export const limits = {
  clients: { min: 1, max: 100_000 },
  bytes: { min: 0, max: 4 * 1024 * 1024 },
  warmUp: { min: 0, max: 3600 },
};

export const benchReplication = command({
  summary: "Measure puts: throughput and latency",
  details: [
    "Each client sends its next put when the last one is answered. The clients share at most 16 connections. Without --cluster, the command starts three nodes on this machine and removes them afterwards.",
    "The measurement begins after a warm-up with the same load, because code that has just started is still being compiled.",
  ],
  args: {
    clients: { type: "string", valueHint: "N", description: "how many clients at the same time; default: 64" },
    bytes: { type: "string", valueHint: "B", description: "size of each value; default: 256" },
    seconds: { type: "string", valueHint: "S", description: "how many seconds to measure; default: 6" },
    warmup: {
      type: "string",
      valueHint: "S",
      description: "how many seconds of load before the measurement; default: 4",
    },
    ...clusterFlags,
  },
  examples: [
    ["graft bench replication --clients 64", "on a temporary cluster of three nodes"],
    ["graft bench replication --clients 1 --json -c 10.0.0.1:7401", "the latency of an existing cluster that runs kv"],
  ],
  async run(args, { output }) {
    const load = {
      clients: parseCount("--clients", args.clients ?? "64", limits.clients),
      bytes: parseCount("--bytes", args.bytes ?? "256", limits.bytes),
      seconds: parseDurationMs("--seconds", `${args.seconds ?? "6"}s`) / 1000,
      warmUpSeconds: parseCount("--warmup", args.warmup ?? "4", limits.warmUp),
    };
    await withBenchTarget(args, output, (target) => measure(target, load, output));
  },
});

async function measure({ connect }: BenchTarget, load: Load, output: Output): Promise<void> {
  const result = await output.progress(`measuring for ${load.warmUpSeconds + load.seconds} s`, runLoad(connect, load));
  await output.answer(result, (paint) => words(result, paint));
}

export function words(result: LoadResult, paint: Paint): string {
  return [
    `${paint("bold", result.opsPerSecond.toLocaleString("en"))} ${result.op}s/s`,
    `${result.clients} clients, ${result.bytes} bytes`,
    `p50 ${result.p50Ms} ms, p99 ${result.p99Ms} ms, p99.9 ${result.p999Ms} ms`,
    result.failures === 0 ? "no failures" : paint("red", `${result.failures} failures`),
  ].join("   ");
}
