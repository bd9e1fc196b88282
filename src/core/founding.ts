// How does a cluster begin? Every founder waits for a hello from every other one; the one with the smallest id then
// writes the genesis, the others adopt it. No vote precedes it. A node whose incarnation is not in it never votes.
//
// Deviation: the thesis takes the first configuration as given. Given by a file it founds a second cluster when a disk
// is wiped and the file is still there; given by a record of incarnations it cannot.
import { type MemberKey, nodeIdOf, toMemberKey } from "./configuration.ts";
import { promise, writeGenesis } from "./durability.ts";
import type { PeerConnectedEvent } from "./events.ts";
import { type Affiliation, foundedAtMsMax, type Genesis, genesisConfiguration } from "./genesis.ts";
import { logStart } from "./log-position.ts";
import type { LogTerms } from "./log-terms.ts";
import { nextUuid } from "./random.ts";
import { foundingTimeMs } from "./replicated-time.ts";
import type { Emit, Founding, State } from "./state.ts";
import { drawElectionDue } from "./timers.ts";
import { isKnown } from "./vouching.ts";

/** Nodes of other clusters that are remembered beside those which a configuration names. */
const strangersMax = 128;

/** Whether this node is the founder that writes the genesis, and has heard every other one. */
export function isReadyToFound(state: State): boolean {
  const { founding, genesis } = state;
  if (founding === null || genesis !== null) return false;
  const smallest = founding.bootstrap.map((founder) => founder.id).sort()[0];
  if (smallest !== nodeIdOf(state.self)) return false;
  return founding.bootstrap.every((founder) => founding.heard.some((key) => nodeIdOf(key) === founder.id));
}

/** Writes the genesis once every founder has been heard. */
export function foundIfReady(state: State, emit: Emit): State {
  const { founding } = state;
  if (founding === null || !isReadyToFound(state)) return state;
  const [clusterUuid, random] = nextUuid(state.random);
  const members = founding.bootstrap.map((founder) => ({
    key: founding.heard.find((key) => nodeIdOf(key) === founder.id)!,
    address: founder.address,
    priority: 0,
  }));
  return takeGenesis({ ...state, random }, { clusterUuid, members, foundedAtMs: foundingTimeMs(state) }, emit);
}

/** Of a node at its start, when all that it knows is durable. */
export const affiliationOf = ({ genesis, founding }: State): Affiliation =>
  genesis ?? (founding === null ? "joining" : "founding");

/**
 * A node has said hello: it may be a founder that was waited for, know the genesis, or need to be told of it. One that waits to
 * be added is no founder, whatever its id: it may have lost its data, and other members may have kept theirs.
 */
export function onHello(state: State, event: PeerConnectedEvent, emit: Emit): State {
  const peer = toMemberKey(event.peer.id, event.peer.incarnation);
  if (typeof event.affiliation !== "string") return onGenesis(state, peer, event.affiliation, emit);
  if (state.genesis !== null) return tellGenesis(state, peer, state.genesis, emit);
  if (state.founding === null) return state;
  return foundIfReady({ ...state, founding: withHeard(state.founding, peer, event.affiliation) }, emit);
}

/**
 * Adopts the genesis that another node knows, if this very incarnation is a founder. One that its own bootstrap table takes
 * for a founder, and that is none, cannot go on; one without a table adopts it and waits to be added, under an old name
 * perhaps: it is no voter before a configuration in its log says so. A node that has a genesis already keeps it, and takes
 * who knows another one for a stranger: bootstrap tables that disagree can found two clusters that name the same nodes, and
 * no vote of the one may count in the other.
 */
export function onGenesis(state: State, from: MemberKey, genesis: Genesis, emit: Emit): State {
  if (state.genesis !== null) {
    const others = state.strangers.filter((key) => key !== from);
    const isOwn = genesis.clusterUuid === state.genesis.clusterUuid;
    return { ...state, strangers: isOwn ? others : bounded(state, [...others, from]) };
  }
  const { refill } = state;
  // The data that was lost belonged to one cluster; another one of the same name is none of this node's business.
  if (refill !== null && refill.clusterUuid !== null && refill.clusterUuid !== genesis.clusterUuid) return state;
  // A founder takes the word of another founder, which it needs anyway; any other node could end its process with a genesis of its own.
  if (state.founding !== null && !isFoundingId(state.founding, from)) return state;
  if (genesis.foundedAtMs > foundedAtMsMax) {
    const lie = `its cluster was founded at ${genesis.foundedAtMs}; no cluster is founded after ${foundedAtMsMax}`;
    emit({ kind: "accuse", from, lie });
    return state;
  }
  if (genesis.members.some((member) => member.key === state.self)) return takeGenesis(state, genesis, emit);
  if (state.founding === null) return takeGenesis(state, genesis, emit);
  const id = nodeIdOf(state.self);
  const kind = genesis.members.some((member) => nodeIdOf(member.key) === id) ? "wiped" : "notListed";
  emit({ kind: "halt", reason: { kind, clusterUuid: genesis.clusterUuid, id } });
  return state;
}

const isFoundingId = ({ bootstrap }: Founding, key: MemberKey): boolean =>
  bootstrap.some(({ id }) => id === nodeIdOf(key));

/** A foreign node can come with any number of incarnations; those count most that this node's own configurations name. */
function bounded(state: State, strangers: readonly MemberKey[]): readonly MemberKey[] {
  const excess = strangers.length - strangersMax;
  if (excess <= 0) return strangers;
  const dropped = new Set(strangers.filter((key) => !isKnown(state, key)).slice(0, excess));
  return strangers.filter((key) => !dropped.has(key));
}

function takeGenesis(state: State, genesis: Genesis, emit: Emit): State {
  let next = writeGenesis({ ...state, log: logAfter(state, genesis) }, genesis, emit);
  next = promise(next, next.durability.issued, { kind: "genesisDurable", genesis }, emit);
  const isFounder = genesis.members.some((member) => member.key === state.self);
  for (const member of isFounder ? genesis.members : []) {
    if (member.key !== state.self) next = tellGenesis(next, member.key, genesis, emit);
  }
  const [electionDueMs, drawn] = drawElectionDue(next);
  if (drawn.role.kind !== "follower") throw new Error("a role other than follower before genesis");
  return { ...drawn, role: { ...drawn.role, electionDueMs } };
}

/** A node that is to be refilled may have lost the genesis and still hold a log: the log's own configurations stay in force. */
function logAfter({ log }: State, genesis: Genesis): LogTerms {
  const founding = { position: logStart, configuration: genesisConfiguration(genesis) };
  const configurations = log.base.index > 0 ? log.configurations : [founding, ...log.configurations];
  return { ...log, configurations, lastStampMs: Math.max(log.lastStampMs, genesis.foundedAtMs) };
}

/** Only once it is durable here: a founder must not learn of a genesis that its writer could forget. */
const tellGenesis = (state: State, to: MemberKey, genesis: Genesis, emit: Emit): State =>
  promise(state, state.durability.issued, { kind: "send", to, message: { kind: "genesisNotice", genesis } }, emit);

function withHeard(founding: Founding, peer: MemberKey, affiliation: "founding" | "joining"): Founding {
  if (!isFoundingId(founding, peer)) return founding;
  const others = (keys: readonly MemberKey[]): readonly MemberKey[] =>
    keys.filter((key) => nodeIdOf(key) !== nodeIdOf(peer));
  const [heard, joining] = [others(founding.heard), others(founding.joining)];
  return affiliation === "founding"
    ? { ...founding, heard: [...heard, peer], joining }
    : { ...founding, heard, joining: [...joining, peer] };
}
