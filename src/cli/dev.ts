// `graft dev`: a cluster on this machine in one command, each node a process of its own, until Ctrl-C. Making it is src/local.
import { existsSync } from "node:fs";
import { join, relative, resolve } from "node:path";
import type { GraftClient } from "../client/client.ts";
import { waitForLeader } from "../client/cluster-view.ts";
import { type Examples, examplesOf } from "../check/examples.ts";
import { composeClient } from "../compose.ts";
import { type PluginVersion, versionWords } from "../core/activation.ts";
import { GraftError } from "../errors.ts";
import { areFree, findFreePorts } from "../local/free-ports.ts";
import {
  createJoiningNode,
  createLocalCluster,
  findJoiningNode,
  findLocalCluster,
  type LocalCluster,
  localClientSettings,
  type LocalNode,
  pluginsOf,
} from "../local/local-cluster.ts";
import { rollOutNewest } from "../local/newest-version.ts";
import { NodeProcess } from "../local/node-process.ts";
import { answerFlags } from "./answer-flags.ts";
import { command } from "./command.ts";
import type { Output, Paint } from "./output.ts";
import { program } from "./program.ts";
import { shellWord } from "./shell-word.ts";
import { askedToStop } from "./stop-signals.ts";
import { parseCount } from "./typed-numbers.ts";

const firstPort = 7401;
const electionTimeoutMs = 30_000;
const nodesMax = 9;

export const dev = command({
  summary: "Run a local cluster to try things out",
  details: [
    "One folder holds everything: certificates, a configuration file for each node, their data, and a graft.toml. In that folder, graft finds the cluster without flags. The next graft dev continues with the data that is there. Ctrl-C stops all nodes.",
  ],
  args: {
    nodes: { type: "string", valueHint: "N", description: "how many nodes; default: 3" },
    plugin: {
      type: "string",
      valueHint: "PATH",
      description: "the state machine: a path, kv, counter, lock, queue or sql; default: kv",
    },
    dir: { type: "string", valueHint: "FOLDER", description: "the folder that holds everything; default: graft-dev" },
    port: {
      type: "string",
      valueHint: "PORT",
      description: `the first node's port; the others use the next ports; default: ${firstPort}, or free ports`,
    },
    ...answerFlags,
  },
  examples: [
    ["graft dev", "three nodes of the key-value store"],
    ["graft dev --plugin ./counter.ts --nodes 5", "five nodes of a state machine of your own"],
  ],
  async run(args, { output }) {
    const cluster = await clusterOf(args);
    const spare = await findJoiningNode(cluster, spareId(cluster.nodes.length));
    // One that was added lives on with the others.
    const isAdded = spare !== null && existsSync(spare.dataDir);
    const processes = (isAdded ? [...cluster.nodes, spare] : cluster.nodes).map(
      (node, place) =>
        new NodeProcess({ program, node, log: (line) => void output.say(prefixed(output, node.id, place, line)) }),
    );
    // The terminal's Ctrl-C reaches the nodes too, and they take it as this command does.
    const asked = askedToStop().then((): Interruption => ({ kind: "asked" }));
    const ended = Promise.all(processes.map(({ exited }) => exited));
    try {
      const first = await Promise.race([
        ready(cluster, isAdded ? null : spare, output).then(() => null),
        asked,
        tooManyEnd(processes),
      ]);
      if (first === null) await Promise.race([asked, ended]);
      else if (first.kind === "ended") throw startFailure(first.id, first.exitCode, cluster.dir);
    } finally {
      for (const process of processes) void process.stop();
      await output.progress("stopping the nodes", ended);
    }
  },
});

type Interruption =
  { readonly kind: "asked" } | { readonly kind: "ended"; readonly id: string; readonly exitCode: number };

interface DevArguments {
  readonly nodes?: string | undefined;
  readonly plugin?: string | undefined;
  readonly dir?: string | undefined;
  readonly port?: string | undefined;
}

async function clusterOf({ nodes, plugin, dir = "graft-dev", port }: DevArguments): Promise<LocalCluster> {
  const found = await findLocalCluster(dir);
  if (found !== null) {
    if (nodes === undefined && plugin === undefined && port === undefined) return found;
    const remedy = `without these flags it is started again; for a new one remove ${dir}, or name another folder by --dir`;
    throw new GraftError(
      "config",
      `there is a cluster in ${dir} already: --nodes, --plugin and --port are for a new one; ${remedy}`,
    );
  }
  const count = parseCount("--nodes", nodes ?? "3", { min: 1, max: nodesMax });
  const given = port === undefined ? null : parseCount("--port", port, { min: 1, max: 65_536 - count });
  const first = given ?? (areFree(firstPort, count) ? firstPort : null);
  const ports = first === null ? findFreePorts(count) : Array.from({ length: count }, (_, place) => first + place);
  const made = { plugin: plugin ?? "kv" };
  const cluster = await createLocalCluster({ dir, id: "dev", ports, ...made });
  const next = (ports.at(-1) ?? 0) + 1;
  const [free = next] = areFree(next, 1) ? [] : findFreePorts(1);
  const members = cluster.nodes.map(({ address }) => address);
  await createJoiningNode(cluster, { id: spareId(count), port: free, join: members, ...made });
  return cluster;
}

/** What a node is called that may be added to as many. */
const spareId = (count: number): string => `n${count + 1}`;

/** Says what can be done now, once there is a leader. */
async function ready(cluster: LocalCluster, spare: LocalNode | null, output: Output): Promise<void> {
  const client = composeClient(localClientSettings(cluster));
  try {
    const { leader } = await output.progress("waiting for a leader", waitForLeader(client, electionTimeoutMs));
    const earlier = await output.progress("waiting for the nodes' plugin", rollOutNewest(client, electionTimeoutMs));
    if (earlier !== null) await output.say(output.paintBeside("yellow", changedWords(earlier, cluster.dir)));
    const tries = await triesOf(cluster, await client.describe());
    const shown = ({ id, address, config }: LocalNode) => ({ id, address, config });
    const nodes = cluster.nodes.map(shown);
    const more = spare === null ? {} : { spare: shown(spare) };
    const document = {
      dir: resolve(cluster.dir),
      cluster: cluster.id,
      leader: leader?.id ?? null,
      nodes,
      ...more,
      tries,
    };
    const lines = (paint: Paint): string => summary({ cluster, spare, leader: leader?.id ?? "", tries }, paint);
    await output.answer(document, lines);
  } finally {
    await client.close();
  }
}

/** A node applies with the new code what it has no snapshot of. */
const changedWords = (earlier: PluginVersion, dir: string): string =>
  `The code of ${versionWords(earlier)} has changed, and the new code stands for it. If it does something else with a command that was applied, ` +
  `the states of the nodes may differ from now on: remove ${dir} then, or name another folder by --dir.`;

type Description = Pick<Awaited<ReturnType<GraftClient["describe"]>>, "style" | "commands" | "queries">;

interface Ready {
  readonly cluster: LocalCluster;
  readonly spare: LocalNode | null;
  readonly leader: string;
  /** Commands to try the plugin out with. */
  readonly tries: readonly string[];
}

/** A command and a query that fit the plugin. If its inputs cannot be drawn, `graft execute` names its operations. */
async function triesOf(cluster: LocalCluster, machine: Description): Promise<readonly string[]> {
  const examples = await examplesOf({ ...(await pluginsOf(cluster)), ...machine }).catch((error: unknown) => {
    if (error instanceof GraftError && error.code === "plugin") return undrawn(machine);
    throw error;
  });
  return (["command", "query"] as const).flatMap((kind) => {
    const example = examples[kind];
    return example === null ? [] : [["graft", "execute", kind, ...example].map(shellWord).join(" ")];
  });
}

const undrawn = ({ commands, queries }: Description): Examples => ({
  command: commands.length === 0 ? null : commands.slice(0, 1),
  query: queries.length === 0 ? null : queries.slice(0, 1),
});

function summary({ cluster, spare, leader, tries }: Ready, paint: Paint): string {
  const folder = relative(".", cluster.dir) || ".";
  return [
    "",
    `${paint("green", "●")} ${paint("bold", `${cluster.nodes.length} nodes are up`)}, ${leader} leads: ${cluster.nodes.map(({ id, address }) => `${id} ${address}`).join(", ")}`,
    "",
    "In another terminal:",
    ...(folder === "." ? [] : [`  ${paint("cyan", `cd ${folder}`)}`]),
    ...["graft cluster status", ...tries, "graft cluster leader n2", "graft stop n1"].map(
      (line) => `  ${paint("cyan", line)}`,
    ),
    ...(spare === null ? [] : ["", "One node more, each line in a terminal of its own:"]),
    ...(spare === null
      ? []
      : [`graft start --config ${spare.id}.toml`, `graft cluster add ${spare.id} ${spare.address}`]
    ).map((line) => `  ${paint("cyan", line)}`),
    "",
    `A node that was stopped starts again with: graft start --config ${join(folder, "n1.toml")}. Ctrl-C stops all.`,
    "",
  ].join("\n");
}

function prefixed(output: Output, id: string, place: number, line: string): string {
  const colour = (["cyan", "yellow", "green"] as const)[place % 3] ?? "cyan";
  return `${output.paintBeside(colour, `${id} │`)} ${line}`;
}

/** As many as the others cannot do without; one alone may have been removed. */
function tooManyEnd(processes: readonly NodeProcess[]): Promise<Interruption> {
  const { promise, resolve: end } = Promise.withResolvers<Interruption>();
  let running = processes.length;
  const watch = async ({ node, exited }: NodeProcess): Promise<void> => {
    const exitCode = await exited;
    running -= 1;
    if (running <= processes.length / 2) end({ kind: "ended", id: node.id, exitCode });
  };
  for (const process of processes) void watch(process);
  return promise;
}

const startFailure = (id: string, exitCode: number, dir: string): GraftError =>
  new GraftError(
    "config",
    `${id} ended with exit code ${exitCode} before there was a leader; its log is above, its configuration in ${dir}`,
  );
