// `graft certs init [CLUSTER]`: a private authority, certificates for nodes and clients, and a graft.toml that points to them.
import { join, relative } from "node:path";
import { certificates } from "../compose.ts";
import { answerFlags } from "./answer-flags.ts";
import { daysOf, issueFlags, nodesOf, writtenWords } from "./certs-flags.ts";
import { command } from "./command.ts";

/** As in the examples of the configuration: three nodes on this machine. */
const defaultNodes = ["n1=127.0.0.1:7401", "n2=127.0.0.1:7402", "n3=127.0.0.1:7403"];
const defaultCluster = "demo";
const defaultClient = "admin";

export const certsInit = command({
  summary: "Create an authority, certificates and a graft.toml",
  details: [
    "Existing files are replaced only with --force. Keep ca.key where no node can read it, because its owner can issue certificates. The command does not need openssl.",
  ],
  args: {
    cluster: {
      type: "positional",
      required: false,
      description: `the cluster's id, as under [cluster] id in the nodes' configuration; default: ${defaultCluster}`,
    },
    ...issueFlags,
    "authority-days": {
      type: "string",
      valueHint: "DAYS",
      description: "how long the authority is valid; default: 3650",
    },
    ...answerFlags,
  },
  repeatable: ["node", "client"],
  examples: [
    ["graft certs init", "for the three nodes on one machine of the examples"],
    [
      "graft certs init shop --node n1=10.0.0.1:7401 --node n2=10.0.0.2:7401 --node n3=10.0.0.3:7401",
      "for three machines",
    ],
  ],
  async run(args, { output, values }) {
    const dir = args.dir ?? "certs";
    const asked = values("node");
    const nodes = nodesOf(asked.length === 0 ? defaultNodes : asked);
    const clients = values("client").length === 0 ? [defaultClient] : values("client");
    const path = join(dir, "..", "graft.toml");
    const written = await certificates.init({
      cluster: args.cluster ?? defaultCluster,
      dir,
      nodes: nodes.map(({ id, hosts }) => ({ id, hosts })),
      clients,
      clientFile: {
        path,
        client: clients[0] ?? defaultClient,
        addresses: nodes.flatMap(({ address }) => address ?? []),
      },
      force: args.force === true,
      days: daysOf("--days", args.days),
      authorityDays: daysOf("--authority-days", args["authority-days"]),
    });
    await output.answer({ cluster: args.cluster ?? defaultCluster, written }, (paint) =>
      [
        ...writtenWords(written, paint),
        "",
        paint("bold", "Next:"),
        `  1. Copy ca.crt and its own .crt and .key to each node's machine, and name them under [tls] in its node.toml.`,
        `  2. On each: graft start --config node.toml`,
        `  3. Here, where ${relative(".", path)} lies: graft cluster status`,
        `  Or all of it on this machine at once: graft dev`,
      ].join("\n"),
    );
  },
});
