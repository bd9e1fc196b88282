// `graft bench election`: how long a cluster is without a leader when its leader is killed, frozen or stopped. The measuring
// is src/local/failover.ts; the cluster is always one of its own, since its leader is made to fail.
import type { GraftClient } from "../client/client.ts";
import { waitForLeader } from "../client/cluster-view.ts";
import { quantile } from "../client/load.ts";
import { composeClient } from "../compose.ts";
import { measureFailover, measureHandOver } from "../local/failover.ts";
import { GraftError } from "../errors.ts";
import { localClientSettings } from "../local/local-cluster.ts";
import type { NodeProcess } from "../local/node-process.ts";
import type { TemporaryCluster } from "../local/temporary-cluster.ts";
import { answerFlags } from "./answer-flags.ts";
import { withTemporaryCluster } from "./bench-target.ts";
import { command } from "./command.ts";
import type { Output } from "./output.ts";
import { parseCount } from "./typed-numbers.ts";

const runsMax = 1000;
const recoveryTimeoutMs = 30_000;

const signals = ["SIGKILL", "SIGTERM", "SIGSTOP"] as const;
type Signal = (typeof signals)[number];

export const benchElection = command({
  summary: "Measure how fast a new leader takes over",
  details: [
    "The command starts three nodes on this machine. Each run sends the leader a signal while clients send puts. Before the next run, the node is started again or woken, and catches up.",
    "SIGKILL ends the leader, and SIGSTOP freezes it. The result is the time from that signal until another node acknowledges a put. SIGTERM stops the leader gracefully. The result is then the time of the slowest put.",
    "With --json, the answer is a line for each run, then a summary.",
  ],
  args: {
    runs: { type: "string", valueHint: "N", description: "how many runs; default: 5" },
    signal: { type: "string", valueHint: "NAME", description: `${signals.join(", ")}; default: SIGKILL` },
    ...answerFlags,
  },
  examples: [
    ["graft bench election --runs 20", "kill twenty leaders"],
    ["graft bench election --signal SIGTERM", "stop five leaders gracefully"],
  ],
  async run(args, { output }) {
    const runs = parseCount("--runs", args.runs ?? "5", { min: 1, max: runsMax });
    const signal = signals.find((name) => name === (args.signal ?? "SIGKILL"));
    if (signal === undefined) throw new GraftError("usage", `--signal is one of ${signals.join(", ")}`);
    await withTemporaryCluster(output, async ({ temporary }) => {
      const took: number[] = [];
      for (let run = 0; run < runs; run++) {
        const ms = await output.progress(`run ${run + 1} of ${runs}`, failLeader(temporary, signal));
        took.push(ms);
        await output.answer({ system: "graft", op: "failover", signal, ms }, () => `${ms} ms`);
      }
      await summarize(took, signal, output);
    });
  },
});

async function failLeader(temporary: TemporaryCluster, signal: Signal): Promise<number> {
  const settings = localClientSettings(temporary.cluster);
  const client = composeClient(settings);
  try {
    const { nodes } = temporary.cluster;
    const { leader } = await waitForLeader(
      client,
      recoveryTimeoutMs,
      (view) => view.nodes.filter((node) => node.reachable && node.lagEntries === 0).length === nodes.length,
    );
    const process = temporary.processOf(leader?.id ?? "");
    const clients = nodes
      .filter(({ id }) => id !== leader?.id)
      .map(({ address }) => composeClient({ ...settings, addresses: [address] }));
    const ms = signal === "SIGTERM" ? await handOver(process, client) : await measureFailover(process, signal, clients);
    await Promise.all(clients.map((each) => each.close()));
    if (signal === "SIGSTOP") process.signal("SIGCONT");
    else temporary.start(process.node);
    return Number(ms.toFixed(3));
  } finally {
    await client.close();
  }
}

/** A graceful stop that a client hears of is a failure of its own. */
async function handOver(leader: NodeProcess, client: GraftClient): Promise<number> {
  const { ms, errors } = await measureHandOver(leader, client);
  if (errors.length > 0) throw new GraftError("unavailable", `a client was told: ${errors.join("; ")}`);
  return ms;
}

async function summarize(took: readonly number[], signal: Signal, output: Output): Promise<void> {
  const sorted = took.toSorted((one, other) => one - other);
  const summary = {
    system: "graft",
    op: "failover-summary",
    signal,
    runs: sorted.length,
    minMs: quantile(sorted, 0),
    p50Ms: quantile(sorted, 0.5),
    maxMs: quantile(sorted, 1),
  };
  const words = `${summary.runs} runs: at best ${summary.minMs} ms, in the middle ${summary.p50Ms} ms, at worst ${summary.maxMs} ms`;
  await output.answer(summary, (paint) => paint("bold", words));
}
