// How large anything on the wire may be. A receiver checks the length of a frame against its context before it
// allocates, and against the kind of message before it decodes. docs/protocol.md states the same numbers.
export { stampMsMax } from "../../core/entry.ts";
import { copyWordsMax, outcomeStepsMax } from "../../core/copy-word.ts";
import { versionsMax } from "../../core/activation.ts";
import { allowedNames, type FrameContext, type MessageName } from "./message-numbers.ts";

const kibibyte = 1024;
const mebibyte = 1024 * kibibyte;

/** One command, query or result, as the client sent it, in bytes. */
export const payloadBytesMax = 8 * mebibyte;

/** One piece of a snapshot's file, in bytes. */
export const chunkBytesMax = 256 * kibibyte;

/** Entries in one AppendEntries. */
export const entriesMax = 32_768;
/** Members of one configuration, voters and learners together. */
export const membersMax = 128;
export const featuresMax = 32;
/** Commands, and queries, that one state machine may name. */
export const operationsMax = 1024;

/**
 * P56: a term beyond this is refused, so that no peer can push the terms of the cluster to where they end. In the core no message
 * moves a term by more than 2^20 (core/hearing.ts), and 2^28 such leaps lie before this one.
 */
export const termMax = 2 ** 48;
/** The longest time that a timer of JavaScript can wait, in ms. */
export const timeoutMsMax = 2 ** 31 - 1;

/** The longest that a session lives without a command, in ms: a day. */
export const sessionTimeoutMsMax = 24 * 60 * 60 * 1000;

/** Versions of software, and names of plugins and operations, in characters. */
export const labelLengthMax = 128;
/** What one side tells people on the other, in characters. */
export const messageLengthMax = 2048;

/** Bounds of one kind of message; `items` counts every CBOR item in it, arrays themselves included. */
export interface FrameLimits {
  readonly bytesMax: number;
  readonly itemsMax: number;
}

/** Nothing on the wire is nested deeper: frame, entries, entry, configuration, pending, step, keys, key. */
export const frameDepthMax = 8;

const payloadFrame: FrameLimits = { bytesMax: payloadBytesMax + 64, itemsMax: 8 };
const smallFrame: FrameLimits = { bytesMax: 256, itemsMax: 16 };
const membersFrame: FrameLimits = { bytesMax: 128 * kibibyte, itemsMax: 8 * membersMax };
/** A joint configuration names its members four times and more. */
const installFrame: FrameLimits = { bytesMax: 512 * kibibyte, itemsMax: 64 * membersMax };
const textFrame: FrameLimits = { bytesMax: 16 * kibibyte, itemsMax: 16 };

export const frameLimits: Readonly<Record<MessageName, FrameLimits>> = Object.freeze({
  hello: { bytesMax: 64 * kibibyte, itemsMax: 8 * membersMax },
  refused: textFrame,
  requestPreVote: smallFrame,
  requestPreVoteReply: smallFrame,
  requestVote: smallFrame,
  requestVoteReply: smallFrame,
  appendEntries: { bytesMax: 16 * mebibyte, itemsMax: 10 * entriesMax },
  appendEntriesReply: smallFrame,
  installSnapshot: installFrame,
  timeoutNow: smallFrame,
  genesisNotice: { bytesMax: 64 * kibibyte, itemsMax: 8 * membersMax },
  readIndex: smallFrame,
  readIndexReply: smallFrame,
  dialBack: smallFrame,
  reachRequest: textFrame,
  reachReply: textFrame,
  memberList: membersFrame,
  condition: { bytesMax: 128 * kibibyte, itemsMax: 2 * membersMax + 4 * versionsMax },
  copyNotice: { bytesMax: 4 * kibibyte, itemsMax: 16 + 4 * copyWordsMax },
  copyVerdict: smallFrame,
  copyAsk: smallFrame,
  copyOffer: installFrame,
  copyTrace: smallFrame,
  copySteps: { bytesMax: 4 * outcomeStepsMax + 64, itemsMax: 8 },
  requestMembers: smallFrame,
  snapshotRead: smallFrame,
  snapshotChunk: { bytesMax: chunkBytesMax + 64, itemsMax: 8 },
  snapshotGone: textFrame,
  requestMembersReply: membersFrame,
  commandRequest: { ...payloadFrame, itemsMax: 16 },
  queryRequest: payloadFrame,
  statusRequest: smallFrame,
  configurationRequest: smallFrame,
  describeRequest: smallFrame,
  transferLeadershipRequest: smallFrame,
  stopRequest: smallFrame,
  openSessionRequest: smallFrame,
  closeSessionRequest: smallFrame,
  changeMembershipRequest: { bytesMax: 256 * kibibyte, itemsMax: 16 * membersMax },
  rollOutRequest: { bytesMax: kibibyte, itemsMax: 16 },
  skipRequest: smallFrame,
  backupRequest: smallFrame,
  readBackupRequest: smallFrame,
  resultReply: payloadFrame,
  errorReply: textFrame,
  statusReply: { bytesMax: 8 * mebibyte, itemsMax: (20 + 4 * versionsMax) * membersMax },
  configurationReply: { bytesMax: 256 * kibibyte, itemsMax: 16 * membersMax },
  describeReply: { bytesMax: 2 * mebibyte, itemsMax: 3 * operationsMax },
  doneReply: { bytesMax: kibibyte, itemsMax: 16 },
  sessionOpenedReply: smallFrame,
  rolledOutReply: textFrame,
  skippedReply: textFrame,
  backupReadyReply: smallFrame,
  membershipChangedReply: textFrame,
  membershipPlanReply: { bytesMax: 512 * kibibyte, itemsMax: 16 * membersMax },
  backupPieceReply: { bytesMax: chunkBytesMax + 64, itemsMax: 8 },
});

const largest = (context: FrameContext): number =>
  Math.max(...allowedNames[context].map((name) => frameLimits[name].bytesMax));

const contextBytesMax: Readonly<Record<FrameContext, number>> = Object.freeze({
  hello: largest("hello"),
  peer: largest("peer"),
  bulk: largest("bulk"),
  request: largest("request"),
  reply: largest("reply"),
});

/** The longest frame that may be received there, in bytes, without the four of the length. To be checked before allocating. */
export function frameBytesMax(context: FrameContext): number {
  return contextBytesMax[context];
}
