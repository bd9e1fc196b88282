// Between a frame's bytes and what it says. Encoding dispatches on the message; decoding checks the size for its kind,
// then reads the bytes strictly, then every field against the schema of docs/protocol.md.
import {
  readBackupPieceReply,
  readBackupReadyReply,
  readBackupRequest,
  readReadBackupRequest,
  writeBackup,
} from "./backup-frames.ts";
import {
  readCopyAsk,
  readCopyNotice,
  readCopyOffer,
  readCopySteps,
  readCopyTrace,
  readCopyVerdict,
  writeCopyMessage,
} from "./copy-frames.ts";
import { BadFrame } from "./bad-frame.ts";
import {
  readDialBack,
  readSnapshotChunk,
  readSnapshotGone,
  readSnapshotRead,
  writeBulk,
  writeDialBack,
} from "./bulk-frames.ts";
import { FrameWriter } from "./frame-writer.ts";
import type { Frame } from "./frames.ts";
import { readHello, readRefused, writeHello, writeRefused } from "./hello-frames.ts";
import { frameDepthMax, frameLimits } from "./limits.ts";
import { allowedNames, type FrameContext, type MessageName, messageNumbers } from "./message-numbers.ts";
import {
  readAppendEntries,
  readAppendEntriesReply,
  readGenesisNotice,
  readInstallSnapshot,
  readReadIndex,
  readReadIndexReply,
  readRequestMembers,
  readRequestMembersReply,
  readRequestPreVote,
  readRequestPreVoteReply,
  readRequestVote,
  readRequestVoteReply,
  readTimeoutNow,
  writeMessage,
} from "./peer-frames.ts";
import {
  readChangeMembershipRequest,
  readMembershipChangedReply,
  readMembershipPlanReply,
} from "./membership-frames.ts";
import { readCondition, readMemberList, readReachReply, readReachRequest, writeNodeMessage } from "./node-frames.ts";
import { decodePlain, type PlainItem, plainView } from "./plain-cbor.ts";
import {
  readConfigurationReply,
  readDescribeReply,
  readDoneReply,
  readErrorReply,
  readResultReply,
  readSessionOpenedReply,
  readStatusReply,
  writeReply,
} from "./reply-frames.ts";
import {
  readBareRequest,
  readCloseSessionRequest,
  readCommandRequest,
  readOpenSessionRequest,
  readQueryRequest,
  readTransferRequest,
  writeRequest,
} from "./request-frames.ts";
import type { ClientReply, ClientRequest } from "../../ports/requests.ts";
import { checkStrict } from "./strict-cbor.ts";
import type { StrictLimits } from "./strict-cursor.ts";
import { readStrict, type StrictValue } from "./strict-reader.ts";
import {
  readRolledOutReply,
  readRollOutRequest,
  readSkippedReply,
  readSkipRequest,
  writeRolledOutReply,
  writeRollOutRequest,
  writeSkippedReply,
  writeSkipRequest,
} from "./version-frames.ts";

export { BadFrame } from "./bad-frame.ts";
export type { FrameContext } from "./message-numbers.ts";

const readers: Readonly<Record<MessageName, (items: readonly PlainItem[]) => Frame>> = {
  hello: readHello,
  refused: readRefused,
  requestPreVote: readRequestPreVote,
  requestPreVoteReply: readRequestPreVoteReply,
  requestVote: readRequestVote,
  requestVoteReply: readRequestVoteReply,
  appendEntries: readAppendEntries,
  appendEntriesReply: readAppendEntriesReply,
  timeoutNow: readTimeoutNow,
  genesisNotice: readGenesisNotice,
  installSnapshot: readInstallSnapshot,
  readIndex: readReadIndex,
  readIndexReply: readReadIndexReply,
  dialBack: readDialBack,
  reachRequest: readReachRequest,
  reachReply: readReachReply,
  memberList: readMemberList,
  condition: readCondition,
  copyNotice: readCopyNotice,
  copyVerdict: readCopyVerdict,
  copyAsk: readCopyAsk,
  copyOffer: readCopyOffer,
  copyTrace: readCopyTrace,
  copySteps: readCopySteps,
  requestMembers: readRequestMembers,
  requestMembersReply: readRequestMembersReply,
  snapshotRead: readSnapshotRead,
  snapshotChunk: readSnapshotChunk,
  snapshotGone: readSnapshotGone,
  commandRequest: readCommandRequest,
  queryRequest: readQueryRequest,
  statusRequest: readBareRequest("status"),
  configurationRequest: readBareRequest("configuration"),
  describeRequest: readBareRequest("describe"),
  transferLeadershipRequest: readTransferRequest,
  stopRequest: readBareRequest("stop"),
  openSessionRequest: readOpenSessionRequest,
  closeSessionRequest: readCloseSessionRequest,
  changeMembershipRequest: readChangeMembershipRequest,
  backupRequest: readBackupRequest,
  readBackupRequest: readReadBackupRequest,
  rollOutRequest: readRollOutRequest,
  skipRequest: readSkipRequest,
  resultReply: readResultReply,
  errorReply: readErrorReply,
  statusReply: readStatusReply,
  configurationReply: readConfigurationReply,
  describeReply: readDescribeReply,
  doneReply: readDoneReply,
  sessionOpenedReply: readSessionOpenedReply,
  backupReadyReply: readBackupReadyReply,
  membershipChangedReply: readMembershipChangedReply,
  membershipPlanReply: readMembershipPlanReply,
  backupPieceReply: readBackupPieceReply,
  rolledOutReply: readRolledOutReply,
  skippedReply: readSkippedReply,
};

/** The frames of commands and queries. They are read in one pass. cbor-x decodes all others after the strict walk. */
const hot: ReadonlySet<MessageName> = new Set<MessageName>([
  "appendEntries",
  "appendEntriesReply",
  "readIndex",
  "readIndexReply",
  "commandRequest",
  "queryRequest",
  "resultReply",
]);

interface Kind {
  readonly name: MessageName;
  readonly bytesMax: number;
  readonly strict: StrictLimits;
  readonly isHot: boolean;
  readonly read: (items: readonly PlainItem[]) => Frame;
}

const kinds: ReadonlyMap<number, Kind> = new Map(
  (Object.keys(messageNumbers) as MessageName[]).map((name) => {
    const { bytesMax, itemsMax } = frameLimits[name];
    const strict: StrictLimits = { depthMax: frameDepthMax, itemsMax, mapKeysMax: 0, floats: false };
    return [messageNumbers[name], { name, bytesMax, strict, isHot: hot.has(name), read: readers[name] }];
  }),
);

/**
 * Returns exactly one frame or throws `BadFrame`. Nothing in what it returns points into `body`.
 * @param body what follows the four bytes of the length, all of it
 * @param context where it was received, which decides what it may be
 */
export function decodeFrame(body: Uint8Array, context: FrameContext): Frame {
  const kind = kinds.get(messageNumber(body));
  if (kind === undefined) throw new BadFrame("a message of an unknown number");
  if (!allowedNames[context].includes(kind.name)) throw new BadFrame("a message that may not come here", "not-allowed");
  if (body.byteLength > kind.bytesMax) throw new BadFrame("longer than a message of its kind may be");
  // An array by its first byte.
  return kind.read(itemsOf(plainView(body), kind) as readonly PlainItem[]);
}

function itemsOf(bytes: Uint8Array, { strict, isHot }: Kind): StrictValue {
  if (isHot) return readStrict(bytes, strict);
  checkStrict(bytes, strict);
  return decodePlain(bytes);
}

/** The number of the message, from the first bytes alone. -1: not an array that begins with a number as ours are. */
function messageNumber(body: Uint8Array): number {
  const head = body[0];
  const first = body[1];
  if (head === undefined || first === undefined || head >> 5 !== 4) return -1;
  if (first < 24) return first;
  return first === 24 ? (body[2] ?? -1) : -1;
}

const writer = new FrameWriter();

/**
 * The complete frame, length included, in memory of its own.
 * Throws `RangeError` when the frame would be larger than the other side may accept: payloads are to be measured
 * against `payloadBytesMax`, and batches of entries against `entriesMax` and `frameBytesMax`, before they get here.
 */
export function encodeFrame(frame: Frame): Uint8Array {
  write(frame);
  const kind = kinds.get(writer.number);
  if (kind === undefined || writer.bodyBytes > kind.bytesMax) throw new RangeError(`too large a frame: ${frame.kind}`);
  return writer.finish();
}

function write(frame: Frame): void {
  switch (frame.kind) {
    case "hello":
      return writeHello(writer, frame);
    case "refused":
      return writeRefused(writer, frame);
    case "requestPreVote":
    case "requestPreVoteReply":
    case "requestVote":
    case "requestVoteReply":
    case "appendEntries":
    case "appendEntriesReply":
    case "timeoutNow":
    case "genesisNotice":
    case "installSnapshot":
    case "readIndex":
    case "readIndexReply":
    case "requestMembers":
    case "requestMembersReply":
      return writeMessage(writer, frame);
    case "reachRequest":
    case "reachReply":
    case "memberList":
    case "condition":
      return writeNodeMessage(writer, frame);
    case "copyNotice":
    case "copyVerdict":
    case "copyAsk":
    case "copyOffer":
    case "copyTrace":
    case "copySteps":
      return writeCopyMessage(writer, frame);
    case "dialBack":
      return writeDialBack(writer, frame);
    case "snapshotRead":
    case "snapshotChunk":
    case "snapshotGone":
      return writeBulk(writer, frame);
    default:
      return writeForClients(frame);
  }
}

/** The requests of clients, and the answers. */
function writeForClients(frame: ClientRequest | ClientReply): void {
  switch (frame.kind) {
    case "command":
    case "query":
    case "transferLeadership":
    case "stop":
    case "openSession":
    case "closeSession":
    case "changeMembership":
      return writeRequest(writer, frame);
    case "backup":
    case "readBackup":
    case "backupReady":
    case "backupPiece":
      return writeBackup(writer, frame);
    case "rollOut":
      return writeRollOutRequest(writer, frame);
    case "rolledOut":
      return writeRolledOutReply(writer, frame);
    case "skip":
      return writeSkipRequest(writer, frame);
    case "skipped":
      return writeSkippedReply(writer, frame);
    case "result":
    case "error":
    case "done":
    case "sessionOpened":
    case "membershipChanged":
    case "membershipPlan":
      return writeReply(writer, frame);
    // A request and its answer share these three names; the answer is the one that says something.
    case "status":
      return "cluster" in frame ? writeReply(writer, frame) : writeRequest(writer, frame);
    case "configuration":
      return "members" in frame ? writeReply(writer, frame) : writeRequest(writer, frame);
    case "describe":
      return "commands" in frame ? writeReply(writer, frame) : writeRequest(writer, frame);
  }
}
