// The door of the core: one event in, the new state and the effects out. Only a dispatcher: each rule stands in the file
// named after its question.
import { onAppendEntries, settleAck } from "./append.ts";
import { advanceCommit, applyCommitted } from "./commit.ts";
import { type MemberKey, toMemberKey } from "./configuration.ts";
import { confirm } from "./durability.ts";
import type { Effect } from "./effects.ts";
import { askForVotes, onRequestVote, onRequestVoteReply } from "./election.ts";
import type { Event, MessageEvent, PersistedEvent } from "./events.ts";
import { expireReads, onRead, onReadIndex, onReadIndexReply } from "./forwarded-reads.ts";
import { onFormerMember, onSignOfLife, onVoteAsked } from "./farewell.ts";
import {
  onFetchFailed,
  onInstallSnapshot,
  onSnapshotReplaced,
  onSnapshotFetched,
  onSnapshotTaken,
  settleInstall,
} from "./snapshot.ts";
import { foundIfReady, onGenesis, onHello } from "./founding.ts";
import { onCrashDue, onPeerCrashed } from "./leader-crash.ts";
import { onFitness } from "./fitness.ts";
import { approach, heardOf, onUnheard } from "./hearing.ts";
import { goHome } from "./homecoming.ts";
import { onLeaderTick, reconsiderTransfer } from "./leadership.ts";
import { lieIn } from "./lies.ts";
import { administer, onChangeMembership } from "./membership.ts";
import type { Message } from "./messages.ts";
import { becomePreCandidate, onRequestPreVote, onRequestPreVoteReply, onTimeoutNow } from "./pre-vote.ts";
import { onPropose } from "./proposals.ts";
import { onAppendEntriesReply, onFollowerConnected } from "./replication.ts";
import { settleRefill } from "./refill.ts";
import { noticeRemoval } from "./removal.ts";
import { onPartReceived } from "./slow-message.ts";
import type { Emit, State } from "./state.ts";
import { onTransfer, settleHandOver } from "./transfer.ts";
import { onRequestMembers, onRequestMembersReply } from "./vouching.ts";

/**
 * Pure: the same state and event give the same result, and `state` is not changed. The caller executes the effects in
 * order before the next step, and keeps one timer for `nextDeadlineMs` of the new state. Throws when an invariant of Raft
 * is broken: the caller stops the node and does not continue from any state.
 */
export function step(state: State, event: Event): readonly [State, readonly Effect[]] {
  const effects: Effect[] = [];
  const emit: Emit = (effect) => void effects.push(effect);
  const nowMs = Math.max(state.nowMs, event.nowMs);
  const after = settleRefill(administer(onEvent({ ...state, nowMs }, event, emit), emit), emit);
  return [settleHandOver(noticeRemoval(state, after, emit), emit), effects];
}

function onEvent(state: State, event: Event, emit: Emit): State {
  // Who has been removed hears nobody and waits for nothing; clients are told that it does not lead.
  const isOfCluster = event.kind === "tick" || event.kind === "message" || event.kind === "peerConnected";
  if (state.removed !== null && isOfCluster) return state;
  switch (event.kind) {
    case "tick":
      return onTick(state, emit);
    case "message":
      return onMessage(state, event, emit);
    case "peerConnected": {
      const peer = toMemberKey(event.peer.id, event.peer.incarnation);
      return onFollowerConnected(onFormerMember(onHello(state, event, emit), peer), peer, emit);
    }
    case "snapshotTaken":
      return onSnapshotTaken(state, event.snapshot, emit);
    case "snapshotFetched":
      return onSnapshotFetched(state, event.snapshot, emit);
    case "snapshotReplaced":
      return onSnapshotReplaced(state, event.snapshot, emit);
    case "fetchFailed":
      return onFetchFailed(state, event.from, event.file, emit);
    case "propose":
      return onPropose(state, event.proposals, emit);
    case "read":
      return onRead(state, event, emit);
    case "persisted":
      return onPersisted(state, event, emit);
    case "changeMembership":
      return onChangeMembership(state, event, emit);
    case "partReceived":
      return onPartReceived(state, event.from, emit);
    case "peerCrashed":
      return onPeerCrashed(state, event.peer);
    case "fitness":
      return reconsiderTransfer(onFitness(state, event.unfit), emit);
    case "wake":
      return { ...state, wake: event.wake };
    case "transferLeadership":
      return onTransfer(state, event, emit);
  }
}

function onMessage(state: State, event: MessageEvent, emit: Emit): State {
  const { from, message: received } = event;
  if (received.kind !== "genesisNotice" && state.strangers.includes(from)) return state;
  const lie = lieIn(state, from, received);
  if (lie !== null) {
    emit({ kind: "accuse", from, lie });
    return state;
  }
  const message = heardOf(state, from, received);
  if (message === null) return onUnheard(bidFarewellTo(state, from, received), from, received, emit);
  return approach(state, message, emit) ?? onHeard(state, { ...event, message }, emit);
}

/** A node that takes itself for a voter may be a former member: it is told so, whether its question counts or not. */
const bidFarewellTo = (state: State, from: MemberKey, message: Message): State =>
  message.kind === "requestPreVote" || message.kind === "requestVote" ? onVoteAsked(state, from, message) : state;

function onHeard(state: State, event: MessageEvent, emit: Emit): State {
  const { from, message } = event;
  switch (message.kind) {
    case "requestPreVote":
      return bidFarewellTo(onRequestPreVote(state, from, message, emit), from, message);
    case "requestPreVoteReply":
      return onRequestPreVoteReply(state, from, message, emit);
    case "requestVote":
      return bidFarewellTo(onRequestVote(state, from, message, emit), from, message);
    case "requestVoteReply":
      return onRequestVoteReply(state, from, message, emit);
    case "appendEntries":
      return onAppendEntries(state, event, message, emit);
    case "appendEntriesReply":
      return onAppendEntriesReply(state, from, message, emit);
    case "installSnapshot":
      return onInstallSnapshot(state, event, message, emit);
    case "timeoutNow":
      return onTimeoutNow(state, from, message, emit);
    case "readIndex":
      return onReadIndex(state, from, message, emit);
    case "readIndexReply":
      return onReadIndexReply(state, from, message, emit);
    case "requestMembers":
      return onSignOfLife(onRequestMembers(state, from, emit), from);
    case "requestMembersReply":
      return onRequestMembersReply(state, from, message);
    case "genesisNotice":
      return onGenesis(state, from, message.genesis, emit);
  }
}

function onTick(state: State, emit: Emit): State {
  if (state.genesis === null) return foundIfReady(state, emit);
  if (state.role.kind === "leader") return goHome(onLeaderTick(state, emit), emit);
  const isCrashDue = state.crashedLeader !== null && state.nowMs >= state.crashedLeader.dueMs;
  return onElectionTick(isCrashDue ? onCrashDue(state, emit) : state, emit);
}

function onElectionTick(before: State, emit: Emit): State {
  const state = expireReads(before, emit);
  const { role } = state;
  if (role.kind === "leader" || state.nowMs < role.electionDueMs) return state;
  const { heartbeatIntervalMs } = state.settings;
  if (role.kind === "follower" && !role.wokeLate && state.nowMs - role.electionDueMs > heartbeatIntervalMs) {
    // This node was asleep (stopped, moved, starved): its leader's messages may be waiting to be read.
    return { ...state, role: { ...role, wokeLate: true, electionDueMs: state.nowMs + heartbeatIntervalMs } };
  }
  return becomePreCandidate(state, false, emit);
}

/** The disk has caught up: what waited for it goes out, and what is durable counts. */
function onPersisted(state: State, event: PersistedEvent, emit: Emit): State {
  let next = confirm(state, event.ticket, emit);
  next = askForVotes(next, emit);
  next = settleInstall(next, emit);
  next = settleAck(next, emit);
  return next.role.kind === "leader" ? advanceCommit(next, emit) : applyCommitted(next, emit);
}
