// `graft cluster status`: who is there, who leads, how far each node has got. Prints what src/client/cluster-view.ts found.
import { type ClusterView, type ReachedCluster, viewCluster } from "../client/cluster-view.ts";
import { isSamePlugin, versionWords } from "../core/activation.ts";
import { clusterFlags, withClient } from "./cluster-access.ts";
import { command } from "./command.ts";
import { hintAtView } from "./follow-members.ts";
import type { Paint } from "./output.ts";
import { renderTable } from "./table.ts";

export const clusterStatus = command({
  summary: "Show the nodes, the leader and the progress",
  details: [
    "Any live node can answer. Without a leader, the answer says which nodes the others wait for. The exit code is 0 then too.",
  ],
  args: clusterFlags,
  examples: [
    ["graft cluster status", "ask the nodes named in the nearest graft.toml"],
    ["graft cluster status -c 10.0.0.1:7401 --json", "ask one node, for a script"],
  ],
  run: (args, { output }) =>
    withClient(args, output, async ({ client, settings, timeoutMs }) => {
      const view = await output.progress("asking the nodes", viewCluster(client, timeoutMs));
      await output.answer(statusDocument(view), (paint) => statusWords(view, paint));
      await hintAtView(settings, view, output);
    }),
});

/** What scripts get: the leader by its id. */
const statusDocument = (view: ReachedCluster): object => {
  const { cluster, clusterUuid, leader, term, commitIndex, agreesThrough, plugin, nodes, waitingFor, otherClusters } =
    view;
  return {
    cluster,
    clusterUuid,
    leader: leader?.id ?? null,
    term,
    commitIndex,
    agreesThrough,
    plugin,
    nodes,
    waitingFor,
    otherClusters,
  };
};

function statusWords(view: ClusterView, paint: Paint): string {
  const leader = view.leader === null ? paint("yellow", "no leader") : `leader ${paint("bold", view.leader.id)}`;
  const head = `cluster ${paint("bold", view.cluster)}, ${leader}, term ${view.term}, commit ${view.commitIndex}${agreement(view)}`;
  const isPreferred = view.nodes.some(({ priority }) => priority !== 0);
  const rows = view.nodes.map((node) => [
    node.id === view.leader?.id ? paint("green", node.id) : node.id,
    node.address,
    node.role ?? (node.reachable ? "?" : paint("red", "not reached")),
    votes(node),
    node.matchIndex?.toString() ?? "-",
    node.appliedIndex?.toString() ?? "-",
    node.lagEntries?.toString() ?? "-",
    node.version ?? "-",
    ...(isPreferred ? [node.priority.toString()] : []),
  ]);
  const titles = ["node", "address", "role", "votes", "match", "applied", "lag", "version"];
  const table = renderTable([...titles, ...(isPreferred ? ["priority"] : [])], rows, paint);
  const remarks = remarksOn(view).map((line) => `${paint("yellow", "!")} ${line}`);
  const waiting = view.waitingFor.map((line) => `  ${line}`);
  return [
    head,
    ...pluginWords(view),
    "",
    table,
    ...(remarks.length > 0 ? ["", ...remarks] : []),
    ...(waiting.length > 0 ? ["", "waiting for:", ...waiting] : []),
  ].join("\n");
}

const agreement = ({ agreesThrough }: ClusterView): string =>
  agreesThrough === null ? "" : `, agrees through ${agreesThrough}`;

/** Which version applies commands, and which others are at hand: a roll-out needs the new one on each voter. */
function pluginWords({ plugin, nodes }: ClusterView): readonly string[] {
  if (plugin === null) return [];
  const others = new Map<string, string[]>();
  for (const { id, plugins } of nodes) {
    for (const other of plugins ?? []) {
      if (isSamePlugin(other, plugin)) continue;
      const words = versionWords(other);
      others.set(words, [...(others.get(words) ?? []), id]);
    }
  }
  return [
    `plugin ${versionWords(plugin)}, active since entry ${plugin.since}`,
    ...[...others].map(([words, ids]) => `also at hand: ${words} on ${ids.join(", ")}`),
  ];
}

type NodeView = ClusterView["nodes"][number];

/** In which of the majorities it counts, and what it waits for. */
function votes({ role, voter, outgoing, pending }: NodeView): string {
  if (role === "joining" || role === "removed" || role === "founding") return "no";
  if (voter && outgoing) return "before and after";
  if (outgoing) return "before";
  const now = voter ? "yes" : "learner";
  return pending === null ? now : `${now}, to ${pending}`;
}

/** What needs more than a cell. */
function remarksOn({ nodes }: ClusterView): readonly string[] {
  const of = (is: (node: NodeView) => boolean): readonly string[] => nodes.filter(is).map(({ id }) => id);
  const [before, after] = [of(({ outgoing }) => outgoing), of(({ voter }) => voter)];
  const isJoint = before.length > 0;
  return [
    ...(isJoint
      ? [`the voters are changing: a majority of ${before.join(", ")} and one of ${after.join(", ")} decide together`]
      : []),
    ...nodes
      .filter(({ reachable, appliedIndex }) => reachable && appliedIndex === null)
      .map(({ id, address }) => `${id} is connected, and gives no answer at ${address}: clients cannot reach it there`),
    ...nodes.flatMap(({ id, snapshot, problem, pending, lagEntries }) => [
      ...(pending === "promote" && lagEntries !== null
        ? [`${id} votes when it has caught up: ${lagEntries} entries to go`]
        : []),
      ...(snapshot === null
        ? []
        : [`${id} is being sent a snapshot: ${snapshot.sentBytes} of ${snapshot.bytes} bytes`]),
      ...(problem === null ? [] : [`${id}: ${problem}`]),
    ]),
  ];
}
