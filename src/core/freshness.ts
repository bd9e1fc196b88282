// How old is what this node knows, at the most? A read that may be stale is served at once, with a bound on its age that does
// not depend on how clocks agree: every duration is measured by one node's clock, the one that serves.
//
// A follower sends its clock c with every answer. The leader notes c together with its round at that moment; once a quorum
// has answered a later round it is certain that it led then (reads.ts), so whatever had been acknowledged before c is
// committed in its log, and it sends c back beside its commit index. Having applied that far, the follower's state includes
// everything that was acknowledged anywhere before c of its own clock. A leader does the same with itself.
import type { MemberKey } from "./configuration.ts";
import type { Millis } from "./log-position.ts";
import type { AppendEntries } from "./messages.ts";
import type { FollowerClock, Leader, Progress } from "./roles.ts";
import { confirmedRound, readIndexOf } from "./reads.ts";
import type { State, Fresh, Freshness } from "./state.ts";

export const nothingFresh: Freshness = Object.freeze({ reached: null, next: null });

/** The latest of what this node can vouch for at `nowMs`; null: it has heard from no leader since it started. */
export function freshest(state: State, nowMs: Millis = state.nowMs): Fresh | null {
  const { role } = state;
  // A lone voter leads for as long as it leads.
  const index = role.kind === "leader" ? readIndexOf(state, role) : Number.POSITIVE_INFINITY;
  if (
    role.kind === "leader" &&
    index <= state.appliedIndex &&
    confirmedRound(state, role) === Number.POSITIVE_INFINITY
  ) {
    return { asOfMs: nowMs, index };
  }
  const { reached, next } = state.freshness;
  return next !== null && next.index <= state.appliedIndex ? next : reached;
}

function learn(state: State, fresh: Fresh): State {
  const reached = freshest(state);
  if (reached !== null && reached.asOfMs >= fresh.asOfMs) return state;
  if (fresh.index <= state.appliedIndex) return { ...state, freshness: { reached: fresh, next: null } };
  const { next } = state.freshness;
  const isWaiting = next !== null && next.index > state.appliedIndex;
  return { ...state, freshness: { reached, next: isWaiting ? next : fresh } };
}

// The follower's side

/**
 * The clock that an answer carries, whole ms: beginning anywhere, so that what was said to an earlier start of this node is
 * not taken for its own time.
 */
export const clockMsOf = (state: State): number => Math.floor(state.nowMs) + state.clockStartMs;

/** A leader says up to which time of this node's own clock its commit index is complete. */
export function hearFreshness(state: State, { freshAsOf, leaderCommit }: AppendEntries): State {
  if (freshAsOf === null) return state;
  const asOfMs = freshAsOf - state.clockStartMs;
  return asOfMs < 0 || asOfMs > state.nowMs ? state : learn(state, { asOfMs, index: leaderCommit });
}

// The leader's side

/**
 * A follower has answered, when its clock showed `clockMs`: a quorum may have confirmed by it that this node led when it last
 * heard of that clock, or looked at its own. A mark stays until then; moved on by every answer it would never be reached.
 */
export function noteClocks(state: State, from: MemberKey, clockMs: number): State {
  const { role } = state;
  const follower = role.kind === "leader" ? role.progress.get(from) : undefined;
  if (role.kind !== "leader" || follower === undefined) return state;
  const confirmed = confirmedRound(state, role);
  return noteOwnClock(noteFollowerClock(state, role, [from, follower], clockMs, confirmed), confirmed);
}

function noteFollowerClock(
  state: State,
  role: Leader,
  [from, follower]: readonly [MemberKey, Progress],
  clockMs: number,
  confirmed: number,
): State {
  const { mark } = follower.clock;
  if (mark !== null && mark.round >= confirmed) return state;
  const freshAsOf = mark?.clockMs ?? follower.clock.freshAsOf;
  const clock = { mark: { clockMs, round: role.round }, freshAsOf };
  return { ...state, role: { ...role, progress: new Map(role.progress).set(from, { ...follower, clock }) } };
}

function noteOwnClock(state: State, confirmed: number): State {
  const { role } = state;
  if (role.kind !== "leader" || (role.mark !== null && role.mark.round >= confirmed)) return state;
  const next = role.mark === null ? state : learn(state, { asOfMs: role.mark.atMs, index: role.mark.index });
  return {
    ...next,
    role: { ...role, mark: { atMs: state.nowMs, round: role.round, index: readIndexOf(state, role) } },
  };
}

/** What to send back to a follower; nothing before an entry of the own term is committed (§3.6.2). */
export function freshAsOfFor(
  state: State,
  leader: Leader,
  { mark, freshAsOf }: FollowerClock,
  confirmed: number,
): number | null {
  if (state.commitIndex < leader.termStartIndex) return null;
  return mark !== null && mark.round < confirmed ? mark.clockMs : freshAsOf;
}
