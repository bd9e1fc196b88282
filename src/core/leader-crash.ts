// What follows from evidence that the leader's process has crashed? The node no longer waits for that leader: it helps
// others to replace it (stickiness.ts), and soon stands itself, a few times. What counts as evidence is the transport's
// matter. Evidence that is wrong does no harm: it only makes an election earlier, and the leader's next word voids it.
import type { MemberKey } from "./configuration.ts";
import { mayCampaign } from "./election.ts";
import { becomePreCandidate } from "./pre-vote.ts";
import type { Emit, State } from "./state.ts";
import { postponeCrashDue } from "./timers.ts";

/** How often a node stands on its evidence; then it waits for an ordinary election timeout. */
export const crashAttemptsMax = 5;

/** Evidence counts when it is of the leader that this node follows: anyone else's crash is no reason for an election. */
export function onPeerCrashed(state: State, peer: MemberKey): State {
  const { role, currentTerm, crashedLeader } = state;
  if (role.kind !== "follower" || role.leader !== peer || crashedLeader !== null) return state;
  const evidence = { key: peer, term: currentTerm, attemptsLeft: crashAttemptsMax, dueMs: state.nowMs };
  return postponeCrashDue({ ...state, crashedLeader: evidence }, 0);
}

/**
 * The time to stand has come. All followers find out within a few ms of each other: the random waits keep them from meeting,
 * and a voter that refuses because it has no evidence yet has it by the next attempt. A candidate whose own vote is still
 * on its way to the disk is left alone, or a slow disk would see each attempt end before it has begun.
 */
export function onCrashDue(state: State, emit: Emit): State {
  const { role, crashedLeader } = state;
  const leastMs = state.settings.heartbeatIntervalMs / 2;
  if (crashedLeader === null) throw new Error("nothing is due without a crashed leader");
  if (role.kind === "candidate" && !role.asked) return postponeCrashDue(state, leastMs);
  const attemptsLeft = mayCampaign(state) ? crashedLeader.attemptsLeft - 1 : 0;
  const next = postponeCrashDue({ ...state, crashedLeader: { ...crashedLeader, attemptsLeft } }, leastMs);
  return mayCampaign(state) ? becomePreCandidate(next, false, emit) : next;
}
