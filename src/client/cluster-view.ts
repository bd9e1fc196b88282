// How does the whole cluster look, from all of its nodes that answer? One node knows itself and, when it leads, how far the
// others have got; only together do they give every row of a status.
import { GraftError } from "../errors.ts";
import type { ConfigurationReply, LeaderHint, NodeStatus, StatusReply } from "../ports/requests.ts";
import type { GraftClient } from "./client.ts";

export interface ClusterView {
  readonly cluster: string;
  readonly leader: LeaderHint | null;
  readonly term: number;
  readonly commitIndex: number;
  readonly nodes: readonly NodeStatus[];
  /** For people: what stands between the cluster and a leader; empty when there is one. */
  readonly waitingFor: readonly string[];
}

/** How long one node among several may take to answer for itself, in ms: the others' word does where it does not. */
const nodeAnswerMs = 1000;
const pollMs = 50;

/** Rejects with `GraftError("unavailable")` when no node at all answers within `timeoutMs`. */
export async function viewCluster(client: GraftClient, timeoutMs: number): Promise<ClusterView> {
  const first = await client.status(null, { timeoutMs });
  const others = first.nodes.filter((node) => node.id !== first.node);
  const answers = await Promise.allSettled(
    others.map((node) => client.status(node.address, { timeoutMs: Math.min(nodeAnswerMs, timeoutMs) })),
  );
  // Somebody else may meanwhile listen at an address that the cluster once knew.
  const told = answers.flatMap((answer) => (answer.status === "fulfilled" ? [answer.value] : []));
  return mergeStatus([first, ...told.filter((reply) => reply.cluster === first.cluster)]);
}

/** Who belongs to the cluster, from somebody who still belongs to it if there is one to be reached. */
export async function viewMembers(client: GraftClient, timeoutMs: number): Promise<ConfigurationReply> {
  const first = await client.configuration({ timeoutMs });
  if (!first.removed) return first;
  const limitMs = Math.min(nodeAnswerMs, timeoutMs);
  const answers = await Promise.allSettled(
    first.members.map(({ address }) => client.configuration({ timeoutMs: limitMs }, address)),
  );
  const told = answers.flatMap((answer) =>
    answer.status === "fulfilled" && !answer.value.removed ? [answer.value] : [],
  );
  return told.sort((one, other) => other.index - one.index)[0] ?? first;
}

/** Resolves once the nodes that answer know of a leader in the highest term among them. Rejects with `GraftError("unavailable")`, saying why. */
export async function waitForLeader(
  client: GraftClient,
  timeoutMs: number,
  isWanted: (view: ClusterView) => boolean = () => true,
): Promise<ClusterView> {
  const dueMs = performance.now() + timeoutMs;
  let seen: ClusterView | null = null;
  for (;;) {
    const leftMs = Math.ceil(dueMs - performance.now());
    if (leftMs <= 0) throw new GraftError("unavailable", noLeader(seen, timeoutMs));
    seen = await viewCluster(client, leftMs);
    if (seen.leader !== null && isWanted(seen)) return seen;
    await Bun.sleep(Math.min(pollMs, leftMs));
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
    leader: best.leader,
    term: best.term,
    commitIndex: Math.max(best.commitIndex, ...others.map((reply) => reply.commitIndex)),
    nodes: [...best.nodes.map((row) => mergeRow(row, ownRows.get(row.id))), ...outsiders],
    waitingFor: best.leader === null ? [...new Set(replies.flatMap((reply) => reply.waitingFor))] : [],
  };
}

/** Terms order the replies; within one term the leader's comes first, then those that know of one. */
function rank(reply: StatusReply): number {
  const knowledge = reply.leader === null ? 0 : reply.leader.id === reply.node ? 2 : 1;
  return reply.term * 3 + knowledge;
}

function mergeRow(row: NodeStatus, own: NodeStatus | undefined): NodeStatus {
  if (own === undefined) return row;
  const { role, appliedIndex, version, problem } = own;
  return {
    ...row,
    role,
    appliedIndex,
    version,
    problem,
    reachable: true,
    matchIndex: row.matchIndex ?? own.matchIndex,
  };
}

function noLeader(seen: ClusterView | null, timeoutMs: number): string {
  const waiting = seen === null || seen.waitingFor.length === 0 ? "" : `; not there: ${seen.waitingFor.join("; ")}`;
  return `no leader within ${timeoutMs} ms${waiting}`;
}
