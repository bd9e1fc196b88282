// Does a node belong to the cluster that this node's configuration does not name? The configuration may be an old one, so this node
// asks its members who belongs now. A member vouches for a node when the latest configuration of its log names the node.
//
// States of a question:  none ──▶ asked ──▶ vouched: a member's list is newer than this node's, and names the node
//                                   └─────▶ cut off: no quorum of the members has answered for `cutOffMs`
// What holds: a later configuration is committed by a quorum of this one (§4.3). So while a quorum answers and none of it vouches,
// the unknown node does not lead this cluster. Without a quorum this node cannot know, and waits long before it listens.
import { type Configuration, isMember, type MemberKey, type PlacedConfiguration } from "./configuration.ts";
import { latestConfiguration } from "./log-terms.ts";
import type { Millis } from "./log-position.ts";
import type { RequestMembersReply } from "./messages.ts";
import { isQuorum } from "./quorum.ts";
import type { Emit, State } from "./state.ts";

/** In election timeouts. */
const cutOffTimeouts = 60;
/** An answer counts, and a question stays open without being asked again, for so many election timeouts. */
const answerTimeouts = 8;

/**
 * The configurations that may be in force: the latest one, and the one before while the latest may still be overwritten (§4.1). What
 * an earlier one names and these do not has been removed.
 */
const inForce = ({ log, commitIndex }: State): readonly PlacedConfiguration[] => {
  const [previous, latest] = log.configurations.slice(-2);
  if (latest === undefined) return previous === undefined ? [] : [previous];
  return latest.position.index <= commitIndex ? [latest] : [previous!, latest];
};

/** Whether a configuration that may be in force names this incarnation. */
export const isKnown = (state: State, key: MemberKey): boolean =>
  inForce(state).some(({ configuration }) => isMember(configuration, key));

/**
 * The latest configuration that is known to be committed: one that another one follows is, since a leader adds none before (P38 of
 * the tests).
 */
const committed = (state: State): PlacedConfiguration | null => inForce(state)[0] ?? null;

/** A member that this node knows has answered lately that the node belongs to a later configuration than this node's. */
export function isVouchedFor(state: State, key: MemberKey): boolean {
  const { vouching, nowMs } = state;
  const known = committed(state);
  if (vouching === null || known === null) return false;
  return [...vouching.answers].some(
    ([voucher, { atMs, index, members }]) =>
      nowMs - atMs < answerMs(state) &&
      index > known.position.index &&
      members.includes(key) &&
      isKnown(state, voucher),
  );
}

/** This node has asked for long, asks still, and no quorum of its configuration answers. */
export function isCutOff(state: State): boolean {
  const { vouching, nowMs, settings } = state;
  if (vouching === null || nowMs - vouching.askedMs >= answerMs(state)) return false;
  return nowMs - vouching.aloneSinceMs >= cutOffTimeouts * settings.electionTimeoutMs;
}

/**
 * The unknown node `about` claims to lead or wants a vote: asks the members, once an election timeout at the most. And that node, whose
 * answer vouches for nobody: if it leads and bids this node farewell, it learns that this node lives, and does not give up.
 */
export function askMembers(state: State, about: MemberKey, emit: Emit): State {
  const { vouching, nowMs, settings } = state;
  if (vouching !== null && nowMs - vouching.askedMs < settings.electionTimeoutMs) return state;
  for (const key of [...membersOf(state), about]) {
    if (key !== state.self) emit({ kind: "send", to: key, message: { kind: "requestMembers" } });
  }
  const isOpen = vouching !== null && nowMs - vouching.askedMs < answerMs(state);
  const next = isOpen ? vouching : { aloneSinceMs: nowMs, answers: new Map() };
  // A lone voter needs no answer: whatever was committed, it has.
  return withoutQuorum({ ...state, vouching: { ...next, askedMs: nowMs } });
}

/** A node that has lost its log knows of old members at most: it does not answer. */
export function onRequestMembers(state: State, from: MemberKey, emit: Emit): State {
  const latest = inForce(state).at(-1);
  if (latest === undefined || state.refill !== null) return state;
  const { position, configuration } = latest;
  const members = configuration.members.map(({ key }) => key);
  emit({ kind: "send", to: from, message: { kind: "requestMembersReply", index: position.index, members } });
  return state;
}

/** One member's answer replaces its earlier one, so that a number that leaps to the end of its range speaks for that member alone. */
export function onRequestMembersReply(state: State, from: MemberKey, { index, members }: RequestMembersReply): State {
  const { vouching, nowMs } = state;
  if (vouching === null) return state;
  const others = [...vouching.answers].filter(([key]) => isKnown(state, key));
  const answers = new Map(others).set(from, { atMs: nowMs, index, members });
  return withoutQuorum({ ...state, vouching: { ...vouching, answers } });
}

/** While a quorum answers this node is not alone. */
function withoutQuorum(state: State): State {
  const { vouching, nowMs, self } = state;
  const configuration = latestConfiguration(state.log);
  if (vouching === null || configuration === null) return state;
  const fresh = [...vouching.answers].filter(([, { atMs }]) => nowMs - atMs < answerMs(state)).map(([key]) => key);
  // What this node has lost may name other members: its own word counts for nothing.
  const own = state.refill === null ? [self] : [];
  return isQuorum(configuration, [...own, ...fresh])
    ? { ...state, vouching: { ...vouching, aloneSinceMs: nowMs } }
    : state;
}

const membersOf = (state: State): ReadonlySet<MemberKey> =>
  new Set(
    inForce(state).flatMap(({ configuration }: { readonly configuration: Configuration }) =>
      configuration.members.map(({ key }) => key),
    ),
  );

const answerMs = ({ settings }: State): Millis => answerTimeouts * settings.electionTimeoutMs;
