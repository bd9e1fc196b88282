// What does this node say of itself and of the cluster? All of it is derived; nothing is kept for it.
import { incarnationOf, isVoter, type Member, nodeIdOf } from "../core/configuration.ts";
import { latestConfiguration } from "../core/log-terms.ts";
import type { State } from "../core/state.ts";
import type { ConfigurationReply, NodeStatus, StatusReply } from "../ports/requests.ts";
import type { PeerStatus } from "../ports/transport.ts";
import { knownLeader } from "./execute-effects.ts";

/** What the status is derived from. */
export interface StatusSource {
  readonly state: State;
  readonly cluster: string;
  readonly version: string;
  readonly appliedIndex: number;
  peers(): readonly PeerStatus[];
}

type Body<Reply> = Omit<Reply, "id" | "kind">;

export function describeStatus(source: StatusSource): Body<StatusReply> {
  const { state } = source;
  const leader = knownLeader(state);
  const peers = new Map(source.peers().map((peer) => [peer.id, peer]));
  const members = latestConfiguration(state.log)?.members ?? [];
  return {
    cluster: source.cluster,
    node: nodeIdOf(state.self),
    leader,
    term: state.currentTerm,
    commitIndex: state.commitIndex,
    nodes:
      state.genesis === null
        ? (state.founding?.bootstrap ?? []).map((founder) => foundingStatus(source, founder, peers.get(founder.id)))
        : members.map((member) => memberStatus(source, member, peers.get(nodeIdOf(member.key)))),
    waitingFor: waitingFor(state, peers),
  };
}

function foundingStatus(
  { state, version }: StatusSource,
  founder: { readonly id: string; readonly address: string },
  peer: PeerStatus | undefined,
): NodeStatus {
  const isSelf = founder.id === nodeIdOf(state.self);
  return {
    id: founder.id,
    address: founder.address,
    role: isSelf ? "founding" : null,
    voter: false,
    reachable: isSelf || peer?.reachable === true,
    matchIndex: null,
    appliedIndex: null,
    lagEntries: null,
    version: isSelf ? version : (peer?.version ?? null),
  };
}

function memberStatus(source: StatusSource, member: Member, peer: PeerStatus | undefined): NodeStatus {
  const { state } = source;
  const configuration = latestConfiguration(state.log);
  const isSelf = member.key === state.self;
  const progress = state.role.kind === "leader" ? state.role.progress.get(member.key) : undefined;
  const matchIndex = isSelf ? state.durability.persistedIndex : (progress?.matchIndex ?? null);
  const isLeader = knownLeader(state)?.id === nodeIdOf(member.key);
  return {
    id: nodeIdOf(member.key),
    address: member.address,
    role: isSelf ? state.role.kind : isLeader ? "leader" : peer?.reachable === true ? "follower" : null,
    voter: configuration !== null && isVoter(configuration, member.key),
    reachable: isSelf || peer?.reachable === true,
    matchIndex,
    appliedIndex: isSelf ? source.appliedIndex : null,
    lagEntries: matchIndex === null ? null : Math.max(0, state.log.last.index - matchIndex),
    version: isSelf ? source.version : (peer?.version ?? null),
  };
}

/** Without a leader: the nodes that do not answer, each with the reason. */
function waitingFor(state: State, peers: ReadonlyMap<string, PeerStatus>): readonly string[] {
  const isWaiting = state.genesis === null || knownLeader(state) === null;
  if (!isWaiting) return [];
  return [...peers.values()]
    .filter((peer) => !peer.reachable)
    .map((peer) => `${peer.id} at ${peer.address}: ${peer.reason ?? "not connected yet"}`);
}

export function describeConfiguration(state: State): Body<ConfigurationReply> {
  const placed = state.log.configurations.at(-1);
  const configuration = placed?.configuration;
  if (placed === undefined || configuration === undefined) return { index: 0, members: [] };
  return {
    index: placed.position.index,
    members: configuration.members.map(({ key, address, priority }) => ({
      id: nodeIdOf(key),
      incarnation: incarnationOf(key),
      address,
      voter: configuration.voters.includes(key),
      outgoing: configuration.outgoing.includes(key),
      priority,
    })),
  };
}
