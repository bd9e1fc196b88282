// `graft bench election`: how long a cluster is without a leader when its leader is killed. The measuring is
// src/local/failover.ts; the cluster is always one of its own, since its leader is killed.
import { waitForLeader } from "../client/cluster-view.ts";
import { quantile } from "../client/load.ts";
import { composeClient } from "../compose.ts";
import { measureFailover } from "../local/failover.ts";
import { localClientSettings } from "../local/local-cluster.ts";
import type { TemporaryCluster } from "../local/temporary-cluster.ts";
import { answerFlags } from "./answer-flags.ts";
import { withTemporaryCluster } from "./bench-target.ts";
import { command } from "./command.ts";
import type { Output } from "./output.ts";
import { parseCount } from "./typed-numbers.ts";

const runsMax = 1000;
const recoveryTimeoutMs = 30_000;

export const benchElection = command({
  summary: "Kill the leader and measure how long until the next command is acknowledged",
  details: [
    "Three nodes are started on this machine. Each run kills the leader with SIGKILL, measures the time from the kill to the next\nacknowledged put, starts the node again and waits until it has caught up. With --json: a line for each run, then a summary.",
  ],
  args: {
    runs: { type: "string", valueHint: "N", description: "how often; default: 5" },
    ...answerFlags,
  },
  examples: [["graft bench election --runs 20", "twenty leaders killed"]],
  async run(args, { output }) {
    const runs = parseCount("--runs", args.runs ?? "5", { min: 1, max: runsMax });
    await withTemporaryCluster(output, async ({ temporary }) => {
      const took: number[] = [];
      for (let run = 0; run < runs; run++) {
        const ms = await output.progress(`run ${run + 1} of ${runs}`, killLeader(temporary));
        took.push(ms);
        await output.answer({ system: "graft", op: "failover", ms }, () => `${ms} ms`);
      }
      await summarize(took, output);
    });
  },
});

async function killLeader(temporary: TemporaryCluster): Promise<number> {
  const settings = localClientSettings(temporary.cluster);
  const observer = composeClient(settings);
  try {
    const everyone = temporary.cluster.nodes.length;
    const { leader } = await waitForLeader(
      observer,
      recoveryTimeoutMs,
      ({ nodes }) => nodes.filter((node) => node.reachable && node.lagEntries === 0).length === everyone,
    );
    const survivors = temporary.cluster.nodes.filter(({ id }) => id !== leader?.id);
    const clients = survivors.map(({ address }) => composeClient({ ...settings, addresses: [address] }));
    const killed = temporary.processOf(leader?.id ?? "");
    const ms = await measureFailover(killed, clients);
    await Promise.all(clients.map((client) => client.close()));
    temporary.start(killed.node);
    return Number(ms.toFixed(3));
  } finally {
    await observer.close();
  }
}

async function summarize(took: readonly number[], output: Output): Promise<void> {
  const sorted = took.toSorted((one, other) => one - other);
  const summary = {
    system: "graft",
    op: "failover-summary",
    runs: sorted.length,
    minMs: quantile(sorted, 0),
    p50Ms: quantile(sorted, 0.5),
    maxMs: quantile(sorted, 1),
  };
  const words = `${summary.runs} runs: at best ${summary.minMs} ms, in the middle ${summary.p50Ms} ms, at worst ${summary.maxMs} ms`;
  await output.answer(summary, (paint) => paint("bold", words));
}
