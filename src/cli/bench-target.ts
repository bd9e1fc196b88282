// What is measured? The cluster that --cluster names, or three nodes started on this machine for the purpose. A folder's
// graft.toml does not count here: nobody's cluster is loaded because somebody stood in its folder.
import type { ClientOptions, GraftClient } from "../client/client.ts";
import { waitForLeader } from "../client/cluster-view.ts";
import { composeClient } from "../compose.ts";
import { localClientSettings } from "../local/local-cluster.ts";
import { TemporaryCluster } from "../local/temporary-cluster.ts";
import { type ClusterArguments, settingsOf } from "./cluster-access.ts";
import type { Output } from "./output.ts";
import { program } from "./program.ts";

export interface BenchTarget {
  /** A client with connections of its own. */
  readonly connect: (options?: Pick<ClientOptions, "readFrom">) => GraftClient;
}

const startTimeoutMs = 30_000;
const requestTimeoutMs = 10_000;

/** Runs `work` against a cluster that has a leader. */
export async function withBenchTarget(
  args: ClusterArguments,
  output: Output,
  work: (target: BenchTarget) => Promise<void>,
): Promise<void> {
  if (args.cluster === undefined) return withTemporaryCluster(output, ({ connect }) => work({ connect }));
  const settings = settingsOf(args);
  const connect: BenchTarget["connect"] = (options) =>
    composeClient({ ...settings, timeoutMs: requestTimeoutMs }, options);
  await settle(connect, output);
  await work({ connect });
}

/** Three nodes in a temporary folder, which is gone afterwards, whatever happened meanwhile. */
export async function withTemporaryCluster(
  output: Output,
  work: (target: BenchTarget & { readonly temporary: TemporaryCluster }) => Promise<void>,
): Promise<void> {
  const temporary = await TemporaryCluster.create(program);
  const interrupted = (): void => void temporary.remove().finally(() => process.exit(1));
  for (const signal of ["SIGINT", "SIGTERM", "SIGHUP"] as const) process.once(signal, interrupted);
  try {
    const settings = localClientSettings(temporary.cluster);
    const connect: BenchTarget["connect"] = (options) =>
      composeClient({ ...settings, timeoutMs: requestTimeoutMs }, options);
    await settle(connect, output).catch(async (error: unknown) => {
      await temporary.checkRunning();
      throw error;
    });
    await work({ connect, temporary });
  } finally {
    await temporary.remove();
  }
}

async function settle(connect: () => GraftClient, output: Output): Promise<void> {
  const client = connect();
  try {
    await output.progress("waiting for a leader", waitForLeader(client, startTimeoutMs));
  } finally {
    await client.close();
  }
}
