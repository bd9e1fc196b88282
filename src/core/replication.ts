// How does a leader bring its followers' logs in step with its own? (§3.5, §10.2.1) The follower's side is append.ts.
import type { MemberKey } from "./configuration.ts";
import { advanceCommit } from "./commit.ts";
import { confirmedOf, counts, judged, refillGoalOf } from "./faults.ts";
import { freshAsOfFor, noteClocks } from "./freshness.ts";
import type { LogIndex } from "./log-position.ts";
import { lastIndexUpToTerm, latestConfiguration, positionAt, stretchFrom, termAt } from "./log-terms.ts";
import type { AppendEntriesReply, AppendOutcome } from "./messages.ts";
import { followed, probing } from "./progress.ts";
import { isQuorum } from "./quorum.ts";
import { confirmedRound, confirmReads } from "./reads.ts";
import type { Installing, Leader, Probing, Progress, Replicating } from "./roles.ts";
import type { SnapshotRecord } from "./snapshot-record.ts";
import type { Emit, State } from "./state.ts";
import { becomeFollower } from "./step-down.ts";
import { handOverWhenReady } from "./transfer.ts";

/** Shows every follower that this leader lives; what comes back also shows what got lost on the way. */
export function heartbeat(state: State, emit: Emit): State {
  let next = state;
  // Looked up once: sending changes nothing of it, and with many members it is the most of the work.
  const confirmed = confirmedRound(state, leaderOf(state));
  for (const to of leaderOf(state).progress.keys()) {
    const progress = progressOf(next, to);
    if (progress.kind === "installing") {
      next = offerAgain(next, to, progress, emit);
      continue;
    }
    const prevIndex = Math.max(expectedIndex(progress), next.log.base.index);
    next = sendEntries(next, { to, prevIndex, through: prevIndex, confirmed }, emit);
  }
  const role = leaderOf(next);
  const askedAfter = leaderOf(state).round;
  next = { ...next, role: { ...role, askedAfter, heartbeatDueMs: next.nowMs + next.settings.heartbeatIntervalMs } };
  return replicateToAll(next, emit);
}

/** An index that the follower has by the time it reads what is sent now: if not, it refuses, and something was lost. */
const expectedIndex = (progress: Probing | Replicating): LogIndex =>
  progress.kind === "probing" && progress.asked ? progress.nextIndex : progress.nextIndex - 1;

/** Sends every follower what it lacks, as far as its window allows. */
export function replicateToAll(state: State, emit: Emit): State {
  let next = state;
  const asked: MemberKey[] = [state.self];
  for (const to of leaderOf(state).progress.keys()) {
    const { round } = leaderOf(next);
    next = replicateTo(next, to, emit);
    if (leaderOf(next).round > round && counts(progressOf(next, to))) asked.push(to);
  }
  const configuration = latestConfiguration(state.log);
  if (asked.length === 1 || configuration === null || !isQuorum(configuration, asked)) return next;
  return { ...next, role: { ...leaderOf(next), askedAfter: leaderOf(state).round } };
}

function replicateTo(state: State, to: MemberKey, emit: Emit): State {
  const progress = progressOf(state, to);
  if (progress.kind === "installing") return state;
  if (progress.nextIndex <= state.log.base.index) return beginInstalling(state, to, progress, emit);
  if (progress.kind === "probing") return probe(state, to, progress, emit);
  const isIdle = progress.inFlight.length === 0;
  if (!isIdle || progress.nextIndex > state.log.sizedAfter) return pipeline(state, to, progress, emit);
  // What it lacks begins before the stretch whose sizes are known, and no answer is to come that would change that.
  return probe(state, to, probing(progress, progress.nextIndex), emit);
}

/**
 * One message at a time: the next one is sent when this one is answered. It counts as lost only when a heartbeat sent behind
 * it is refused, never by time: on a slow link it may still be on its way, and sending it again would fill the link.
 */
function probe(state: State, to: MemberKey, progress: Probing, emit: Emit): State {
  if (progress.asked || progress.nextIndex > endFor(state, to)) return state;
  const message = { to, prevIndex: progress.nextIndex - 1, through: endFor(state, to) };
  return withProgress(sendEntries(state, message, emit), to, { ...progress, asked: true });
}

/** Message after message without waiting, as long as the window of entries and bytes has room. */
function pipeline(state: State, to: MemberKey, progress: Replicating, emit: Emit): State {
  const { settings, log } = state;
  let next = state;
  let { nextIndex, inFlight } = progress;
  let bytes = inFlight.reduce((sum, sent) => sum + sent.bytes, 0);
  let entries = inFlight.reduce((sum, sent) => sum + sent.entries, 0);
  const end = endFor(state, to);
  while (nextIndex <= end && bytes < settings.windowBytesMax && entries < settings.windowEntriesMax) {
    const stretch = stretchFrom(log, nextIndex, settings.messageBytesMax);
    if (stretch === null) break;
    const through = Math.min(stretch.through, end, nextIndex + (settings.windowEntriesMax - entries) - 1);
    next = sendEntries(next, { to, prevIndex: nextIndex - 1, through }, emit);
    const sent = { through, entries: through - nextIndex + 1, bytes: stretch.bytes };
    inFlight = [...inFlight, sent];
    bytes += sent.bytes;
    entries += sent.entries;
    nextIndex = through + 1;
  }
  return nextIndex === progress.nextIndex ? state : withProgress(next, to, { ...progress, nextIndex, inFlight });
}

/** The end of what is sent to a follower: of the log, or for one that has left of what concerns it. */
const endFor = (state: State, to: MemberKey): LogIndex =>
  leaderOf(state).administration.farewells.get(to)?.through ?? state.log.last.index;
/** §5: the entries that this follower lacks are gone; the latest snapshot covers them. */
function beginInstalling(state: State, to: MemberKey, progress: Progress, emit: Emit): State {
  const { snapshot } = state;
  if (snapshot === null) throw new Error("entries are gone, and no snapshot covers them");
  const installing = { kind: "installing", ...followed(progress), snapshot, isDamaged: false } as const;
  return withProgress(offerSnapshot(state, to, snapshot, emit), to, installing);
}

/** The same one, since what the follower has read of it is of use (P36), unless it is known to be of none. */
function offerAgain(state: State, to: MemberKey, progress: Installing, emit: Emit): State {
  const isReplaced = progress.isDamaged && state.snapshot?.file !== progress.snapshot.file;
  return isReplaced ? beginInstalling(state, to, progress, emit) : offerSnapshot(state, to, progress.snapshot, emit);
}

/** Stands in for a heartbeat as well: it is offered with each of them until it is there. */
function offerSnapshot(state: State, to: MemberKey, snapshot: SnapshotRecord, emit: Emit): State {
  const round = leaderOf(state).round + 1;
  const told = toldTo(progressOf(state, to));
  emit({ kind: "send", to, message: { kind: "installSnapshot", term: state.currentTerm, round, snapshot, ...told } });
  return { ...state, role: { ...leaderOf(state), round } };
}

/** What a follower is told of itself, so that it finds out what it has lost, and when it has got it back. */
const toldTo = (progress: Progress) => ({ confirmed: confirmedOf(progress), refill: refillGoalOf(progress) });

interface Range {
  readonly to: MemberKey;
  readonly prevIndex: LogIndex;
  readonly through: LogIndex;
  /** `confirmedRound`, where it is known already. */
  readonly confirmed?: number;
}

function sendEntries(state: State, range: Range, emit: Emit): State {
  const role = leaderOf(state);
  const round = role.round + 1;
  const confirmed = range.confirmed ?? confirmedRound(state, role);
  const progress = progressOf(state, range.to);
  emit({
    kind: "sendEntries",
    to: range.to,
    term: state.currentTerm,
    prev: positionAt(state.log, range.prevIndex),
    through: positionAt(state.log, range.through),
    bytesMax: state.settings.messageBytesMax,
    leaderCommit: state.commitIndex,
    round,
    freshAsOf: freshAsOfFor(state, role, progress.clock, confirmed),
    ...toldTo(progress),
  });
  return { ...state, role: { ...role, round } };
}

/**
 * Counted only in the term it was sent in: one from an earlier leadership of this node says nothing about this one. One of
 * another incarnation has no progress to change.
 */
export function onAppendEntriesReply(state: State, from: MemberKey, reply: AppendEntriesReply, emit: Emit): State {
  if (reply.term > state.currentTerm) return becomeFollower(state, reply.term, null, emit);
  if (reply.term < state.currentTerm || state.role.kind !== "leader") return state;
  const known = judged(state, { role: state.role, from }, reply, emit);
  if (known === null) return state;
  const ackedRound = Math.max(known.ackedRound, reply.round);
  const heard: Progress = { ...known, heardMs: state.nowMs, ackedRound };
  const progress = isTrusted(heard) ? afterOutcome(state, heard, reply.outcome) : heard;
  if (reply.outcome.kind === "fetchFailed") askForAnother(state, from, reply.outcome.file, emit);
  const committed = advanceCommit(withProgress(state, from, progress), emit);
  const next = noteClocks(confirmReads(committed, emit), from, reply.clockMs);
  return handOverWhenReady(replicateTo(next, from, emit), from, emit);
}

/** A node that refills itself is sent what it lacks; one that has lost something and does not say so yet is only told. */
const isTrusted = ({ fault }: Progress): boolean => fault === null || fault.kind === "refilling";

function afterOutcome(state: State, heard: Progress, outcome: AppendOutcome): Progress {
  switch (outcome.kind) {
    case "accepted":
      return afterAccepted(state, heard, outcome.matchIndex);
    case "refused":
      return afterRefused(state, heard, outcome);
    case "fetching":
    case "diverged":
      return heard;
    case "fetchFailed": {
      const isOffered = heard.kind === "installing" && heard.snapshot.file === outcome.file;
      return isOffered ? { ...heard, isDamaged: true } : heard;
    }
  }
}

/** An older one is simply replaced by the latest. */
function askForAnother({ snapshot }: State, by: MemberKey, file: string, emit: Emit): void {
  if (snapshot?.file === file) emit({ kind: "checkSnapshot", by, snapshot });
}

function afterAccepted(state: State, before: Progress, accepted: LogIndex): Progress {
  if (accepted > state.log.last.index) throw new Error(`a follower acknowledged ${accepted}, beyond the leader's log`);
  const matchIndex = Math.max(before.matchIndex, accepted);
  const isNews = matchIndex > before.matchIndex;
  const progress = isNews ? { ...before, matchedAfter: leaderOf(state).round } : before;
  // An acknowledgement may be ahead of what was sent: what an earlier connection carried can become durable late.
  const nextIndex = Math.max(progress.nextIndex, matchIndex + 1);
  if (progress.kind === "replicating") {
    const inFlight = progress.inFlight.filter((sent) => sent.through > matchIndex);
    return { ...progress, matchIndex, nextIndex, inFlight };
  }
  if (progress.kind === "installing") {
    const isThere = matchIndex >= progress.snapshot.position.index;
    if (!isThere) return { ...progress, matchIndex, nextIndex };
  }
  const asked = progress.kind === "probing" && progress.asked && matchIndex === progress.matchIndex;
  const agrees = !asked && matchIndex + 1 === nextIndex;
  if (!agrees || nextIndex <= state.log.sizedAfter) {
    return { ...probing({ ...progress, matchIndex }, nextIndex), asked };
  }
  return { ...followed(progress), kind: "replicating", nextIndex, matchIndex, inFlight: [] };
}

/** §3.5: goes back to where the logs may agree, a whole term at a time. A late refusal changes nothing. */
function afterRefused(
  state: State,
  progress: Progress,
  refused: Extract<AppendOutcome, { readonly kind: "refused" }>,
): Progress {
  if (progress.kind === "installing" || refused.prevIndex <= progress.matchIndex) return progress;
  if (progress.kind === "probing") {
    const isLost = progress.asked && refused.prevIndex === progress.nextIndex;
    if (isLost) return { ...progress, asked: false };
    if (refused.prevIndex !== progress.nextIndex - 1) return progress;
  } else if (refused.prevIndex >= progress.nextIndex) {
    return progress;
  }
  const nextIndex = Math.min(lastShared(state, refused) + 1, refused.prevIndex);
  return probing(progress, Math.max(progress.matchIndex + 1, nextIndex));
}

/**
 * The last index at which the logs can still agree. Terms rise along both of them: where the leader's term is the higher one
 * they differ in all that the leader has above the follower's, and where it is the lower one in all that the follower has
 * of its own.
 */
function lastShared(
  state: State,
  { conflict, lastIndex, prevIndex }: Extract<AppendOutcome, { readonly kind: "refused" }>,
): LogIndex {
  if (conflict.term === 0) return lastIndex;
  const term = termAt(state.log, prevIndex);
  return term !== null && term < conflict.term ? conflict.index - 1 : lastIndexUpToTerm(state.log, conflict.term);
}

/** A new connection: what was on its way on the old one may be lost. */
export function onFollowerConnected(state: State, peer: MemberKey, emit: Emit): State {
  if (state.role.kind !== "leader") return state;
  const progress = state.role.progress.get(peer);
  if (progress === undefined) return state;
  if (progress.kind === "installing") return offerAgain(state, peer, progress, emit);
  const nextIndex = progress.kind === "probing" ? progress.nextIndex : progress.matchIndex + 1;
  return replicateTo(withProgress(state, peer, probing(progress, nextIndex)), peer, emit);
}

function leaderOf(state: State): Leader {
  if (state.role.kind !== "leader") throw new Error(`a ${state.role.kind} does not replicate`);
  return state.role;
}

function progressOf(state: State, key: MemberKey): Progress {
  const progress = leaderOf(state).progress.get(key);
  if (progress === undefined) throw new Error(`no progress is kept for ${key}`);
  return progress;
}

function withProgress(state: State, key: MemberKey, progress: Progress): State {
  const role = leaderOf(state);
  return { ...state, role: { ...role, progress: new Map(role.progress).set(key, progress) } };
}
