// How does a member that does not lead serve a read? (§6.4) It asks its leader how far its state must reach. A learner does
// the same: what it serves is the leader's word, not its own.
//
// A read at a follower: asked (its id is on its way to the leader) → answered: it leaves as `readReady`, or as `readRefused`
// when the leader refuses, when this node no longer follows it, or when an election timeout has passed without an answer.
import type { MemberKey } from "./configuration.ts";
import type { ReadEvent, ReadRef } from "./events.ts";
import type { ReadIndex, ReadIndexReply } from "./messages.ts";
import { holdRead, pendingReadsMax, refuseRead, replyOf } from "./reads.ts";
import type { Follower } from "./roles.ts";
import type { Emit, State } from "./state.ts";

/** More than this are not asked at once: the next are refused, and their clients go to the leader. */
export const askedReadsMax = 1024;

/** A read for all the queries that have arrived together. */
export function onRead(state: State, { ref }: ReadEvent, emit: Emit): State {
  const { role } = state;
  if (role.kind === "leader" && role.reads.length < pendingReadsMax) {
    return holdRead(state, role, { kind: "client", ref }, emit);
  }
  // Nobody answers a node that has been removed, and no tick lets go of what it has asked.
  const asks = role.kind === "follower" && state.removed === null && role.reads.length < askedReadsMax;
  if (asks && role.leader !== null) {
    return askLeader(state, role, role.leader, ref, emit);
  }
  refuseRead(state, ref, emit);
  return state;
}

function askLeader(state: State, role: Follower, leader: MemberKey, ref: ReadRef, emit: Emit): State {
  const id = state.nextReadId;
  emit({ kind: "send", to: leader, message: { kind: "readIndex", term: state.currentTerm, id } });
  const dueMs = state.nowMs + state.settings.electionTimeoutMs;
  return { ...state, nextReadId: id + 1, role: { ...role, reads: [...role.reads, { id, ref, dueMs }] } };
}

/** Any member may ask, whether it votes or not; whoever does not lead this very term says so. */
export function onReadIndex(state: State, from: MemberKey, request: ReadIndex, emit: Emit): State {
  const { role } = state;
  const isAskedRightly = role.kind === "leader" && request.term === state.currentTerm && role.progress.has(from);
  if (isAskedRightly && role.reads.length < pendingReadsMax) {
    return holdRead(state, role, { kind: "member", key: from, id: request.id }, emit);
  }
  emit({ kind: "send", to: from, message: replyOf(state, request.id, null) });
  return state;
}

/** An answer to what nobody waits for any more, or to what an earlier start of this node asked, meets nothing (P23). */
export function onReadIndexReply(state: State, from: MemberKey, reply: ReadIndexReply, emit: Emit): State {
  const { role } = state;
  if (role.kind !== "follower" || role.leader !== from || reply.term !== state.currentTerm) return state;
  const asked = role.reads.find(({ id }) => id === reply.id);
  if (asked === undefined) return state;
  if (reply.index === null) refuseRead(state, asked.ref, emit);
  else emit({ kind: "readReady", ref: asked.ref, index: reply.index });
  return { ...state, role: { ...role, reads: role.reads.filter((read) => read !== asked) } };
}

/** The question or its answer is lost: the client shall ask again. */
export function expireReads(state: State, emit: Emit): State {
  const { role } = state;
  if (role.kind !== "follower" || !role.reads.some(({ dueMs }) => dueMs <= state.nowMs)) return state;
  for (const { ref, dueMs } of role.reads) if (dueMs <= state.nowMs) refuseRead(state, ref, emit);
  return { ...state, role: { ...role, reads: role.reads.filter(({ dueMs }) => dueMs > state.nowMs) } };
}
