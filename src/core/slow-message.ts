// What does a node conclude from a message that is still arriving? A large message on a slow network may take longer than an
// election timeout, and whatever is sent behind it waits (P49): its bytes are the only sign of life of either side. Whether the
// message is worth anything is known when it is complete.
import { sendAck } from "./append.ts";
import type { MemberKey } from "./configuration.ts";
import type { Emit, State } from "./state.ts";
import { drawElectionDue } from "./timers.ts";

/**
 * Bytes of the leader that this node follows count as its word, but for one thing: they void no evidence of its crash, since
 * they may have been on the way when it died. They are answered by the acknowledgement sent last, so that a leader whose
 * followers are all busy receiving does not take itself for cut off (§6.2). At most once per heartbeat interval.
 */
export function onPartReceived(state: State, from: MemberKey, emit: Emit): State {
  const { role, crashedLeader, settings } = state;
  if (role.kind !== "follower" || role.leader !== from || role.leaderHeardMs === null) return state;
  if (crashedLeader !== null || state.nowMs - role.leaderHeardMs < settings.heartbeatIntervalMs) return state;
  const [electionDueMs, drawn] = drawElectionDue(state);
  const heard: State = { ...drawn, role: { ...role, electionDueMs, leaderHeardMs: state.nowMs, wokeLate: false } };
  return sendAck(heard, from, emit);
}
