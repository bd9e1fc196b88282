// Where does leadership live? A leader that sees a voter of higher priority, in step and steadily heard for a while, hands
// over to it (§3.10). Elections know nothing of priorities: any voter is better than none.
//
// Leadership cannot swing to and fro: it only ever moves to a strictly higher priority, to a node that has been well for
// some time, and not soon after the last attempt or the last election.
import { isJoint, type MemberKey } from "./configuration.ts";
import { latestConfiguration } from "./log-terms.ts";
import type { Homecoming, Leader } from "./roles.ts";
import type { Emit, State } from "./state.ts";
import { beginTransfer } from "./transfer.ts";

/** In election timeouts: how long a node must have been fit to lead. */
const steadyFor = 5;
/** In election timeouts: from an election or an attempt to the next attempt. */
const attemptEvery = 10;

/** A new leader stays for a while, whoever is preferred. */
export const noHomecoming = ({ nowMs, settings }: State): Homecoming => ({
  preferred: null,
  dueMs: nowMs + attemptEvery * settings.electionTimeoutMs,
});

/** To be asked at every tick of a leader, so that no silence of an election timeout is overlooked. */
export function goHome(state: State, emit: Emit): State {
  const { role } = state;
  if (role.kind !== "leader") return state;
  const { homecoming } = role.administration;
  const key = preferredTo(state, role);
  if (key === null && homecoming.preferred === null) return state;
  const isSteady = key !== null && key === homecoming.preferred?.key;
  const preferred = isSteady ? homecoming.preferred : key === null ? null : { key, sinceMs: state.nowMs };
  const { electionTimeoutMs } = state.settings;
  const isDue = state.nowMs >= homecoming.dueMs && isAtRest(state, role);
  if (preferred === null || !isDue || state.nowMs - preferred.sinceMs < steadyFor * electionTimeoutMs) {
    return withHomecoming(state, role, { ...homecoming, preferred });
  }
  const dueMs = state.nowMs + attemptEvery * electionTimeoutMs;
  return beginTransfer(withHomecoming(state, role, { preferred, dueMs }), preferred.key, true, emit);
}

/** The voter of the highest priority above this leader's own that holds what is committed and has answered lately. */
function preferredTo(state: State, role: Leader): MemberKey | null {
  const configuration = latestConfiguration(state.log);
  if (configuration === null) return null;
  const { members, voters } = configuration;
  const own = members.find(({ key }) => key === state.self)?.priority ?? Number.NEGATIVE_INFINITY;
  const fit = members.filter(({ key, priority }) => {
    const progress = role.progress.get(key);
    if (priority <= own || progress === undefined || !voters.includes(key)) return false;
    const isHeard = state.nowMs - progress.heardMs < state.settings.electionTimeoutMs;
    return isHeard && progress.kind === "replicating" && progress.matchIndex >= state.commitIndex;
  });
  return fit.sort((a, b) => b.priority - a.priority)[0]?.key ?? null;
}

/** Nothing is under way that a change of leaders would hold up. */
function isAtRest(state: State, role: Leader): boolean {
  const latest = state.log.configurations.at(-1);
  const isSettled =
    latest !== undefined && latest.position.index <= state.commitIndex && !isJoint(latest.configuration);
  return isSettled && role.transfer === null && role.administration.queue.length === 0;
}

const withHomecoming = (state: State, role: Leader, homecoming: Homecoming): State => ({
  ...state,
  role: { ...role, administration: { ...role.administration, homecoming } },
});
