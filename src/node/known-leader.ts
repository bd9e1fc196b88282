// Who leads, as far as this node knows? Clients that ask another node for the leader's work are told so. At which address they find
// a leader that has moved is leader-address.ts.
import { type MemberKey, nodeIdOf } from "../core/configuration.ts";
import { latestConfiguration } from "../core/log-terms.ts";
import type { State } from "../core/state.ts";
import type { LeaderHint } from "../ports/requests.ts";

/** Who leads, in a form a client can use. */
export function leaderHint(state: State, leader: MemberKey | null): LeaderHint | null {
  const member = latestConfiguration(state.log)?.members.find(({ key }) => key === leader);
  return member === undefined ? null : { id: nodeIdOf(member.key), address: member.address };
}

/** The leader that this node knows of: itself, the one it follows, or none. */
export function knownLeader(state: State): LeaderHint | null {
  if (state.role.kind === "leader") return leaderHint(state, state.self);
  // One that has crashed would cost a client another attempt, at an address where nobody is.
  return state.role.kind === "follower" && state.crashedLeader === null ? leaderHint(state, state.role.leader) : null;
}

export function notLeader(leader: LeaderHint | null) {
  const message =
    leader === null ? "this node does not lead and knows no leader" : `this node does not lead, ${leader.id} does`;
  return { code: "not-leader", message, leader } as const;
}
