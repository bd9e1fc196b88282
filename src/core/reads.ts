// When may a read be served? (§6.4) Once this node knows how far everything that was acknowledged anywhere before the read
// arrived reaches: then it waits for its state machine to get there. The leader finds out by making sure that it still led
// when the read arrived; how a follower asks it is forwarded-reads.ts, and reads that may be stale are freshness.ts.
//
// A read at the leader: arrived (its index and the leader's round are noted) → asked (a quorum has been sent something
// since) → confirmed (a quorum has answered a later round): it leaves as `readReady`. Stepping down refuses it.
import { counts } from "./faults.ts";
import { latestConfiguration } from "./log-terms.ts";
import type { LogIndex } from "./log-position.ts";
import type { MemberKey } from "./configuration.ts";
import type { ReadRef } from "./events.ts";
import { reachedByQuorum } from "./quorum.ts";
import type { Leader, PendingRead, ReadAsker } from "./roles.ts";
import type { Emit, State } from "./state.ts";

/** More reads than this do not wait at one leader: the next are refused, and their clients ask again. */
export const pendingReadsMax = 8192;

/**
 * How far everything reaches that has been acknowledged so far, as long as this leader is not deposed: what it has committed,
 * and whatever earlier leaders have, which it may not know yet but which stands before its no-op (§3.6.2). Nothing is served
 * before that no-op is committed, because nothing is applied beyond what is.
 */
export const readIndexOf = (state: State, leader: Leader): LogIndex =>
  Math.max(state.commitIndex, leader.termStartIndex);

/**
 * The highest round that a quorum has answered in this term. The leader, where it votes, needs no answer from itself;
 * learners never count.
 */
export const confirmedRound = (state: State, leader: Leader): number =>
  reachedByVoters(state, (key) => {
    const progress = leader.progress.get(key);
    return counts(progress) ? progress.ackedRound : 0;
  });

function reachedByVoters(state: State, roundOf: (key: MemberKey) => number): number {
  const configuration = latestConfiguration(state.log);
  if (configuration === null) throw new Error("a leader without a configuration");
  return reachedByQuorum(configuration, (key) => (key === state.self ? Number.POSITIVE_INFINITY : roundOf(key)));
}

/** A read has reached the leader, from a client or from another member. */
export function holdRead(state: State, leader: Leader, asker: ReadAsker, emit: Emit): State {
  const read = { asker, index: readIndexOf(state, leader), after: leader.round };
  // A lone voter has nobody to ask: its read is confirmed as it comes.
  return confirmReads({ ...state, role: { ...leader, reads: [...leader.reads, read] } }, emit);
}

/**
 * Lets go of the reads for which a quorum has answered a message that was sent after they arrived: none of its members had
 * heard of a later leader when it answered, so nothing was acknowledged behind this leader's back before they arrived.
 */
export function confirmReads(state: State, emit: Emit): State {
  const { role } = state;
  if (role.kind !== "leader" || role.reads.length === 0) return state;
  const confirmed = confirmedRound(state, role);
  const waiting = role.reads.filter(({ after }) => after >= confirmed);
  if (waiting.length === role.reads.length) return state;
  for (const read of role.reads) if (read.after < confirmed) answer(state, read, emit);
  return { ...state, role: { ...role, reads: waiting } };
}

function answer(state: State, { asker, index }: PendingRead, emit: Emit): void {
  if (asker.kind === "client") emit({ kind: "readReady", ref: asker.ref, index });
  else emit({ kind: "send", to: asker.key, message: replyOf(state, asker.id, index) });
}

export const replyOf = (state: State, id: number, index: LogIndex | null) =>
  ({ kind: "readIndexReply", term: state.currentTerm, id, index }) as const;

/**
 * Whether reads wait that nobody has been asked about: then a heartbeat is due. Those that arrive while an answer is awaited
 * share the next one, and replication that has reached a quorum since is as good.
 */
export const isReadDue = ({ reads, askedAfter }: Leader): boolean => reads.length > 0 && reads[0]!.after > askedAfter;

/** This node stops leading, or following whom it asked: nobody is left to wait for what will not come. */
export function refuseReads(state: State, leader: MemberKey | null, emit: Emit): void {
  const { role } = state;
  if (role.kind === "follower") for (const { ref } of role.reads) emit({ kind: "readRefused", ref, leader });
  if (role.kind !== "leader") return;
  for (const { asker } of role.reads) {
    if (asker.kind === "client") emit({ kind: "readRefused", ref: asker.ref, leader });
    else emit({ kind: "send", to: asker.key, message: replyOf(state, asker.id, null) });
  }
}

/** Says whom to ask instead: the leader that this node knows of. */
export function refuseRead({ role }: State, ref: ReadRef, emit: Emit): void {
  emit({ kind: "readRefused", ref, leader: role.kind === "follower" ? role.leader : null });
}
