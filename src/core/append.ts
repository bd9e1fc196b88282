// What does a follower do with AppendEntries? (§3.5) It checks that its log agrees with the leader's at one point, and
// only then takes what follows. The leader's side of it is replication.ts.
import type { MemberKey } from "./configuration.ts";
import { applyCommitted, followCommit } from "./commit.ts";
import { appendToLog, isVoteDurable, promise, truncateLog } from "./durability.ts";
import type { MessageEvent } from "./events.ts";
import { clockMsOf, hearFreshness } from "./freshness.ts";
import { areOne } from "./histories.ts";
import { type LogIndex, type LogPosition, logStart } from "./log-position.ts";
import { firstIndexOfTermAt, termAt } from "./log-terms.ts";
import type { AppendEntries, AppendOutcome, SharedPosition } from "./messages.ts";
import { goalOf, hasLost } from "./refill.ts";
import type { Follower } from "./roles.ts";
import type { Emit, State } from "./state.ts";
import { becomeFollower } from "./step-down.ts";
import { drawElectionDue } from "./timers.ts";

/** Who sent a message, and what this log shares with it. */
export type Received = Pick<MessageEvent, "from" | "shared">;

export function onAppendEntries(state: State, { from, shared }: Received, request: AppendEntries, emit: Emit): State {
  if (state.genesis === null) return state;
  // Rounds and positions belong to a term: those of one that is over, named in this term, would answer what was never
  // asked if the same node leads again. Round 0 and the log's start answer nothing.
  if (request.term < state.currentTerm) return refuseTerm(state, from, emit);
  if (standsForItsLeader(state, request)) {
    return reply(state, from, request.round, { kind: "accepted", matchIndex: 0 }, emit);
  }
  const next = hearFreshness(hearLeader(state, from, request, emit), request);
  if (hasLost(next, request)) return haltAsLost(next, from, request.confirmed, emit);
  if (shared !== undefined && !areOne(shared)) return haltAsDiverged(next, from, shared, emit);
  const prevTerm = termAt(next.log, request.prev.index);
  // Below the snapshot everything is committed, and so the same on every node: neither a conflict nor a gap.
  const matches = request.prev.index < next.log.base.index || prevTerm === request.prev.term;
  if (!matches) {
    if (request.prev.index <= next.commitIndex) throw new Error("Leader Completeness broken: prevLog conflicts");
    return reply(next, from, followerOf(next).round, refusal(next, request.prev), emit);
  }
  const taken = takeEntries(next, request, emit);
  // What is new is acknowledged when it is on disk (settleAck). Anything else is answered at once, so that a slow disk does
  // not look like a dead node.
  return taken.log === next.log ? sendAck(taken, from, emit) : taken;
}

/**
 * §3.10: a heartbeat of the leader that has asked this node to take over does not call it back, or a hand-over would only
 * succeed where a pre-vote is quicker than a heartbeat. Entries do: who hands over appends nothing, so it has given up.
 */
const standsForItsLeader = ({ role, currentTerm }: State, request: AppendEntries): boolean =>
  role.kind === "preCandidate" && role.transfer && request.term === currentTerm && request.entries.length === 0;

/** The sender leads no longer: the answer tells it of the term. */
export const refuseTerm = (state: State, to: MemberKey, emit: Emit): State =>
  reply(state, to, 0, refusal(state, logStart), emit);

/** §3.4: what only a leader sends, in the current term, names that leader; every other role ends. */
export function hearLeader(
  state: State,
  from: MemberKey,
  request: Pick<AppendEntries, "term" | "round" | "refill">,
  emit: Emit,
): State {
  let next = state;
  const isNewTerm = request.term > state.currentTerm;
  if (!isNewTerm && state.role.kind === "leader") throw new Error(`Election Safety broken in term ${request.term}`);
  if (isNewTerm || state.role.kind !== "follower" || state.role.leader === null) {
    next = becomeFollower(state, request.term, from, emit);
  } else if (state.role.leader !== from) {
    throw new Error(`Election Safety broken: ${state.role.leader} and ${from} both lead term ${request.term}`);
  }
  const [electionDueMs, drawn] = drawElectionDue(next);
  const role = followerOf(drawn);
  const round = Math.max(role.round, request.round);
  const refillThrough = goalOf(state, request) ?? role.refillThrough;
  const heard: Follower = { ...role, electionDueMs, leaderHeardMs: drawn.nowMs, wokeLate: false, round, refillThrough };
  // Whatever spoke for its crash: it lives.
  return { ...drawn, crashedLeader: null, firstTerm: state.firstTerm ?? request.term, role: heard };
}

function followerOf(state: State): Follower {
  if (state.role.kind !== "follower") throw new Error(`a ${state.role.kind} cannot take entries`);
  return state.role;
}

/**
 * §3.5: entries that are already here stay, also when the request is an old one that ends before this log does; only a
 * conflict, the same index with another term, removes what is here from there on.
 */
function takeEntries(state: State, request: AppendEntries, emit: Emit): State {
  const { entries, prev } = request;
  let at = 0;
  for (; at < entries.length; at++) {
    const entry = entries[at]!;
    if (entry.index !== prev.index + 1 + at) throw new Error(`AppendEntries with a gap before index ${entry.index}`);
    if (entry.index <= state.log.base.index) continue;
    if (termAt(state.log, entry.index) !== entry.term) break;
  }
  const missing = at === 0 ? entries : entries.slice(at);
  let next = state;
  if (missing.length > 0) {
    if (missing[0]!.index <= next.log.last.index) next = truncateLog(next, missing[0]!.index - 1, emit);
    next = appendToLog(next, missing, emit);
  }
  const role = followerOf(next);
  const verifiedIndex = Math.max(role.verifiedIndex, prev.index + entries.length);
  const owesAck = role.owesAck || missing.length > 0;
  next = followCommit({ ...next, role: { ...role, verifiedIndex, owesAck } }, request.leaderCommit, verifiedIndex);
  return applyCommitted(next, emit);
}

/** The disk has caught up: what was owed to the leader is sent. */
export function settleAck(state: State, emit: Emit): State {
  const { role } = state;
  if (role.kind !== "follower" || role.leader === null || !role.owesAck) return state;
  return sendAck(state, role.leader, emit);
}

/**
 * Names the end of what is both verified against this leader and durable here; never merely the end of the log, which may
 * hold a deposed leader's entries.
 */
export function sendAck(state: State, leader: MemberKey, emit: Emit): State {
  const role = followerOf(state);
  if (!isVoteDurable(state)) return { ...state, role: { ...role, owesAck: true } };
  const matchIndex = Math.min(role.verifiedIndex, state.durability.persistedIndex);
  const owesAck = role.verifiedIndex > state.durability.persistedIndex;
  const next: State = { ...state, role: { ...role, owesAck } };
  return reply(next, leader, role.round, { kind: "accepted", matchIndex }, emit);
}

/** The leader is told as well: the refusal shows it what is missing. See refill.ts for what follows. */
export function haltAsLost(state: State, leader: MemberKey, confirmed: LogIndex, emit: Emit): State {
  const { last } = state.log;
  const next = reply(state, leader, followerOf(state).round, refusal(state, { ...last, index: confirmed }), emit);
  emit({ kind: "halt", reason: { kind: "lost", leader, confirmed, last } });
  return next;
}

/**
 * Equal index and term with unequal checksums: there are two histories (Log Matching, §3.5, is broken), and nothing tells which
 * one is right. The leader is told, and this node takes part no more until an administrator has decided.
 */
export function haltAsDiverged(state: State, leader: MemberKey, found: SharedPosition, emit: Emit): State {
  const next = reply(state, leader, followerOf(state).round, { kind: "diverged", ...found }, emit);
  emit({ kind: "halt", reason: { kind: "diverged", leader, ...found } });
  return next;
}

/** Where the leader should look next: the start of the conflicting term here, or the end of a log that is too short. */
function refusal(state: State, prev: LogPosition): AppendOutcome {
  const { log } = state;
  const term = termAt(log, prev.index);
  const conflict =
    term === null ? { index: log.last.index + 1, term: 0 } : { index: firstIndexOfTermAt(log, prev.index), term };
  return { kind: "refused", prevIndex: prev.index, conflict, lastIndex: log.last.index };
}

export function reply(state: State, to: MemberKey, round: number, outcome: AppendOutcome, emit: Emit): State {
  const { currentTerm: term } = state;
  const refill = state.refill?.id ?? null;
  const message = { kind: "appendEntriesReply", term, round, clockMs: clockMsOf(state), refill, outcome } as const;
  return promise(state, state.durability.voteTicket, { kind: "send", to, message }, emit);
}
