// Which followers count for nothing? A commit, a read and a leader's hold on its quorum all rest on nodes that still have
// what they acknowledged. A follower that has lost a part of it, or whose log is another one, does not count until its log
// is whole again. The follower's own side is refill.ts.
import type { Configuration, MemberKey } from "./configuration.ts";
import type { LogIndex } from "./log-position.ts";
import type { AppendEntriesReply, RefillGoal } from "./messages.ts";
import { firstProgress } from "./progress.ts";
import { isQuorum } from "./quorum.ts";
import type { Leader, Progress, Fault } from "./roles.ts";
import type { Emit, State } from "./state.ts";

/** Whether what this follower has acknowledged counts, for a commit, a read, the quorum of contact or a promotion. */
export const counts = (progress: Progress | undefined): progress is Progress & { readonly fault: null } =>
  progress !== undefined && progress.fault === null;

/** Voters of C_new that count for nothing, if those that count are no quorum of it: then nobody could be elected to refill them. */
export function missingVoters(
  { self }: State,
  { progress }: Leader,
  configuration: Configuration,
): readonly MemberKey[] {
  const { voters } = configuration;
  const missing = voters.filter((key) => key !== self && !counts(progress.get(key)));
  const counted = voters.filter((key) => !missing.includes(key));
  return isQuorum({ ...configuration, outgoing: [] }, counted) ? [] : missing;
}

/** What the leader may tell a follower to have: the follower finds out by it that it has lost something. */
export const confirmedOf = ({ fault, matchIndex }: Progress): LogIndex =>
  fault === null ? matchIndex : fault.kind === "lost" ? fault.confirmed : 0;

/** How far a follower that refills itself is to get. */
export const refillGoalOf = ({ fault }: Progress): RefillGoal | null =>
  fault?.kind === "refilling" ? { id: fault.id, through: fault.through } : null;

/**
 * What is known of a follower once it has sent this reply; null: the reply is older than what is known, and says nothing.
 * A follower that has lost something counts again only after it has said that it refills itself, and later that it is done.
 */
export function judged(
  state: State,
  { role, from }: { readonly role: Leader; readonly from: MemberKey },
  reply: AppendEntriesReply,
  emit: Emit,
): Progress | null {
  const known = role.progress.get(from);
  if (known === undefined) return null;
  const { fault } = known;
  const isOld = fault?.kind === "refilling" && reply.round <= fault.afterRound;
  if (fault?.kind === "refilling" && fault.id === reply.refill) return known;
  if (isOld) return null;
  if (reply.refill !== null) {
    const through = state.log.last.index;
    const refilling = { kind: "refilling", id: reply.refill, through, afterRound: role.round } as const;
    emit({ kind: "followerFault", of: from, fault: refilling });
    return { ...firstProgress(state, through + 1), fault: refilling };
  }
  if (fault?.kind === "refilling") {
    emit({ kind: "followerFault", of: from, fault: null });
    return { ...known, fault: null };
  }
  if (fault !== null && isMadeGood(fault, known.matchIndex, reply)) {
    emit({ kind: "followerFault", of: from, fault: null });
    return { ...known, fault: null };
  }
  const found = fault === null ? faultIn(known, reply, role.round) : null;
  if (found === null) return known;
  emit({ kind: "followerFault", of: from, fault: found });
  return { ...known, fault: found };
}

/** Whether a follower's log is whole again by another way than a refill: an administrator has put its right disk back. */
function isMadeGood(fault: Fault, matchIndex: LogIndex, { outcome, round }: AppendEntriesReply): boolean {
  if (outcome.kind !== "accepted" || outcome.matchIndex < matchIndex) return false;
  return fault.kind === "lost" || (fault.kind === "diverged" && round > fault.afterRound);
}

/**
 * A follower's log never ends before what it has acknowledged to the leader of the same term (§3.5). The reply must answer a
 * message that was sent after the acknowledgement had come: an older refusal may only be late.
 */
function faultIn(
  { matchIndex, matchedAfter }: Progress,
  { outcome, round }: AppendEntriesReply,
  afterRound: number,
): Fault | null {
  if (outcome.kind === "diverged") {
    return { kind: "diverged", at: outcome.at, here: outcome.leaderChain, there: outcome.chain, afterRound };
  }
  if (outcome.kind !== "refused" || outcome.lastIndex >= matchIndex || round <= matchedAfter) return null;
  return { kind: "lost", confirmed: matchIndex, lastIndex: outcome.lastIndex };
}
