// Does this node still have a leader? If so it helps nobody to replace that one (§4.2.3).
import { quorumDueMs } from "./deadline.ts";
import type { State } from "./state.ts";

/**
 * Whether a leader has been heard within the minimum election timeout, or this node leads with a quorum behind it. Evidence
 * that the leader has crashed ends it, the node's own and nobody else's: a candidate's word for it would depose any leader.
 */
export function isSticky(state: State): boolean {
  const { role, crashedLeader } = state;
  if (role.kind === "leader") return state.nowMs < quorumDueMs(state, role);
  if (role.kind !== "follower" || role.leaderHeardMs === null) return false;
  if (crashedLeader !== null && crashedLeader.key === role.leader && crashedLeader.term === state.currentTerm)
    return false;
  return state.nowMs - role.leaderHeardMs < state.settings.electionTimeoutMs;
}
