// `graft restore FILE --config node.toml`: the first node of a new cluster, made from a backup, offline.
import { restoreFrom } from "../compose-offline.ts";
import { loadConfig } from "../config/config.ts";
import { GraftError } from "../errors.ts";
import { answerFlags } from "./answer-flags.ts";
import { command } from "./command.ts";
import { checked } from "./explain-error.ts";

export const restore = command({
  summary: "Found a new cluster from a backup",
  details: [
    "The command fills the empty data_dir of one node that does not run. That node becomes the only member of the new cluster, with the state of the backup, at its advertised address. [cluster] bootstrap has no effect then. Start the node, and add the other nodes with graft cluster add, each with an empty data_dir. Nodes of the old cluster cannot join the new one by accident, even when their data comes back.",
    "Restore only when the old cluster is lost. Otherwise both clusters run, and clients may find either.",
  ],
  args: {
    file: { type: "positional", required: true, description: "the backup" },
    config: { type: "string", valueHint: "FILE", description: "the node's configuration file" },
    force: { type: "boolean", description: "accept the backup of a cluster with another name" },
    ...answerFlags,
  },
  examples: [["graft restore monday.backup --config node.toml", "restore the backup to a cluster of one node"]],
  async run(args, { output }) {
    if (args.config === undefined) throw new GraftError("usage", "which node? graft restore FILE --config NODE.TOML");
    const path = args.config;
    const config = checked(() => loadConfig(path));
    const { id, advertise: address, dataDir } = config.node;
    const options = { address, anyName: args.force === true };
    const restored = await output.progress(`restoring ${args.file}`, restoreFrom(args.file, config, options));
    const { clusterUuid, backup } = restored;
    const { position, stampMs, clusterUuid: from } = backup.header;
    const { index, term } = position;
    const document = { node: id, address, dataDir, cluster: config.cluster.id, clusterUuid, from, index, term };
    await output.answer({ ...document, timeMs: stampMs, bytes: backup.bytes }, (paint) =>
      [
        `${paint("bold", id)} at ${address} is a new cluster of one, with the state as of entry ${index} (term ${term}),`,
        `when the cluster's time was ${new Date(stampMs).toISOString()}. What came after that is not in it.`,
        "",
        paint("bold", "Next:"),
        `  1. See that no node of the old cluster runs.`,
        `  2. graft start --config ${path}`,
        `  3. Start the other nodes with an empty data_dir and [cluster] join = ["${address}"], no bootstrap.`,
        `  4. For each: graft cluster add ID ADDRESS`,
      ].join("\n"),
    );
  },
});
