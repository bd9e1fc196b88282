// `graft backup FILE`: the state of a running cluster in a file of its own, as of one entry of its log.
import { fetchBackup } from "../client/backup.ts";
import { viewCluster } from "../client/cluster-view.ts";
import { askMeant } from "../client/meant-node.ts";
import { backupFile } from "../compose-offline.ts";
import { GraftError } from "../errors.ts";
import { clusterFlags, remainingMs, withClient } from "./cluster-access.ts";
import { command } from "./command.ts";
import { didYouMean } from "./did-you-mean.ts";
import type { GraftClient } from "../client/client.ts";
import type { Output } from "./output.ts";
import { parseName } from "./typed-numbers.ts";

const defaultTimeout = "10m";

export const backup = command({
  summary: "Write a running cluster's state to a file",
  details: [
    "The file holds the state and the clients' sessions, as they are after one log entry. It contains everything that was acknowledged before the command began. The command verifies the file. If anything fails, it leaves no file.",
    "graft restore founds a new cluster from the file. The file does not hold the certificates' authority, so keep a copy of that as well.",
    "Only clients listed in [access] admins may take a backup.",
  ],
  args: {
    file: {
      type: "positional",
      required: true,
      description: "the file to write; an existing file is replaced only with --force",
    },
    node: {
      type: "string",
      valueHint: "ID",
      description: "the node to read from; default: an up-to-date follower, to spare the leader",
    },
    force: { type: "boolean", description: "replace an existing file" },
    ...clusterFlags,
    timeout: {
      type: "string",
      valueHint: "DURATION",
      description: `when to give up, such as 500ms or 2s; default: ${defaultTimeout}`,
    },
  },
  examples: [
    ["graft backup monday.backup", "write everything acknowledged so far to monday.backup"],
    [
      "graft backup monday.backup --node n3 --json",
      "read from n3, and print JSON for a script: file, bytes, index, term, checksum",
    ],
  ],
  run: async (args, { output }) => {
    if (args.node !== undefined) parseName("--node", args.node);
    const withTimeout = { ...args, timeout: args.timeout ?? defaultTimeout };
    await withClient(withTimeout, output, async ({ client, timeoutMs }) => {
      const dueMs = performance.now() + timeoutMs;
      const file = await backupFile(args.file, args.force === true);
      try {
        const meant = await nodeFor(client, args.node, Math.min(timeoutMs, statusTimeoutMs));
        const { id, address } = meant;
        await output.detail(`from ${id} at ${address}`);
        const asking = { subject: "backup", leftMs: () => remainingMs(dueMs) } as const;
        const taking = askMeant(client, meant, asking, (leftMs) => client.backup(address, { timeoutMs: leftMs }));
        const ready = await output.progress(`${id} makes the backup`, taking);
        await fetch(client, address, ready, { file, dueMs, output });
        await file.finish(ready);
        const { bytes, index, term, checksum } = ready;
        await output.answer(
          { file: args.file, bytes, index, term, checksum },
          (paint) =>
            `${paint("bold", args.file)}: ${bytes} bytes, the state as of entry ${index} (term ${term}), from ${id}; verified`,
        );
      } finally {
        await file.abandon();
      }
    });
  },
});

/** Who is there is known soon, or not at all. */
const statusTimeoutMs = 10_000;

interface Target {
  readonly id: string;
  readonly address: string;
}

async function nodeFor(client: GraftClient, wanted: string | undefined, timeoutMs: number): Promise<Target> {
  const { nodes, leader } = await viewCluster(client, timeoutMs);
  if (wanted !== undefined) {
    const named = nodes.find(({ id }) => id === wanted);
    if (named !== undefined) return named;
    const ids = nodes.map(({ id }) => id);
    throw new GraftError("usage", `there is no node ${wanted}${didYouMean(wanted, ids)}; there are: ${ids.join(", ")}`);
  }
  const followers = nodes.filter(({ role, reachable, voter }) => role === "follower" && reachable && voter);
  const lagOf = ({ lagEntries }: (typeof nodes)[number]): number => lagEntries ?? Number.POSITIVE_INFINITY;
  const [best] = followers.toSorted((a, b) => lagOf(a) - lagOf(b));
  const target = best ?? leader;
  if (target === null)
    throw new GraftError("unavailable", "nobody leads, so nobody can say what had been acknowledged");
  return target;
}

interface Into {
  readonly file: Awaited<ReturnType<typeof backupFile>>;
  readonly dueMs: number;
  readonly output: Output;
}

function fetch(
  client: GraftClient,
  address: string,
  ready: Parameters<typeof fetchBackup>[2],
  { file, dueMs, output }: Into,
): Promise<void> {
  let here = 0;
  const progress = (bytes: number): void => void (here = bytes);
  const fetching = fetchBackup(client, address, ready, file, { timeoutMs: remainingMs(dueMs), progress });
  return output.progress(() => `${((100 * here) / ready.bytes).toFixed(0)} % of ${ready.bytes} bytes`, fetching);
}
