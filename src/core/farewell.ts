// How does a node learn that it has been removed? From the log alone: its leader goes on sending it the log up to the
// configuration that leaves it out, and that this one is committed, until it has acknowledged both or does not answer.
// What the node concludes is removal.ts.
import { type MemberKey, isMember } from "./configuration.ts";
import { latestConfiguration } from "./log-terms.ts";
import type { LogPosition } from "./log-position.ts";
import { formerMembers } from "./removal.ts";
import { firstProgress } from "./progress.ts";
import type { Farewell, Leader } from "./roles.ts";
import type { State } from "./state.ts";

/** In election timeouts: how long one is waited for that does not answer. It gets another chance when it is heard again. */
const silenceMax = 4;
/** To more nodes at once no farewell is bidden that this leader does not know to have been members. */
const farewellsMax = 128;

/** A new leader takes up those that the earlier leaders may not have reached. */
export const bidFarewells = (state: State): State => formerMembers(state).reduce(bidFarewell, state);

/** A node says hello: if it was a member once and is none now, it is told so. */
export const onFormerMember = (state: State, key: MemberKey): State =>
  state.role.kind === "leader" && formerMembers(state).includes(key) ? bidFarewell(state, key) : state;

/**
 * A node asks for a vote. If it is no member, it takes itself for a voter because of an entry that is compacted away here, for
 * who is to vote is a learner of a committed configuration first. Who has none of the log is a founder, whom the genesis names,
 * or has no business here.
 */
export function onVoteAsked(state: State, key: MemberKey, { last }: { readonly last: LogPosition }): State {
  if (state.role.kind !== "leader") return state;
  const { farewells } = state.role.administration;
  // As long as the founders' configuration is the first one here, every later one is here as well.
  const isPastKnown = state.log.configurations[0]?.position.index === 0;
  const mayBeUnknown = last.index > 0 && farewells.size < farewellsMax && !isPastKnown;
  return mayBeUnknown || formerMembers(state).includes(key) ? bidFarewell(state, key) : state;
}

/** A node that is bidden farewell does not know this leader, and asks its members who that is: it is not silent. */
export function onSignOfLife(state: State, key: MemberKey): State {
  const { role } = state;
  if (role.kind !== "leader") return state;
  const progress = role.progress.get(key);
  if (progress === undefined || !role.administration.farewells.has(key)) return onFormerMember(state, key);
  const heard = new Map(role.progress).set(key, { ...progress, heardMs: state.nowMs });
  return { ...state, role: { ...role, progress: heard } };
}

/** A node has left. */
export function bidFarewell(state: State, key: MemberKey): State {
  const { role, log } = state;
  if (role.kind !== "leader" || key === state.self || role.administration.farewells.has(key)) return state;
  const configuration = latestConfiguration(log);
  if (configuration === null || isMember(configuration, key)) return state;
  const last = log.configurations.findLastIndex((placed) => isMember(placed.configuration, key));
  const through = log.configurations[last + 1]!.position.index;
  const progress = new Map(role.progress);
  if (!progress.has(key)) progress.set(key, firstProgress(state, Math.max(through, 1)));
  const farewells = new Map(role.administration.farewells).set(key, { through, toldAfterRound: null });
  return { ...state, role: { ...role, progress, administration: { ...role.administration, farewells } } };
}

/** Ends the farewells of those that know, or that have been silent for long. */
export function withFarewells(state: State): State {
  const { role } = state;
  if (role.kind !== "leader" || role.administration.farewells.size === 0) return state;
  const progress = new Map(role.progress);
  const farewells = new Map<MemberKey, Farewell>();
  for (const [key, farewell] of role.administration.farewells) {
    if (isOver(state, role, key, farewell)) progress.delete(key);
    else farewells.set(key, told(state, role, farewell));
  }
  return { ...state, role: { ...role, progress, administration: { ...role.administration, farewells } } };
}

/** Every message from now on says that the configuration is committed. */
const told = (state: State, role: Leader, farewell: Farewell): Farewell =>
  farewell.toldAfterRound === null && state.commitIndex >= farewell.through
    ? { ...farewell, toldAfterRound: role.round }
    : farewell;

function isOver(state: State, role: Leader, key: MemberKey, { through, toldAfterRound }: Farewell): boolean {
  const progress = role.progress.get(key);
  if (progress === undefined) return true;
  const knows = toldAfterRound !== null && progress.matchIndex >= through && progress.ackedRound > toldAfterRound;
  return knows || state.nowMs - progress.heardMs >= silenceMax * state.settings.electionTimeoutMs;
}
