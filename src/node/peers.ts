// With whom does this node keep connections? With the members; and as long as it is none itself, with whomever it has heard
// of. Pure; who tells it of them is joining.ts.
import { isMember, type Member, type MemberKey, type NodeId, nodeIdOf } from "../core/configuration.ts";
import type { State } from "../core/state.ts";
import type { MemberList } from "../ports/node-messages.ts";

export interface Peer {
  readonly id: NodeId;
  readonly address: string;
}

/** What a node knows of others beside its log. */
export interface Acquaintance {
  /** The founders of the configuration file; null for a node that joins. */
  readonly bootstrap: readonly Peer[] | null;
  /** The latest list that a member has sent. */
  readonly list: MemberList | null;
  /** Who has been found at the addresses of the configuration file. */
  readonly contacts: readonly Peer[];
}

/** Each id once, this node left out. `addressOf`: where a member is to be dialled, if it has moved. */
export function peersOf(
  state: State,
  { bootstrap, list, contacts }: Acquaintance,
  addressOf: (member: Member) => string = ({ address }) => address,
): readonly Peer[] {
  // Who has been removed has nobody to talk to; those that it was connected with keep that up or not, as they like.
  if (state.removed !== null) return [];
  const latest = state.log.configurations.at(-1);
  const own = latest?.configuration.members ?? [];
  const isIn = latest !== undefined && isMember(latest.configuration, state.self);
  const isListNewer = !isIn && list !== null && list.index >= (latest?.position.index ?? 0);
  const members = (isListNewer ? list.members : own).map((member) => ({
    id: nodeIdOf(member.key),
    address: addressOf(member),
  }));
  const others = isIn ? leaving(state) : members.length > 0 ? contacts : [...(bootstrap ?? []), ...contacts];
  // Of two incarnations of one id the later member is the one that runs; who is known by hearsay comes last.
  const byId = new Map([...others, ...members].map((peer) => [peer.id, peer]));
  byId.delete(nodeIdOf(state.self));
  return [...byId.values()];
}

/** Those that a leader is still telling that they have been removed. */
function leaving({ role, log, genesis }: State): readonly Peer[] {
  if (role.kind !== "leader") return [];
  const lastPlace = (key: MemberKey): readonly Peer[] => {
    const placed = log.configurations.findLast(({ configuration }) => isMember(configuration, key));
    const members = placed?.configuration.members ?? genesis?.members ?? [];
    const member = members.find((each) => each.key === key);
    return member === undefined ? [] : [{ id: nodeIdOf(key), address: member.address }];
  };
  return [...role.administration.farewells.keys()].flatMap(lastPlace);
}
