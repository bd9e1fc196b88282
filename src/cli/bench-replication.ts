// `graft bench replication`: puts per second and how long each takes. The measuring is src/client/load.ts.
import { runLoad, type Load } from "../client/load.ts";
import { loadFlags, loadOf, resultWords } from "./bench-load.ts";
import { type BenchTarget, withBenchTarget } from "./bench-target.ts";
import { clusterFlags } from "./cluster-access.ts";
import { command } from "./command.ts";
import type { Output } from "./output.ts";

export const benchReplication = command({
  summary: "Measure puts: throughput and latency",
  details: [
    "Each client sends its next put when the last one is answered. The clients share at most 16 connections. Without --cluster, the command starts three nodes on this machine and removes them afterwards.",
    "The measurement begins after a warm-up with the same load, because code that has just started is still being compiled.",
  ],
  args: {
    ...loadFlags,
    ...clusterFlags,
  },
  examples: [
    ["graft bench replication --clients 64", "on a temporary cluster of three nodes"],
    ["graft bench replication --clients 1 --json -c 10.0.0.1:7401", "the latency of an existing cluster that runs kv"],
  ],
  async run(args, { output }) {
    await withBenchTarget(args, output, (target) => measure(target, loadOf(args), output));
  },
});

async function measure({ connect }: BenchTarget, load: Load, output: Output): Promise<void> {
  const result = await output.progress(`measuring for ${load.warmUpSeconds + load.seconds} s`, runLoad(connect, load));
  await output.answer(result, (paint) => resultWords(result, paint));
}
