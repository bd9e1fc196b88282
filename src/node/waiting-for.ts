// What does a node without a leader wait for? For voters that do not answer, each with the reason, or for an administrator: to be
// added, or to decide where too few voters have sound data. A node that runs with other data than the voter of its id is not that voter.
import { type Configuration, isMember, type MemberKey, nodeIdOf } from "../core/configuration.ts";
import { latestConfiguration } from "../core/log-terms.ts";
import { isQuorum } from "../core/quorum.ts";
import type { State } from "../core/state.ts";
import type { PeerStatus } from "../ports/transport.ts";
import { knownLeader } from "./known-leader.ts";
import type { NodeMembership } from "./membership.ts";
import type { NodeOptions } from "./node-options.ts";

export interface WaitingSource {
  readonly state: State;
  readonly options: Pick<NodeOptions, "address">;
  readonly membership: Pick<NodeMembership, "acquaintance" | "notFound" | "isConnected">;
  /** Whether the member has lost data and does not vote until it has copied the log, as far as is known. */
  isRefilling(key: MemberKey): boolean;
}

/** For people. Empty while a leader is known. */
export function waitingFor(source: WaitingSource, peers: readonly PeerStatus[]): readonly string[] {
  const { state, options, membership } = source;
  if (state.removed !== null || knownLeader(state) !== null) return [];
  const configuration = latestConfiguration(state.log);
  const { bootstrap } = membership.acquaintance;
  const isOutside = configuration === null || !isMember(configuration, state.self);
  // A node that has lost its log may know only the founders. It was a member, and is refilled as one.
  if (isOutside && bootstrap === null && state.refill === null) {
    const id = nodeIdOf(state.self);
    return [
      `being added: graft cluster add ${id} ${options.address}`,
      ...(state.genesis === null ? membership.notFound : []),
    ];
  }
  const counted = configuration === null ? null : new Set(countedIn(configuration).map(nodeIdOf));
  const missing = peers
    .filter((peer) => !peer.reachable && (counted === null || counted.has(peer.id)))
    .map((peer) => `${peer.id} at ${peer.address}: ${peer.reason ?? "not connected yet"}`);
  if (state.refill !== null) return [...missing, aLeaderToCopyFrom(state.self)];
  if (configuration === null) return [...missing, ...otherFounders(state, peers)];
  return [...missing, ...soundVoters(source, peers, configuration)];
}

/** Of a founder: nodes with the id of another founder that answer, and found no cluster. */
function otherFounders({ founding, self }: State, peers: readonly PeerStatus[]): readonly string[] {
  const joining = new Set(founding?.joining.map(nodeIdOf));
  return peers
    .filter(({ id, reachable }) => reachable && joining.has(id))
    .map(
      ({ id, address }) =>
        `${id} at ${address}, which waits to be added and founds no cluster: if the cluster exists already, start ` +
        `${nodeIdOf(self)} with cluster.join in place of cluster.bootstrap; if it does not, start ${id} with cluster.bootstrap`,
    );
}

const countedIn = ({ voters, outgoing }: Configuration): readonly MemberKey[] => [...new Set([...voters, ...outgoing])];

/** Of a node with sound data: the sound voters may be no majority. A node that has lost its log may know an older configuration. */
function soundVoters(
  source: WaitingSource,
  peers: readonly PeerStatus[],
  configuration: Configuration,
): readonly string[] {
  const voters = countedIn(configuration);
  const reached = new Set(peers.flatMap(({ id, reachable }) => (reachable ? [id] : [])));
  const isReplaced = (key: MemberKey): boolean => reached.has(nodeIdOf(key)) && !source.membership.isConnected(key);
  const damaged = voters.filter((key) => source.isRefilling(key));
  const replaced = voters.filter((key) => !damaged.includes(key) && isReplaced(key));
  const lost = [...damaged, ...replaced];
  const isElectable = isQuorum(
    configuration,
    voters.filter((key) => !lost.includes(key)),
  );
  if (isElectable)
    return replaced.map(
      (key) => `${nodeIdOf(key)} with its old data: ${otherData([key])}; once there is a leader it can be added`,
    );
  const why = [
    ...(damaged.length > 0 ? [copying(damaged)] : []),
    ...(replaced.length > 0 ? [otherData(replaced)] : []),
  ];
  // A node that was away does not know of members that have replaced others meanwhile.
  const conclusion =
    replaced.length === 0
      ? ", so no leader can be elected, and this does not end by itself; "
      : "; if no node knows a leader, none can be elected, and this does not end by itself: ";
  const back = replaced.length === 0 ? "" : `start ${ids(replaced)} with the old data if it is sound; otherwise `;
  return [
    `a majority of voters with sound data: ${why.join(", and ")}${conclusion}` +
      `${back}stop ${ids(lost)}, empty no data directory, and recover from a node with sound data: graft recover --data-dir DIR`,
  ];
}

const ids = (keys: readonly MemberKey[]): string => keys.map(nodeIdOf).join(", ");

const copying = (keys: readonly MemberKey[]): string =>
  `${ids(keys)} ${keys.length === 1 ? "copies the log anew and does not vote" : "copy the log anew and do not vote"}`;

const otherData = (keys: readonly MemberKey[]): string =>
  keys.length === 1
    ? `${ids(keys)} runs with other data than the member ${ids(keys)} and does not vote`
    : `${ids(keys)} run with other data than the members ${ids(keys)} and do not vote`;

const aLeaderToCopyFrom = (self: MemberKey): string =>
  `a leader from which ${nodeIdOf(self)} copies the log: only a majority of voters with sound data elects one; ` +
  "if no node has sound data, stop all nodes, examine each data directory and each folder damaged-… in it with " +
  "graft log inspect --data-dir DIR, and compare what graft recover --data-dir DIR would keep with the latest backup";
