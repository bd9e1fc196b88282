// When has a learner caught up? (§4.2.1) What the log holds when a round begins is the round's work; a learner that gets
// through it in less than an election timeout is so close that as a voter it would hold up commits no longer than that.
// Whom the leader promotes then is next-configuration.ts.
import type { MemberKey } from "./configuration.ts";
import { counts } from "./faults.ts";
import { latestConfiguration } from "./log-terms.ts";
import type { Leader, Round } from "./roles.ts";
import type { State } from "./state.ts";

/** Ends the rounds that are over and begins the next ones, for the learners that wait to be promoted and no others. */
export function withRounds(state: State): State {
  const { role } = state;
  if (role.kind !== "leader") return state;
  const { administration } = role;
  const waiting = latestConfiguration(state.log)?.pending.flatMap(({ promote }) => promote) ?? [];
  if (waiting.length === 0 && administration.rounds.size === 0) return state;
  const rounds = new Map(waiting.map((key) => [key, roundOf(state, role, key)] as const));
  return { ...state, role: { ...role, administration: { ...administration, rounds } } };
}

function roundOf(state: State, role: Leader, key: MemberKey): Round {
  const round = role.administration.rounds.get(key);
  const begun = { through: state.log.last.index, sinceMs: state.nowMs, afterRound: role.round };
  if (round === undefined) return { ...begun, hasCaughtUp: false };
  const progress = role.progress.get(key);
  const isOver = counts(progress) && progress.matchIndex >= round.through && progress.ackedRound > round.afterRound;
  return isOver ? { ...begun, hasCaughtUp: isShort(state, round) } : round;
}

/**
 * Whether the last round was short enough, and the present one is not too long already: the learner may have gone silent. A learner
 * that has lost data since has not caught up.
 */
export function hasCaughtUp(state: State, role: Leader, key: MemberKey): boolean {
  const round = role.administration.rounds.get(key);
  return round !== undefined && round.hasCaughtUp && isShort(state, round) && counts(role.progress.get(key));
}

const isShort = (state: State, { sinceMs }: Round): boolean => state.nowMs - sinceMs < state.settings.electionTimeoutMs;
