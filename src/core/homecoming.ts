// Where does leadership live? A leader that sees a voter of higher priority, in step and steadily heard for a while, hands
// over to it (§3.10). An unfit leader hands over at once to a voter that is fitter (fitness.ts), and stays while there is none.
// A leader steps down if no node can connect to it and it commits nothing. A voter that it does not hear may be able to lead.
// Elections know nothing of priorities or fitness: any voter is better than none.
//
// Leadership cannot swing to and fro: it only ever moves to a strictly higher priority, to a node that has been well for
// some time, and not soon after an election. A node that does not take it, or that gives it away again by its own hand-over,
// is not well, though it looks so from here: each time it is left alone for twice as long as before.
import { isJoint, type MemberKey } from "./configuration.ts";
import { counts } from "./faults.ts";
import { gravityOf, isFitter } from "./fitness.ts";
import type { Millis } from "./log-position.ts";
import { latestConfiguration } from "./log-terms.ts";
import type { Homecoming, Leader } from "./roles.ts";
import type { Emit, Postponed, State } from "./state.ts";
import { becomeFollower } from "./step-down.ts";
import { beginTransfer, isToStop } from "./transfer.ts";

/** In election timeouts: how long a node must have been fit to lead. */
const steadyFor = 5;
/** In election timeouts: from an election to the first attempt, and from the first attempt at a node to the next. */
const pauseMin = 10;
/** In election timeouts: from one attempt at a node to the next, at the most. */
const pauseMax = 1280;
/** In election timeouts: how long a leader that no node can connect to may commit nothing while entries wait. */
const stuckMax = 10;

export const noHomecoming: Homecoming = { preferred: null, committed: 0, stuckSinceMs: null };

/** To be asked at every tick of a leader, so that no silence of an election timeout is overlooked. */
export function goHome(state: State, emit: Emit): State {
  const { role } = state;
  if (role.kind !== "leader") return state;
  const { homecoming } = role.administration;
  const { preferred: before, committed } = homecoming;
  const { electionTimeoutMs } = state.settings;
  const stuckSinceMs = stuckSince(state, homecoming);
  if (stuckSinceMs !== null && state.nowMs - stuckSinceMs >= stuckMax * electionTimeoutMs)
    return becomeFollower(state, state.currentTerm, null, emit);
  const key = preferredTo(state, role);
  const preferred = key === null ? null : key === before?.key ? before : { key, sinceMs: state.nowMs };
  const isSame = preferred === before && committed === state.commitIndex && stuckSinceMs === homecoming.stuckSinceMs;
  const next = isSame ? state : withHomecoming(state, role, { preferred, committed: state.commitIndex, stuckSinceMs });
  const isUrgent = preferred !== null && isFitter(state, preferred.key);
  const isSteady = preferred !== null && state.nowMs - preferred.sinceMs >= steadyFor * electionTimeoutMs;
  // A new leader stays for a while, whoever is preferred.
  const isDue = state.nowMs - role.sinceMs >= pauseMin * electionTimeoutMs;
  // Under load something is always on its way to it, and others confirm it first: what was committed a tick ago it shall hold.
  const isInStep = preferred !== null && (role.progress.get(preferred.key)?.matchIndex ?? 0) >= committed;
  const isTime = isUrgent ? role.transfer === null : isSteady && isDue && isAtRest(state, role);
  if (preferred === null || !isInStep || !isTime) return next;
  return beginTransfer(postpone(next, preferred.key), preferred.key, null, emit);
}

function stuckSince(state: State, { committed, stuckSinceMs }: Homecoming): Millis | null {
  const { nowMs, commitIndex, log } = state;
  if (log.last.index === commitIndex || !isCutFromNewcomers(state)) return null;
  return committed === commitIndex && stuckSinceMs !== null ? stuckSinceMs : nowMs;
}

/**
 * Its quorum answers over old connections. A follower that lacks a snapshot cannot fetch it over a new one, and a voter that has every
 * entry cannot come back.
 */
function isCutFromNewcomers({ unfit, self }: State): boolean {
  const impediment = unfit.get(self);
  return impediment === "certificate" || impediment === "hidden";
}

/** This node has been asked to take over: whoever does not want to lead is left in peace, if it is not already. */
export const onHandedOver = (state: State, by: MemberKey): State =>
  isPostponed(state, by) ? state : postpone(state, by);

/** Not tried before its pause is over: twice the last one, unless that is long past. */
function postpone(state: State, key: MemberKey): State {
  const { electionTimeoutMs } = state.settings;
  const last = state.postponed.get(key);
  const isAgain = last !== undefined && state.nowMs < last.untilMs + last.pauseMs;
  const pauseMs = isAgain ? Math.min(2 * last.pauseMs, pauseMax * electionTimeoutMs) : pauseMin * electionTimeoutMs;
  const members = latestConfiguration(state.log)?.members ?? [];
  const others = members.flatMap((member): readonly (readonly [MemberKey, Postponed])[] => {
    const postponed = state.postponed.get(member.key);
    return postponed === undefined ? [] : [[member.key, postponed]];
  });
  return { ...state, postponed: new Map(others).set(key, { pauseMs, untilMs: state.nowMs + pauseMs }) };
}

const isPostponed = ({ postponed, nowMs }: State, key: MemberKey): boolean =>
  nowMs < (postponed.get(key)?.untilMs ?? Number.NEGATIVE_INFINITY);

/**
 * The voter that keeps up with the log, has answered lately, and is fitter than this leader; or is fit as this leader is, and has the
 * highest priority above this leader's own.
 */
function preferredTo(state: State, role: Leader): MemberKey | null {
  const configuration = latestConfiguration(state.log);
  if (configuration === null) return null;
  const { members, voters } = configuration;
  const own = members.find(({ key }) => key === state.self)?.priority ?? Number.NEGATIVE_INFINITY;
  const isOwnFit = gravityOf(state, state.self) === 0;
  const fit = members.filter(({ key, priority }) => {
    const progress = role.progress.get(key);
    const isPreferred = isOwnFit && gravityOf(state, key) === 0 && priority > own;
    if (!isPreferred && !isFitter(state, key)) return false;
    if (!counts(progress) || !voters.includes(key)) return false;
    if (isToStop(configuration, key) || isPostponed(state, key)) return false;
    return progress.kind === "replicating" && state.nowMs - progress.heardMs < state.settings.electionTimeoutMs;
  });
  fit.sort((a, b) => gravityOf(state, a.key) - gravityOf(state, b.key) || b.priority - a.priority);
  return fit[0]?.key ?? null;
}

/** Nothing is under way that a change of leaders would hold up, or leave without its answer. */
function isAtRest(state: State, { transfer, administration }: Leader): boolean {
  const latest = state.log.configurations.at(-1);
  const isSettled =
    latest !== undefined && latest.position.index <= state.commitIndex && !isJoint(latest.configuration);
  return isSettled && transfer === null && administration.queue.length + administration.begun.length === 0;
}

const withHomecoming = (state: State, role: Leader, homecoming: Homecoming): State => ({
  ...state,
  role: { ...role, administration: { ...role.administration, homecoming } },
});
