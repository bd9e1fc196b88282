// What does this node say of itself and of the cluster? All of it is derived; nothing is kept for it.
import {
  type Configuration,
  incarnationOf,
  isMember,
  type Member,
  type MemberKey,
  nodeIdOf,
} from "../core/configuration.ts";
import { codeOf, isSamePlugin, type PluginVersion, type VersionAtHand } from "../core/activation.ts";
import type { LogIndex } from "../core/log-position.ts";
import { latestConfiguration } from "../core/log-terms.ts";
import type { State } from "../core/state.ts";
import type { ActivePlugin, ConfigurationReply, NodeStatus, StatusReply } from "../ports/requests.ts";
import type { PeerStatus } from "../ports/transport.ts";
import { knownLeader } from "./known-leader.ts";
import type { NodeOptions } from "./node-options.ts";
import type { NodeSnapshots } from "./snapshots.ts";
import { waitingFor, type WaitingSource } from "./waiting-for.ts";

/** What the status is derived from. */
export interface StatusSource extends WaitingSource {
  readonly options: Pick<NodeOptions, "cluster" | "version" | "address">;
  readonly appliedIndex: number;
  /** Of a leader: a majority has come to the same state through here; null: not known here. */
  readonly agreesThrough: LogIndex | null;
  /** For people: what ails the member; null: nothing that this node knows of. */
  problemOf(key: MemberKey): string | null;
  /** Of the plugin: those that this node has. */
  readonly versions: readonly VersionAtHand[];
  /** Those that the member has; null: it has not been heard. */
  versionsOf(key: MemberKey): readonly PluginVersion[] | null;
  peers(): readonly PeerStatus[];
  readonly snapshots: Pick<NodeSnapshots, "sentTo">;
}

type Body<Reply> = Omit<Reply, "id" | "kind">;
type Peers = ReadonlyMap<string, PeerStatus>;

export function describeStatus(source: StatusSource): Body<StatusReply> {
  const { state } = source;
  const peers = new Map(source.peers().map((peer) => [peer.id, peer]));
  return {
    cluster: source.options.cluster,
    clusterUuid: state.genesis?.clusterUuid ?? null,
    node: nodeIdOf(state.self),
    leader: state.removed === null ? knownLeader(state) : null,
    term: state.currentTerm,
    commitIndex: state.commitIndex,
    agreesThrough: source.agreesThrough,
    plugin: activePlugin(state),
    nodes: nodesOf(source, peers),
    waitingFor: waitingFor(source, source.peers()),
  };
}

function activePlugin({ log, commitIndex }: State): ActivePlugin | null {
  const activations = log.activations.filter(({ position }) => position.index <= commitIndex);
  const active = activations.at(-1);
  if (active === undefined) return null;
  // Asked for again, it was active already.
  const other = activations.findLastIndex(({ plugin }) => !isSamePlugin(plugin, active.plugin));
  return { ...active.plugin, since: activations[other + 1]!.position.index };
}

/** The founders before there is a cluster, its members then, and this node in any case. */
function nodesOf(source: StatusSource, peers: Peers): readonly NodeStatus[] {
  const { state, membership } = source;
  const latest = latestConfiguration(state.log);
  if (latest !== null && isMember(latest, state.self)) {
    return latest.members.map((member) => memberStatus(source, latest, member, peers.get(nodeIdOf(member.key))));
  }
  const { bootstrap, list, contacts } = membership.acquaintance;
  if (state.genesis === null && bootstrap !== null) {
    return bootstrap.map((founder) =>
      founder.id === nodeIdOf(state.self) ? ownStatus(source) : strangerStatus(founder, peers.get(founder.id)),
    );
  }
  const members = state.removed?.configuration.members ?? list?.members ?? latest?.members ?? [];
  const known = members.length > 0 ? members.map(({ key, address }) => ({ id: nodeIdOf(key), address })) : contacts;
  const others = known.filter(({ id }) => id !== nodeIdOf(state.self));
  return [...others.map((other) => strangerStatus(other, peers.get(other.id))), ownStatus(source)];
}

const nothingKnown = {
  voter: false,
  outgoing: false,
  pending: null,
  priority: 0,
  matchIndex: null,
  appliedIndex: null,
  lagEntries: null,
  snapshot: null,
  plugins: null,
  problem: null,
} as const;

function strangerStatus(
  known: { readonly id: string; readonly address: string },
  peer: PeerStatus | undefined,
): NodeStatus {
  const { id, address } = known;
  const reachable = peer?.reachable === true;
  return { ...nothingKnown, id, address, role: null, reachable, version: peer?.version ?? null };
}

/** Of this node, while it is no member. */
function ownStatus(source: StatusSource): NodeStatus {
  const { state, options, appliedIndex, membership } = source;
  const problem = source.problemOf(state.self);
  const { address, version } = options;
  const plugins = source.versions.map(codeOf);
  const isFounding = state.genesis === null && membership.acquaintance.bootstrap !== null;
  const role = state.removed !== null ? "removed" : isFounding ? "founding" : "joining";
  const applied = state.genesis === null ? null : appliedIndex;
  const id = nodeIdOf(state.self);
  return { ...nothingKnown, id, address, role, reachable: true, appliedIndex: applied, version, plugins, problem };
}

function memberStatus(
  source: StatusSource,
  configuration: Configuration,
  member: Member,
  peer: PeerStatus | undefined,
): NodeStatus {
  const { state } = source;
  const { key, address, priority } = member;
  const id = nodeIdOf(key);
  const isSelf = key === state.self;
  const progress = state.role.kind === "leader" ? state.role.progress.get(key) : undefined;
  const matchIndex = isSelf ? state.durability.persistedIndex : (progress?.matchIndex ?? null);
  const isLeader = knownLeader(state)?.id === id;
  const sentBytes = source.snapshots.sentTo(id);
  return {
    id,
    address,
    role: isSelf ? state.role.kind : isLeader ? "leader" : peer?.reachable === true ? "follower" : null,
    voter: configuration.voters.includes(key),
    outgoing: configuration.outgoing.includes(key),
    pending: pendingOf(configuration, key),
    priority,
    reachable: isSelf || peer?.reachable === true,
    matchIndex,
    appliedIndex: isSelf ? source.appliedIndex : null,
    lagEntries: matchIndex === null ? null : Math.max(0, state.log.last.index - matchIndex),
    version: isSelf ? source.options.version : (peer?.version ?? null),
    snapshot:
      progress?.kind === "installing" && sentBytes !== null ? { sentBytes, bytes: progress.snapshot.bytes } : null,
    plugins: isSelf ? source.versions.map(codeOf) : source.versionsOf(key),
    problem: source.problemOf(key),
  };
}

function pendingOf({ pending }: Configuration, key: MemberKey): NodeStatus["pending"] {
  if (pending.some(({ promote }) => promote.includes(key))) return "promote";
  if (pending.some(({ remove }) => remove.includes(key))) return "remove";
  return pending.some(({ demote }) => demote.includes(key)) ? "demote" : null;
}

export function describeConfiguration(state: State): Body<ConfigurationReply> {
  const { self, genesis } = state;
  const own = {
    clusterUuid: genesis?.clusterUuid ?? null,
    node: nodeIdOf(self),
    incarnation: incarnationOf(self),
    removed: state.removed !== null,
  };
  const placed = state.removed ?? state.log.configurations.at(-1);
  if (placed === undefined) return { ...own, index: 0, members: [], pending: [], committed: false };
  const { position, configuration } = placed;
  const name = nameIn(configuration);
  return {
    ...own,
    index: position.index,
    members: configuration.members.map(({ key, address, priority }) => ({
      id: nodeIdOf(key),
      incarnation: incarnationOf(key),
      address,
      voter: configuration.voters.includes(key),
      outgoing: configuration.outgoing.includes(key),
      priority,
    })),
    pending: configuration.pending.map(({ promote, demote, remove }) => ({
      promote: promote.map(name),
      demote: demote.map(name),
      remove: remove.map(name),
    })),
    committed: state.removed !== null || position.index <= state.commitIndex,
  };
}

/** The id alone says it, unless two incarnations of it are members. */
const nameIn =
  ({ members }: Configuration) =>
  (key: MemberKey): string =>
    members.filter((member) => nodeIdOf(member.key) === nodeIdOf(key)).length > 1 ? key : nodeIdOf(key);
