// Which number stands first in a frame for which message, and which of them may be received where.
// Numbers are never used again for something else; docs/protocol.md has the same table.

export const messageNumbers = Object.freeze({
  hello: 1,
  refused: 2,

  requestPreVote: 10,
  requestPreVoteReply: 11,
  requestVote: 12,
  requestVoteReply: 13,
  appendEntries: 14,
  appendEntriesReply: 15,
  timeoutNow: 16,
  genesisNotice: 17,
  installSnapshot: 18,
  readIndex: 19,
  readIndexReply: 20,
  requestMembers: 21,
  dialBack: 22,
  requestMembersReply: 23,
  reachRequest: 24,
  reachReply: 25,
  memberList: 26,
  condition: 27,

  snapshotRead: 28,
  snapshotChunk: 29,
  snapshotGone: 30,

  commandRequest: 32,
  queryRequest: 33,
  statusRequest: 34,
  configurationRequest: 35,
  describeRequest: 36,
  transferLeadershipRequest: 37,
  stopRequest: 38,
  openSessionRequest: 39,
  closeSessionRequest: 40,
  changeMembershipRequest: 41,
  backupRequest: 42,
  readBackupRequest: 43,
  rollOutRequest: 44,
  skipRequest: 45,

  resultReply: 64,
  errorReply: 65,
  statusReply: 66,
  configurationReply: 67,
  describeReply: 68,
  doneReply: 69,
  sessionOpenedReply: 70,
  backupReadyReply: 71,
  membershipChangedReply: 72,
  membershipPlanReply: 73,
  backupPieceReply: 74,
  rolledOutReply: 75,
  skippedReply: 76,

  copyNotice: 96,
  copyVerdict: 97,
  copyAsk: 98,
  copyOffer: 99,
  copyTrace: 100,
  copySteps: 101,
});

export type MessageName = keyof typeof messageNumbers;

/**
 * Where a frame is received decides what it may be:
 * - `hello`    the first frame of either direction
 * - `peer`     between nodes, after both hellos
 * - `bulk`     between nodes, on a connection for bulk
 * - `request`  on a node, from a client
 * - `reply`    in a client, from a node
 */
export type FrameContext = "hello" | "peer" | "bulk" | "request" | "reply";

/** Default-deny: what is not listed is refused. */
export const allowedNames: Readonly<Record<FrameContext, readonly MessageName[]>> = Object.freeze({
  hello: ["hello", "refused"],
  peer: [
    "refused",
    "requestPreVote",
    "requestPreVoteReply",
    "requestVote",
    "requestVoteReply",
    "appendEntries",
    "appendEntriesReply",
    "timeoutNow",
    "genesisNotice",
    "installSnapshot",
    "readIndex",
    "readIndexReply",
    "dialBack",
    "reachRequest",
    "reachReply",
    "memberList",
    "condition",
    "requestMembers",
    "requestMembersReply",
    "copyNotice",
    "copyVerdict",
    "copyAsk",
    "copyOffer",
    "copyTrace",
    "copySteps",
  ],
  bulk: ["refused", "snapshotRead", "snapshotChunk", "snapshotGone"],
  request: [
    "commandRequest",
    "queryRequest",
    "statusRequest",
    "configurationRequest",
    "describeRequest",
    "transferLeadershipRequest",
    "stopRequest",
    "openSessionRequest",
    "closeSessionRequest",
    "changeMembershipRequest",
    "backupRequest",
    "readBackupRequest",
    "rollOutRequest",
    "skipRequest",
  ],
  reply: [
    "refused",
    "resultReply",
    "errorReply",
    "statusReply",
    "configurationReply",
    "describeReply",
    "doneReply",
    "sessionOpenedReply",
    "backupReadyReply",
    "membershipChangedReply",
    "membershipPlanReply",
    "backupPieceReply",
    "rolledOutReply",
    "skippedReply",
  ],
});
