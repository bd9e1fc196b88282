// When is a node removed? When a committed configuration leaves out the incarnation that an earlier one has named: never on
// a peer's word, and never because of an entry that can still be overwritten. From then on it takes part in nothing.
// How it comes to hear of it is farewell.ts.
import { isMember, type MemberKey } from "./configuration.ts";
import { writeRemoved } from "./durability.ts";
import { committedConfiguration, latestConfiguration } from "./log-terms.ts";
import type { LogIndex } from "./log-position.ts";
import { refuseReads } from "./reads.ts";
import type { SnapshotRecord } from "./snapshot-record.ts";
import type { Emit, State } from "./state.ts";
import { becomeFollower } from "./step-down.ts";

/** Looks at what a step has made known to be committed, after everything else: that this node is removed ends its life. */
export function noticeRemoval(before: State, after: State, emit: Emit): State {
  const next = after.removed === null ? findRemoval(before, after, emit) : after;
  const { removed, durability } = next;
  const isTold = before.removed !== null && removed!.ticket <= before.durability.confirmed;
  if (removed === null || isTold || removed.ticket > durability.confirmed) return next;
  emit({ kind: "removed", position: removed.position, configuration: removed.configuration });
  return next;
}

function findRemoval(before: State, after: State, emit: Emit): State {
  const isNews = after.commitIndex > before.commitIndex || after.log.configurations !== before.log.configurations;
  if (!isNews) return after;
  const wasMember = after.wasMember || hasBeenMember(after) || wasMemberBelow(before, after.snapshot);
  const next = { ...after, wasMember };
  const committed = committedConfiguration(next.log, next.commitIndex);
  if (!next.wasMember || committed === null || isNamedSince(next, committed.position.index)) return next;
  return writeRemoved(withoutReads(next, emit), committed, emit);
}

/** Whether the configuration at this index names this incarnation, or a later one, of which it is not known yet. */
const isNamedSince = ({ log, self }: State, index: LogIndex): boolean =>
  log.configurations.some(({ position, configuration }) => position.index >= index && isMember(configuration, self));

/** Nobody answers a node that has been removed: it leads and stands for nothing, and what it has asked for its clients it refuses. */
function withoutReads(before: State, emit: Emit): State {
  const state = before.role.kind === "follower" ? before : becomeFollower(before, before.currentTerm, null, emit);
  if (state.role.kind !== "follower") throw new Error(`a ${state.role.kind} has been removed`);
  refuseReads(state, null, emit);
  return { ...state, role: { ...state.role, reads: [] } };
}

/**
 * Whether the genesis, or a configuration known to be committed, has named this incarnation. One that is followed by another
 * is committed, whether this node has been told so or not: no leader adds a configuration before (P38 of the tests).
 */
export const hasBeenMember = ({ genesis, log, commitIndex, self }: Omit<State, "role">): boolean =>
  genesis?.members.some(({ key }) => key === self) === true ||
  log.configurations.some(
    ({ position, configuration }, at) =>
      (position.index <= commitIndex || at < log.configurations.length - 1) && isMember(configuration, self),
  );

/**
 * Whether a configuration has named this incarnation that a snapshot shows to be committed though it takes the place of the
 * log: whoever has a later entry of the same term has this one as well (Log Matching). Of another term it may have been
 * overwritten.
 */
function wasMemberBelow({ log, self }: State, snapshot: SnapshotRecord | null): boolean {
  if (snapshot === null) return false;
  const committed = [snapshot.position, snapshot.configuration.position];
  return log.configurations.some(
    ({ position: { index, term }, configuration }) =>
      isMember(configuration, self) && committed.some((later) => later.term === term && later.index >= index),
  );
}

/** Incarnations that have been members, as far as this node's log goes back and at the founding, and are none now. */
export function formerMembers({ genesis, log }: State): readonly MemberKey[] {
  const configurations = log.configurations.map(({ configuration }) => configuration.members);
  const named = [...(genesis?.members ?? []), ...configurations.flat()].map(({ key }) => key);
  const present = new Set(latestConfiguration(log)?.members.map(({ key }) => key));
  return [...new Set(named)].filter((key) => !present.has(key));
}
