// Who wins an election (§3.4): standing as a candidate, asking for votes, giving one, counting them.
// The round before it, which changes nothing, is pre-vote.ts; what a winner does first is leadership.ts.
import { isVoter, type MemberKey } from "./configuration.ts";
import { isVoteDurable, promise, writeVote } from "./durability.ts";
import { becomeLeader } from "./leadership.ts";
import { isUpToDate } from "./log-position.ts";
import { latestConfiguration } from "./log-terms.ts";
import type { RequestVote, RequestVoteReply } from "./messages.ts";
import { isQuorum } from "./quorum.ts";
import type { Emit, State } from "./state.ts";
import { becomeFollower } from "./step-down.ts";
import { isSticky } from "./stickiness.ts";
import { drawElectionDue, postponeCrashDue } from "./timers.ts";

/**
 * Only a voter of the latest configuration stands for election; learners and strangers wait. And one that the latest
 * configuration leaves out, as long as it may not be committed (§4.2.2): its log may be longer than those of the voters to
 * come, who then need it as a leader to get there, and it counts no vote of its own. A node that has lost something waits
 * until its log is whole again (refill.ts).
 */
export function mayCampaign({ self, log, commitIndex, refill }: State): boolean {
  if (refill !== null) return false;
  const [previous, latest] = log.configurations.slice(-2);
  const placed = latest ?? previous;
  if (placed === undefined) return false;
  if (isVoter(placed.configuration, self)) return true;
  return latest !== undefined && latest.position.index > commitIndex && isVoter(previous!.configuration, self);
}

/**
 * §3.4: a candidate raises its term and votes for itself. Both must be durable before anyone hears of it, or a power cut
 * would let it vote again in the same term: `askForVotes` waits for that.
 */
export function becomeCandidate(state: State, transfer: boolean, emit: Emit): State {
  const voted = writeVote(state, { term: state.currentTerm + 1, votedFor: state.self }, emit);
  const [electionDueMs, drawn] = drawElectionDue(voted);
  const next: State = { ...drawn, role: { kind: "candidate", electionDueMs, granted: [], transfer, asked: false } };
  return askForVotes(next, emit);
}

/** Once its own vote is durable a candidate counts it and asks the others. */
export function askForVotes(state: State, emit: Emit): State {
  const { role } = state;
  if (role.kind !== "candidate" || role.asked || !isVoteDurable(state)) return state;
  const configuration = latestConfiguration(state.log);
  if (configuration === null) throw new Error("a candidate without a configuration");
  for (const { key } of configuration.members) {
    if (key === state.self) continue;
    const message = { term: state.currentTerm, last: state.log.last, transfer: role.transfer };
    emit({ kind: "send", to: key, message: { kind: "requestVote", ...message } });
  }
  // The votes go to disks before they come back: who stands on evidence of a crash waits a little longer for them.
  const waiting = postponeCrashDue(state, state.settings.heartbeatIntervalMs);
  return countVote({ ...waiting, role: { ...role, asked: true } }, state.self, emit);
}

/**
 * §3.4, §3.6.1: one vote per term, first come first served, and only for a log at least as up to date as this one.
 * A candidate that this node's configuration does not know is heard as well: its configuration may be the newer one. What
 * of its request counts is hearing.ts.
 */
export function onRequestVote(state: State, from: MemberKey, request: RequestVote, emit: Emit): State {
  if (state.genesis === null) return state;
  if (request.term > state.currentTerm && !request.transfer && isSticky(state)) return state;
  const next = request.term > state.currentTerm ? becomeFollower(state, request.term, null, emit) : state;
  const isFree = state.refill === null && (next.votedFor === null || next.votedFor === from);
  const granted = request.term === next.currentTerm && isFree && isUpToDate(request.last, next.log.last);
  if (!granted) return answer(next, from, false, emit);
  const voted = next.votedFor === from ? next : writeVote(next, { term: next.currentTerm, votedFor: from }, emit);
  return answer(withLaterElection(voted, emit), from, true, emit);
}

/** The answer names a term and perhaps a vote: it waits until both are durable. */
const answer = (state: State, to: MemberKey, granted: boolean, emit: Emit): State =>
  promise(
    state,
    state.durability.voteTicket,
    { kind: "send", to, message: { kind: "requestVoteReply", term: state.currentTerm, granted } },
    emit,
  );

/**
 * §3.4: who grants a vote starts its wait anew, and stands no longer against the one that it has voted for; also not because
 * of a leader that has crashed, whom that one is to replace.
 */
function withLaterElection(state: State, emit: Emit): State {
  const next: State = { ...state, crashedLeader: null };
  if (next.role.kind === "preCandidate") return becomeFollower(next, next.currentTerm, null, emit);
  const [electionDueMs, drawn] = drawElectionDue(next);
  if (drawn.role.kind === "leader") throw new Error("a leader granted a vote in its own term");
  return { ...drawn, role: { ...drawn.role, electionDueMs } };
}

export function onRequestVoteReply(state: State, from: MemberKey, reply: RequestVoteReply, emit: Emit): State {
  if (reply.term > state.currentTerm) return becomeFollower(state, reply.term, null, emit);
  // A vote that comes before it was asked for is nobody's: this candidate's own is not durable yet.
  const isAsking = state.role.kind === "candidate" && state.role.asked;
  return isAsking && reply.term === state.currentTerm && reply.granted ? countVote(state, from, emit) : state;
}

function countVote(state: State, from: MemberKey, emit: Emit): State {
  const { role } = state;
  const configuration = latestConfiguration(state.log);
  if (role.kind !== "candidate" || configuration === null) return state;
  // Keyed by incarnation: the vote of a wiped disk under an old name is nobody's vote.
  if (!isVoter(configuration, from) || role.granted.includes(from)) return state;
  const granted = [...role.granted, from];
  const next: State = { ...state, role: { ...role, granted } };
  return isQuorum(configuration, granted) ? becomeLeader(next, emit) : next;
}
