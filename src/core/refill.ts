// What does a node do that has lost a part of what it promised? Its damaged files lie aside, and its log begins empty, with
// the term and the vote of before. It abstains: it grants no vote, never stands for election, and its acknowledgements count
// for nothing. It takes part again once its log durably equals that of a leader, through the end that this leader's log had
// when it first heard that the node abstains.
//
// Why that is enough: a leader that was elected without this node's vote was elected by a majority that shares another node
// with every quorum that committed something. A leader that was elected with this node's vote, before the loss, has
// everything that this node had acknowledged by then (§3.6.1). What the leader's log ends with includes what this node
// acknowledged to that leader itself.
import { writeRefilled } from "./durability.ts";
import type { LogIndex } from "./log-position.ts";
import type { RefillGoal } from "./messages.ts";
import type { Follower } from "./roles.ts";
import type { Emit, State } from "./state.ts";

/** To be asked after each step: the log may have become whole, or the word of it durable. */
export function settleRefill(state: State, emit: Emit): State {
  const { refill, role, durability } = state;
  if (refill === null) return state;
  if (refill.ticket !== null) return durability.confirmed < refill.ticket ? state : { ...state, refill: null };
  return role.kind === "follower" && isWhole(state, role) ? writeRefilled(state, refill, emit) : state;
}

const isWhole = ({ durability }: State, { refillThrough, verifiedIndex }: Follower): boolean =>
  refillThrough !== null && Math.min(verifiedIndex, durability.persistedIndex) >= refillThrough;

/** How far the leader wants this node to get, if it says so to this very start of it. */
export const goalOf = ({ refill }: State, message: { readonly refill: RefillGoal | null }): LogIndex | null =>
  refill !== null && message.refill?.id === refill.id ? message.refill.through : null;

/**
 * Whether this log ends before what the leader has had confirmed by this node in this term. It cannot be a delay: what was
 * acknowledged was durable, and nothing of it is ever removed for the leader that it was acknowledged to. So the disk has
 * lost it, and the node stops, sets its files aside, and starts anew as one that abstains.
 */
export function hasLost({ refill, log }: State, { confirmed }: { readonly confirmed: LogIndex }): boolean {
  return refill === null && confirmed > log.last.index;
}
