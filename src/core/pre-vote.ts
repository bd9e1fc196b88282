// Could an election be won? (§9.6) A node asks before it raises its term, so that one that was cut off does not depose
// a working leader when it returns. Being asked changes nothing on the node asked, not even its timer.
import { isVoter, type MemberKey } from "./configuration.ts";
import { becomeCandidate, mayCampaign } from "./election.ts";
import { onHandedOver } from "./homecoming.ts";
import { isUpToDate } from "./log-position.ts";
import { latestConfiguration } from "./log-terms.ts";
import type { RequestPreVote, RequestPreVoteReply, TimeoutNow } from "./messages.ts";
import { isQuorum } from "./quorum.ts";
import { refuseReads } from "./reads.ts";
import type { Emit, State } from "./state.ts";
import { becomeFollower } from "./step-down.ts";
import { isSticky } from "./stickiness.ts";
import { drawElectionDue } from "./timers.ts";

/** The wait for a leader is over, or the leader itself has asked this node to take over. */
export function becomePreCandidate(state: State, transfer: boolean, emit: Emit): State {
  const [electionDueMs, drawn] = drawElectionDue(state);
  if (!mayCampaign(state)) return { ...drawn, role: { ...roleOfWaiting(drawn), electionDueMs } };
  refuseReads(state, null, emit);
  const next: State = { ...drawn, role: { kind: "preCandidate", electionDueMs, granted: [], transfer } };
  const message = { kind: "requestPreVote", term: next.currentTerm + 1, last: next.log.last, transfer } as const;
  for (const { key } of latestConfiguration(next.log)?.members ?? []) {
    if (key !== next.self) emit({ kind: "send", to: key, message });
  }
  return countPreVote(next, next.self, emit);
}

function roleOfWaiting(state: State) {
  if (state.role.kind === "leader") throw new Error("a leader does not wait for an election");
  return state.role;
}

/** §3.10: the leader of this very term asks this node to stand; one of another term has nothing to hand over. */
export function onTimeoutNow(state: State, from: MemberKey, request: TimeoutNow, emit: Emit): State {
  const { role } = state;
  const isFromLeader = role.kind === "follower" && role.leader === from && request.term === state.currentTerm;
  return isFromLeader ? becomePreCandidate(onHandedOver(state, from), true, emit) : state;
}

export function onRequestPreVote(state: State, from: MemberKey, request: RequestPreVote, emit: Emit): State {
  if (state.genesis === null) return state;
  const granted =
    state.refill === null &&
    request.term > state.currentTerm &&
    isUpToDate(request.last, state.log.last) &&
    (request.transfer || !isSticky(state));
  // The answer carries this node's term also when it refuses: an asker that has fallen behind learns it from here and
  // is not ignored for ever.
  const message = { kind: "requestPreVoteReply", askedTerm: request.term, term: state.currentTerm, granted } as const;
  emit({ kind: "send", to: from, message });
  return state;
}

export function onRequestPreVoteReply(state: State, from: MemberKey, reply: RequestPreVoteReply, emit: Emit): State {
  const { role } = state;
  if (role.kind !== "preCandidate" || reply.askedTerm !== state.currentTerm + 1) return state;
  if (reply.granted) return countPreVote(state, from, emit);
  return reply.term > state.currentTerm ? becomeFollower(state, reply.term, null, emit) : state;
}

function countPreVote(state: State, from: MemberKey, emit: Emit): State {
  const { role } = state;
  const configuration = latestConfiguration(state.log);
  if (role.kind !== "preCandidate" || configuration === null) return state;
  if (!isVoter(configuration, from) || role.granted.includes(from)) return state;
  const granted = [...role.granted, from];
  const next: State = { ...state, role: { ...role, granted } };
  return isQuorum(configuration, granted) ? becomeCandidate(next, role.transfer, emit) : next;
}
