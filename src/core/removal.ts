// When is a node removed? When a committed configuration leaves out the incarnation that an earlier one has named: never on
// a peer's word, and never because of an entry that can still be overwritten. From then on it takes part in nothing.
// How it comes to hear of it is farewell.ts.
import { isMember } from "./configuration.ts";
import { promise, writeRemoved } from "./durability.ts";
import { committedConfiguration } from "./log-terms.ts";
import { refuseReads } from "./reads.ts";
import type { Emit, State } from "./state.ts";

/** Looks at what a step has made known to be committed. */
export function noticeRemoval(before: State, after: State, emit: Emit): State {
  const isNews = after.commitIndex > before.commitIndex || after.log.configurations !== before.log.configurations;
  if (!isNews || after.removed !== null) return after;
  const next = { ...after, wasMember: after.wasMember || hasBeenMember(after) };
  const committed = committedConfiguration(next.log, next.commitIndex);
  if (!next.wasMember || committed === null || isMember(committed.configuration, next.self)) return next;
  const written = writeRemoved(withoutReads(next, emit), committed, emit);
  return promise(written, written.durability.issued, { kind: "removed", ...committed }, emit);
}

/** Nobody answers a node that has been removed: what it has asked the leader for its clients it refuses. */
function withoutReads(state: State, emit: Emit): State {
  if (state.role.kind !== "follower") throw new Error(`a ${state.role.kind} has been removed`);
  refuseReads(state, null, emit);
  return { ...state, role: { ...state.role, reads: [] } };
}

/** Whether the genesis, or any configuration known to be committed, has named this incarnation. */
export const hasBeenMember = ({ log, commitIndex, self }: Pick<State, "log" | "commitIndex" | "self">): boolean =>
  log.configurations.some(
    ({ position, configuration }) => position.index <= commitIndex && isMember(configuration, self),
  );
