// What does a node without a leader wait for? For voters that do not answer, each with the reason, or for an administrator: to be
// added, or to decide where too few voters have sound data.
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
  readonly membership: Pick<NodeMembership, "acquaintance" | "notFound">;
  /** Whether the member has lost data and does not vote until it has copied the log, as far as is known. */
  isRefilling(key: MemberKey): boolean;
}

/** For people. Empty while a leader is known. */
export function waitingFor(source: WaitingSource, peers: readonly PeerStatus[]): readonly string[] {
  const { state, options, membership } = source;
  if (state.removed !== null || (state.genesis !== null && knownLeader(state) !== null)) return [];
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
  return configuration === null ? missing : [...missing, ...soundVoters(source, configuration)];
}

const countedIn = ({ voters, outgoing }: Configuration): readonly MemberKey[] => [...new Set([...voters, ...outgoing])];

/** Of a node with sound data: the sound voters may be no majority. A node that has lost its log may know an older configuration. */
function soundVoters(source: WaitingSource, configuration: Configuration): readonly string[] {
  const voters = countedIn(configuration);
  const damaged = voters.filter((key) => source.isRefilling(key));
  const sound = voters.filter((key) => !damaged.includes(key));
  if (isQuorum(configuration, sound)) return [];
  const names = damaged.map(nodeIdOf).join(", ");
  const verbs = damaged.length === 1 ? "copies the log anew and does not vote" : "copy the log anew and do not vote";
  return [
    `a majority of voters with sound data: ${names} ${verbs}, so no leader can be elected, and this does not end by itself; ` +
      `stop ${names}, empty no data directory, and recover from a node with sound data: graft recover --data-dir DIR`,
  ];
}

const aLeaderToCopyFrom = (self: MemberKey): string =>
  `a leader from which ${nodeIdOf(self)} copies the log: only a majority of voters with sound data elects one; ` +
  "if no node has sound data, stop all nodes, examine each data directory with graft log inspect --data-dir DIR, " +
  "and compare what graft recover --data-dir DIR would keep with the latest backup";
