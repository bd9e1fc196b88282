// How does a node come to follow? By a higher term, by hearing the leader of its own term, or by losing its quorum.
// The other transitions stand with their rules: election.ts, leadership.ts.
import type { MemberKey } from "./configuration.ts";
import { writeVote } from "./durability.ts";
import type { Term } from "./log-position.ts";
import { refuseReads } from "./reads.ts";
import type { Emit, State } from "./state.ts";
import { drawElectionDue } from "./timers.ts";

/**
 * §3.3: a server that hears of a higher term adopts it and follows. The vote belongs to the term: a new term starts
 * without one, and stepping down within a term keeps it; erasing it would allow a second one.
 */
export function becomeFollower(state: State, term: Term, leader: MemberKey | null, emit: Emit): State {
  if (term < state.currentTerm) throw new Error(`cannot fall back from term ${state.currentTerm} to ${term}`);
  let next = leaveTransfer(state, term, leader, emit);
  refuseReads(state, leader, emit);
  settleChanges(state, leader, emit);
  if (term > state.currentTerm) next = writeVote(next, { term, votedFor: null }, emit);
  const [electionDueMs, drawn] = drawElectionDue(next);
  return {
    ...drawn,
    role: {
      kind: "follower",
      leader,
      electionDueMs,
      leaderHeardMs: leader === null ? null : state.nowMs,
      wokeLate: false,
      verifiedIndex: 0,
      round: 0,
      owesAck: false,
      refillThrough: null,
      reads: [],
    },
  };
}

/**
 * A leader that a newer term ends after it has told its target may have handed over: who leads then will show (transfer.ts).
 * One that has lost its quorum has not. What it held was not appended and goes back.
 */
function leaveTransfer(state: State, term: Term, leader: MemberKey | null, emit: Emit): State {
  if (state.role.kind !== "leader" || state.role.transfer === null) return state;
  const { target, held, timeoutNowSent, ref } = state.role.transfer;
  if (held.length > 0) {
    emit({ kind: "proposalsRefused", refs: held.map((proposal) => proposal.ref), leader: leader ?? target });
  }
  if (ref === null) return state;
  if (timeoutNowSent && term > state.currentTerm) {
    return { ...state, handingOver: { ref, target, dueMs: state.nowMs + 2 * state.settings.electionTimeoutMs } };
  }
  emit({ kind: "transferSettled", ref, outcome: { kind: "notLeader", leader } });
  return state;
}

/** Changes that had not begun may be brought to the next leader; of those in the log nobody knows yet what they come to. */
function settleChanges({ role }: State, leader: MemberKey | null, emit: Emit): void {
  if (role.kind !== "leader") return;
  const { queue, begun } = role.administration;
  for (const { ref } of begun) emit({ kind: "changeSettled", ref, outcome: { kind: "unknown" } });
  for (const { ref } of queue) emit({ kind: "changeSettled", ref, outcome: { kind: "notLeader", leader } });
}
