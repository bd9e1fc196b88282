// How does the whole cluster look, from all of its nodes that answer? One node knows itself and, when it leads, how far the
// others have got; only together do they give every row of a status.
import { GraftError } from "../errors.ts";
import type { ActivePlugin, LeaderHint, NodeStatus, StatusReply } from "../ports/requests.ts";
import { addressesOf } from "./attempt.ts";
import type { GraftClient } from "./client.ts";
import { pause } from "./pause.ts";
import type { OtherCluster } from "./which-cluster.ts";

export interface ClusterView {
  readonly cluster: string;
  /** Tells clusters of one name apart; null: not founded yet. */
  readonly clusterUuid: string | null;
  readonly leader: LeaderHint | null;
  readonly term: number;
  readonly commitIndex: number;
  /** A strict majority of the voters has come to the same state through here; null: nothing has been compared. */
  readonly agreesThrough: number | null;
  readonly plugin: ActivePlugin | null;
  readonly nodes: readonly NodeStatus[];
  /** For people: what stands between the cluster and a leader; empty when there is one. */
  readonly waitingFor: readonly string[];
}

/** The cluster as all of its nodes show it that were reached. */
export interface ReachedCluster extends ClusterView {
  /** Where a node of this cluster answered, and which one. */
  readonly answering: readonly { readonly address: string; readonly id: string }[];
  /** Nodes that answered and are of other clusters: nothing of theirs is in the view. */
  readonly otherClusters: readonly OtherCluster[];
}

/** How long one node among several may take to answer for itself, in ms: the others' word does where it does not. */
const nodeAnswerMs = 1000;
const pollMs = 50;

/** Rejects with `GraftError("unavailable")` when no node at all answers within `timeoutMs`. */
export async function viewCluster(client: GraftClient, timeoutMs: number): Promise<ReachedCluster> {
  const first = await client.status(null, { timeoutMs });
  const limitMs = Math.min(nodeAnswerMs, timeoutMs);
  const named = [...first.nodes.map(({ address }) => address), ...addressesOf(first.leader)];
  const addresses = [...new Set([...named, ...client.addresses])];
  const asked = addresses.map(
    async (address) => [address, await client.status(address, { timeoutMs: limitMs })] as const,
  );
  // The client refuses nodes of other clusters: somebody else may meanwhile listen at an address that the cluster once knew.
  const told = (await Promise.allSettled(asked)).flatMap((each) => (each.status === "fulfilled" ? [each.value] : []));
  return {
    ...mergeStatus([first, ...told.map(([, reply]) => reply)]),
    answering: told.map(([address, { node }]) => ({ address, id: node })),
    otherClusters: client.otherClusters,
  };
}

/** Resolves once the nodes that answer know of a leader in the highest term among them. Rejects with `GraftError("unavailable")`, saying why. */
export async function waitForLeader(
  client: GraftClient,
  timeoutMs: number,
  isWanted: (view: ClusterView) => boolean = () => true,
): Promise<ClusterView> {
  const { clock } = client;
  const dueMs = clock.nowMs() + timeoutMs;
  let seen: ClusterView | null = null;
  for (;;) {
    const leftMs = Math.ceil(dueMs - clock.nowMs());
    if (leftMs <= 0) throw new GraftError("unavailable", noLeader(seen, timeoutMs));
    seen = await viewCluster(client, leftMs);
    if (seen.leader !== null && isWanted(seen)) return seen;
    await pause(clock, Math.min(pollMs, leftMs));
  }
}

/** What several nodes say at about the same time, as one. The word of the leader of the highest term counts most. */
export function mergeStatus(replies: readonly StatusReply[]): ClusterView {
  const [best, ...others] = [...replies].sort((one, other) => rank(other) - rank(one));
  if (best === undefined) throw new RangeError("there is no status to merge");
  const ownRows = new Map(replies.map((reply) => [reply.node, reply.nodes.find((node) => node.id === reply.node)]));
  // Who answers though it is no member waits to become one, or was one.
  const outsiders = [...ownRows].flatMap(([id, row]) =>
    row === undefined || best.nodes.some((node) => node.id === id) ? [] : [row],
  );
  return {
    cluster: best.cluster,
    clusterUuid: replies.find(({ clusterUuid }) => clusterUuid !== null)?.clusterUuid ?? null,
    leader: best.leader,
    term: best.term,
    commitIndex: Math.max(best.commitIndex, ...others.map((reply) => reply.commitIndex)),
    agreesThrough: best.agreesThrough,
    plugin: newest(replies.flatMap(({ plugin }) => plugin ?? [])),
    nodes: [...best.nodes.map((row) => mergeRow(row, ownRows.get(row.id))), ...outsiders],
    waitingFor: best.leader === null ? [...new Set(replies.flatMap((reply) => reply.waitingFor))] : [],
  };
}

/** An activation that one node knows to be committed becomes active on all nodes. */
const newest = (known: readonly ActivePlugin[]): ActivePlugin | null =>
  known.reduce<ActivePlugin | null>((best, each) => (best === null || each.since > best.since ? each : best), null);

/** Terms order the replies; within one term the leader's comes first, then those that know of one. */
function rank(reply: StatusReply): number {
  const knowledge = reply.leader === null ? 0 : reply.leader.id === reply.node ? 2 : 1;
  return reply.term * 3 + knowledge;
}

function mergeRow(row: NodeStatus, own: NodeStatus | undefined): NodeStatus {
  if (own === undefined) return row;
  const { role, appliedIndex, version, plugins, problem } = own;
  return {
    ...row,
    role,
    appliedIndex,
    version,
    plugins,
    problem,
    reachable: true,
    matchIndex: row.matchIndex ?? own.matchIndex,
  };
}

function noLeader(seen: ClusterView | null, timeoutMs: number): string {
  const waiting = seen === null || seen.waitingFor.length === 0 ? "" : `; not there: ${seen.waitingFor.join("; ")}`;
  return `no leader within ${timeoutMs} ms${waiting}`;
}
