// How is the membership changed? (§4)
import type { ChangeMembershipEvent } from "./events.ts";
import type { Emit, State } from "./state.ts";

export function onChangeMembership(state: State, event: ChangeMembershipEvent, emit: Emit): State {
  const leader = state.role.kind === "follower" ? state.role.leader : null;
  const outcome =
    state.role.kind === "leader"
      ? ({ kind: "refused", reason: { kind: "tooManyChanges", max: 0 } } as const)
      : ({ kind: "notLeader", leader } as const);
  emit({ kind: "changeSettled", ref: event.ref, outcome });
  return state;
}
