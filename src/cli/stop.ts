// `graft stop [NODE]`: asks a node to stop gracefully, over the wire, and waits until it has gone.
import { viewCluster } from "../client/cluster-view.ts";
import { waitUntilGone } from "../client/gone.ts";
import { askMeant } from "../client/meant-node.ts";
import type { GraftClient } from "../client/client.ts";
import { loadConfig } from "../config/config.ts";
import { GraftError } from "../errors.ts";
import { clusterFlags, remainingMs, withClient } from "./cluster-access.ts";
import { command } from "./command.ts";
import { didYouMean } from "./did-you-mean.ts";
import { checked } from "./explain-error.ts";
import { parseName } from "./typed-numbers.ts";

export const stop = command({
  summary: "Stop a node gracefully, from anywhere",
  details: [
    "A leader hands leadership over first. The node answers the clients that wait, and then ends. Only clients listed in [access] admins may stop a node.",
  ],
  args: {
    node: { type: "positional", required: false, description: "the node's id; default: the node of --config" },
    config: { type: "string", valueHint: "FILE", description: "the node's configuration file" },
    ...clusterFlags,
  },
  examples: [
    ["graft stop n2", "stop the node n2, wherever it runs"],
    ["graft stop --config node.toml", "stop the node of this file"],
  ],
  run: async (args, { output }) => {
    if (args.node !== undefined) parseName("NODE", args.node);
    await withClient(args, output, async ({ client, timeoutMs }) => {
      const dueMs = performance.now() + timeoutMs;
      const { id, address } = await targetOf(args, client, timeoutMs);
      const asking = { subject: "stop", leftMs: () => remainingMs(dueMs) } as const;
      await askMeant(client, { id, address }, asking, (leftMs) => client.stopNode(address, { timeoutMs: leftMs }));
      const gone = waitUntilGone(address, Math.max(0, dueMs - performance.now()), client.clock);
      const doubt = await output.progress(`waiting for ${id} to stop`, gone);
      if (doubt !== null) {
        const message = `${id} at ${address} was told to stop, and was not seen to have gone within ${timeoutMs} ms: ${doubt}`;
        throw new GraftError("outcome-unknown", message, { subject: "stop" });
      }
      await output.answer({ stopped: id, address }, () => `${id} at ${address} has stopped`);
    });
  },
});

interface Target {
  readonly id: string;
  readonly address: string;
}

async function targetOf(
  { node, config }: { readonly node?: string | undefined; readonly config?: string | undefined },
  client: GraftClient,
  timeoutMs: number,
): Promise<Target> {
  if (config !== undefined) {
    const { id, advertise: address } = checked(() => loadConfig(config)).node;
    const own = { id, address };
    if (node === undefined || node === own.id) return own;
    throw new GraftError(
      "usage",
      `${config} is the configuration of ${own.id} and not of ${node}: give one of the two`,
    );
  }
  if (node === undefined) throw new GraftError("usage", "which node? graft stop NODE, or graft stop --config FILE");
  const { nodes } = await viewCluster(client, timeoutMs);
  const found = nodes.find(({ id }) => id === node);
  if (found !== undefined) return { id: found.id, address: found.address };
  const ids = nodes.map(({ id }) => id);
  throw new GraftError("usage", `there is no node ${node}${didYouMean(node, ids)}; there are: ${ids.join(", ")}`);
}
