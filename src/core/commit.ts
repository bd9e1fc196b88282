// When is an entry committed? (§3.6.2) And when may it be applied here?
import type { MemberKey } from "./configuration.ts";
import { counts } from "./faults.ts";
import type { LogIndex } from "./log-position.ts";
import { latestConfiguration, termAt } from "./log-terms.ts";
import { reachedByQuorum } from "./quorum.ts";
import type { Leader } from "./roles.ts";
import type { Emit, State } from "./state.ts";

/**
 * A leader commits what a quorum holds durably, itself counted only for what is durable here, and only if the entry is of
 * its own term: an earlier one stored on a majority can still be overwritten (figure 3.7). Older entries are committed
 * with it.
 */
export function advanceCommit(state: State, emit: Emit): State {
  const { role } = state;
  const configuration = latestConfiguration(state.log);
  if (role.kind !== "leader" || configuration === null) return state;
  const reached = reachedByQuorum(configuration, (key) =>
    key === state.self ? state.durability.persistedIndex : countedMatch(role, key),
  );
  const isOfOwnTerm = reached > state.commitIndex && termAt(state.log, reached) === state.currentTerm;
  return applyCommitted(isOfOwnTerm ? { ...state, commitIndex: reached } : state, emit);
}

function countedMatch({ progress }: Leader, key: MemberKey): LogIndex {
  const follower = progress.get(key);
  return counts(follower) ? follower.matchIndex : 0;
}

/** A follower commits what the leader has, as far as its own log is known to equal the leader's (§3.5). */
export function followCommit(state: State, leaderCommit: number, verifiedIndex: number): State {
  return { ...state, commitIndex: Math.max(state.commitIndex, Math.min(leaderCommit, verifiedIndex)) };
}

/** Hands over what is committed and durable here: nothing is applied on a node that could still forget it. */
export function applyCommitted(state: State, emit: Emit): State {
  // What is committed here and not handed over yet may be gone from the log already: the snapshot has it.
  if (state.installing !== null) return state;
  const through = Math.min(state.commitIndex, state.durability.persistedIndex);
  if (through <= state.appliedIndex) return state;
  emit({ kind: "apply", after: state.appliedIndex, through });
  return { ...state, appliedIndex: through };
}
