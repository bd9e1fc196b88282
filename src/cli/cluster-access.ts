// Which cluster, and as whom? The flags that every command has that talks to one, and a client made from them.
import type { ArgsDef } from "citty";
import type { GraftClient } from "../client/client.ts";
import { composeClient } from "../compose.ts";
import { type ClientSettings, resolveClientSettings } from "../config/client-settings.ts";
import { answerFlags } from "./answer-flags.ts";
import { checked } from "./explain-error.ts";
import type { Output } from "./output.ts";
import { parseDurationMs } from "./typed-numbers.ts";

export const clusterFlags = {
  cluster: {
    type: "string",
    alias: "c",
    valueHint: "HOST:PORT[,…]",
    description: "any live nodes of the cluster; else GRAFT_CLUSTER, else the nearest graft.toml",
  },
  ca: { type: "string", valueHint: "FILE", description: "certificate of the cluster's authority; else GRAFT_CA" },
  cert: { type: "string", valueHint: "FILE", description: "this client's certificate; else GRAFT_CERT" },
  key: { type: "string", valueHint: "FILE", description: "this client's private key; else GRAFT_KEY" },
  timeout: {
    type: "string",
    valueHint: "DURATION",
    description: "when to give up, such as 500ms or 2s; default: 10s",
  },
  ...answerFlags,
} as const satisfies ArgsDef;

/** Milliseconds from now until `dueMs` of `performance.now()`. At least 1, because 0 is not a timeout. */
export const remainingMs = (dueMs: number): number => Math.max(1, Math.ceil(dueMs - performance.now()));

/** What of the flags says how a cluster is reached. */
export interface ClusterArguments {
  readonly cluster?: string | undefined;
  readonly ca?: string | undefined;
  readonly cert?: string | undefined;
  readonly key?: string | undefined;
  readonly timeout?: string | undefined;
}

export interface Access {
  readonly client: GraftClient;
  readonly settings: ClientSettings;
  /** For the whole command. */
  readonly timeoutMs: number;
}

const defaultTimeout = "10s";

/** Throws when flags, environment and graft.toml together do not say enough, or something wrong: wrong usage, all of it. */
export function settingsOf({ cluster, ca, cert, key }: ClusterArguments): ClientSettings {
  const flags = { cluster, ca, cert, key };
  return checked(() => resolveClientSettings({ flags, env: process.env, cwd: process.cwd() }));
}

/** Runs `work` with a client that is closed afterwards. `timeout`: without the flag. */
export async function withClient(
  args: ClusterArguments,
  output: Output,
  work: (access: Access) => Promise<void>,
  timeout = defaultTimeout,
): Promise<void> {
  const timeoutMs = parseDurationMs("--timeout", args.timeout ?? timeout);
  const settings = settingsOf(args);
  await output.detail(`cluster ${settings.cluster} at ${settings.addresses.join(", ")}, as ${settings.name}`);
  const client = composeClient({ ...settings, timeoutMs });
  try {
    await work({ client, settings, timeoutMs });
  } finally {
    await warnOfOthers(client, settings, output);
    await client.close();
  }
}

/** Nothing was asked of them: which of the clusters is meant, only the user knows. */
async function warnOfOthers(
  { otherClusters, clusterUuid }: GraftClient,
  { cluster }: ClientSettings,
  output: Output,
): Promise<void> {
  for (const other of otherClusters) {
    await output.say(
      `${output.paintBeside("yellow", "!")} ${other.address} belongs to another cluster named ${cluster} (uuid ${other.clusterUuid}) and was not used. ` +
        `This answer is of uuid ${clusterUuid}. To choose one: uuid = "…" in graft.toml, or -c with its addresses`,
    );
  }
}
