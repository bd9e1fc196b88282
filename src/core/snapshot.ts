// How does a log stay short, and how does a node come by what the others have forgotten? (§5) A node makes a snapshot of
// its state machine and lets go of the entries that it covers; a leader offers its snapshot to a follower that lacks
// entries it no longer has, and the follower fetches it. The contents are the node's business: here a snapshot is a
// record. The offering is replication.ts.
import { haltAsDiverged, haltAsLost, hearLeader, type Received, refuseTerm, reply, sendAck } from "./append.ts";
import { applyCommitted, followCommit } from "./commit.ts";
import type { MemberKey } from "./configuration.ts";
import { writeSnapshot } from "./durability.ts";
import { areOne } from "./histories.ts";
import type { LogIndex } from "./log-position.ts";
import { activationAt, configurationAt, positionAt, tailStart, termAt } from "./log-terms.ts";
import type { InstallSnapshot } from "./messages.ts";
import { hasLost } from "./refill.ts";
import type { SnapshotRecord } from "./snapshot-record.ts";
import type { Emit, State } from "./state.ts";

/**
 * The node has written a snapshot of what it had applied: the log lets go of what it covers, but for a tail that spares
 * followers who are a little behind the whole snapshot.
 */
export function onSnapshotTaken(state: State, snapshot: SnapshotRecord, emit: Emit): State {
  const { position } = snapshot;
  // A leader's snapshot that was installed meanwhile may reach further.
  if (position.index <= lastCovered(state)) return state;
  if (position.index > state.appliedIndex || termAt(state.log, position.index) !== position.term) {
    throw new Error(`a snapshot at ${position.index} (term ${position.term}) of what was not applied here`);
  }
  return withSnapshot(state, snapshot, emit);
}

/**
 * The state machine has gone wrong, and with it the own snapshot: this one takes its place. The log stays, and is applied anew from there on.
 * So the snapshot may end where the own one does, and no earlier.
 */
export function onSnapshotReplaced(state: State, snapshot: SnapshotRecord, emit: Emit): State {
  const { position } = snapshot;
  const isOutdated = state.installing !== null || position.index < lastCovered(state);
  if (isOutdated || position.index > state.appliedIndex) return state;
  return termAt(state.log, position.index) === position.term ? withSnapshot(state, snapshot, emit) : state;
}

function withSnapshot(state: State, snapshot: SnapshotRecord, emit: Emit): State {
  const { position } = snapshot;
  const heldFrom = [...state.heldFrom, lastCovered(state)].slice(-state.settings.snapshotsHeldMax);
  const base = positionAt(state.log, Math.max(state.log.base.index, keptAfter(state, position.index, heldFrom[0]!)));
  const baseConfiguration = configurationAt(state.log, base.index);
  const baseActivation = activationAt(state.log, base.index);
  const write = { snapshot, base, baseConfiguration, baseActivation, discardsLog: false };
  const next = writeSnapshot(state, write, emit);
  return { ...next, heldFrom };
}

const lastCovered = (state: State): LogIndex => state.snapshot?.position.index ?? 0;

/**
 * Where the tail begins: its size is bounded, but what a follower that answers still lacks is kept as well, back to
 * the end of an earlier snapshot. Else one that has just fetched a snapshot would have to fetch the next one, again and
 * again (P36 of the tests).
 */
function keptAfter(state: State, through: LogIndex, heldFrom: LogIndex): LogIndex {
  const { tailEntriesMax, tailBytesMax, electionTimeoutMs } = state.settings;
  const start = tailStart(state.log, through, { entriesMax: tailEntriesMax, bytesMax: tailBytesMax });
  // A full disk helps nobody: followers that are behind are sent a snapshot then.
  if (state.role.kind !== "leader" || state.unfit.get(state.self) === "space") return start;
  let lacked = start;
  for (const progress of state.role.progress.values()) {
    if (state.nowMs - progress.heardMs > 2 * electionTimeoutMs) continue;
    const has = progress.kind === "installing" ? progress.snapshot.position.index : progress.matchIndex;
    lacked = Math.min(lacked, has);
  }
  return Math.min(start, Math.max(lacked, heldFrom));
}

/** The leader offers its snapshot instead of entries that it no longer has. It comes with every heartbeat. */
export function onInstallSnapshot(
  state: State,
  { from, shared }: Received,
  request: InstallSnapshot,
  emit: Emit,
): State {
  if (state.genesis === null) return state;
  if (request.term < state.currentTerm) return refuseTerm(state, from, emit);
  const next = hearLeader(state, from, request, emit);
  if (hasLost(next, request)) return haltAsLost(next, from, request.confirmed, emit);
  if (shared !== undefined && !areOne(shared)) return haltAsDiverged(next, from, shared, emit);
  const { position } = request.snapshot;
  const isHere = position.index <= next.commitIndex || termAt(next.log, position.index) === position.term;
  if (isHere) return sendAck(trustThrough(next, position.index, emit), from, emit);
  if (next.installing === null) emit({ kind: "fetchSnapshot", from, snapshot: request.snapshot });
  return reply(next, from, request.round, { kind: "fetching" }, emit);
}

/** What a snapshot covers is committed, and every later leader has it (§3.6.3): up to there this log is the leader's. */
function trustThrough(state: State, through: LogIndex, emit: Emit): State {
  if (state.role.kind !== "follower") return state;
  const verifiedIndex = Math.max(state.role.verifiedIndex, state.commitIndex, through);
  const next: State = { ...state, role: { ...state.role, verifiedIndex } };
  return applyCommitted(followCommit(next, through, verifiedIndex), emit);
}

/**
 * The offered snapshot is here, complete and durable. An old one changes nothing: a snapshot never takes a node back
 * (P33 of the tests). Where this log has the entry at its end the log is right and stays; otherwise nothing of the log
 * survives, also not what lies behind that end (§5, and P34).
 */
export function onSnapshotFetched(state: State, snapshot: SnapshotRecord, emit: Emit): State {
  const { role } = state;
  const { position } = snapshot;
  if (role.kind !== "follower" || state.installing !== null || position.index <= state.commitIndex) return state;
  // A full disk has taken the term back to the durable one meanwhile: a leader of that term has yet to offer it.
  if (position.term > state.currentTerm) return state;
  if (termAt(state.log, position.index) === position.term) return trustThrough(state, position.index, emit);
  const next = writeSnapshot(
    state,
    {
      snapshot,
      base: position,
      baseConfiguration: snapshot.configuration,
      baseActivation: snapshot.activation,
      discardsLog: true,
    },
    emit,
  );
  return {
    ...next,
    commitIndex: position.index,
    installing: next.durability.issued,
    heldFrom: [],
    role: { ...role, verifiedIndex: position.index, owesAck: true },
  };
}

/** The leader that offered the file is to know, so that it offers another. Said again whenever it is found again. */
export function onFetchFailed(state: State, from: MemberKey, file: string, emit: Emit): State {
  if (state.role.kind !== "follower" || state.role.leader !== from) return state;
  return reply(state, from, state.role.round, { kind: "fetchFailed", file }, emit);
}

/** Once the log stands on the snapshot durably, the state machine is replaced; what follows is applied after that. */
export function settleInstall(state: State, emit: Emit): State {
  if (state.installing === null || state.snapshot === null) return state;
  if (state.durability.confirmed < state.installing) return state;
  emit({ kind: "restoreState", snapshot: state.snapshot });
  return { ...state, installing: null, appliedIndex: state.snapshot.position.index };
}
