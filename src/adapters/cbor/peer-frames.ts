// The messages between nodes on the wire: each writer beside its reader.
import type { LogPosition, Term } from "../../core/log-position.ts";
import type {
  AppendEntries,
  AppendEntriesReply,
  AppendOutcome,
  Message,
  RequestMembers,
  RequestMembersReply,
  RequestPreVote,
  RequestPreVoteReply,
  RequestVote,
  RequestVoteReply,
  RefillGoal,
} from "../../core/messages.ts";
import { BadFrame } from "./bad-frame.ts";
import { writeEntries, readEntries } from "./entries.ts";
import { bool, type Item, logIndex, name, orNull, row, term, uint } from "./fields.ts";
import type { FrameWriter } from "./frame-writer.ts";
import { readGenesis, readKeys, writeGenesis, writeKeys } from "./membership.ts";
import { readSnapshotRecord, writeSnapshotRecord } from "./snapshot-record.ts";
import { messageNumbers } from "./message-numbers.ts";
import type { PlainItem } from "./plain-cbor.ts";

const acceptedOutcome = 0;
const refusedOutcome = 1;
const fetchingOutcome = 2;
const fetchFailedOutcome = 3;
const divergedOutcome = 4;

export function writeMessage(writer: FrameWriter, message: Message): void {
  switch (message.kind) {
    case "requestPreVote":
    case "requestVote":
      writer.start(messageNumbers[message.kind], 5);
      writer.uint(message.term);
      writePosition(writer, message.last);
      writer.bool(message.transfer);
      return;
    case "requestPreVoteReply":
      writer.start(messageNumbers.requestPreVoteReply, 4);
      writer.uint(message.askedTerm);
      writer.uint(message.term);
      writer.bool(message.granted);
      return;
    case "requestVoteReply":
      writer.start(messageNumbers.requestVoteReply, 3);
      writer.uint(message.term);
      writer.bool(message.granted);
      return;
    case "appendEntries":
      writeAppendEntries(writer, message);
      return;
    case "appendEntriesReply":
      return writeAppendEntriesReply(writer, message);
    case "installSnapshot":
      writer.start(messageNumbers.installSnapshot, 6);
      writer.uint(message.term);
      writer.uint(message.round);
      writer.uint(message.confirmed);
      writeRefillGoal(writer, message.refill);
      writeSnapshotRecord(writer, message.snapshot);
      return;
    case "timeoutNow":
      writer.start(messageNumbers.timeoutNow, 2);
      writer.uint(message.term);
      return;
    case "genesisNotice":
      writer.start(messageNumbers.genesisNotice, 2);
      writeGenesis(writer, message.genesis);
      return;
    case "readIndex":
      writer.start(messageNumbers.readIndex, 3);
      writer.uint(message.term);
      writer.uint(message.id);
      return;
    case "readIndexReply":
      writer.start(messageNumbers.readIndexReply, 4);
      writer.uint(message.term);
      writer.uint(message.id);
      writer.uintOrNull(message.index);
      return;
    default:
      writeMembersQuestion(writer, message);
  }
}

function writeMembersQuestion(writer: FrameWriter, message: RequestMembers | RequestMembersReply): void {
  if (message.kind === "requestMembers") return writer.start(messageNumbers.requestMembers, 1);
  writer.start(messageNumbers.requestMembersReply, 3);
  writer.uint(message.index);
  writeKeys(writer, message.members);
}

function writeAppendEntries(writer: FrameWriter, message: AppendEntries): void {
  writer.start(messageNumbers.appendEntries, 11);
  writer.uint(message.term);
  writePosition(writer, message.prev);
  writer.uint(message.leaderCommit);
  writer.uint(message.round);
  writeEntries(writer, message.entries);
  writer.uintOrNull(message.freshAsOf);
  writer.uint(message.prevChain);
  writer.uint(message.confirmed);
  writeRefillGoal(writer, message.refill);
}

export function readRequestPreVote(items: readonly PlainItem[]): RequestPreVote {
  return { kind: "requestPreVote", ...readCampaign(items, "requestPreVote") };
}

export function readRequestVote(items: readonly PlainItem[]): RequestVote {
  return { kind: "requestVote", ...readCampaign(items, "requestVote") };
}

function readCampaign(items: readonly PlainItem[], message: string): Omit<RequestVote, "kind"> {
  const [, inTerm, lastIndex, lastTerm, transfer] = row(items, 5, message);
  const asked = readTerm(inTerm, `${message}.term`);
  return {
    term: asked,
    last: readPosition(lastIndex, lastTerm, asked, `${message}.last`),
    transfer: bool(transfer, `${message}.transfer`),
  };
}

export function readRequestPreVoteReply(items: readonly PlainItem[]): RequestPreVoteReply {
  const [, askedTerm, current, granted] = row(items, 4, "requestPreVoteReply");
  return {
    kind: "requestPreVoteReply",
    askedTerm: readTerm(askedTerm, "requestPreVoteReply.askedTerm"),
    term: term(current, "requestPreVoteReply.term"),
    granted: bool(granted, "requestPreVoteReply.granted"),
  };
}

export function readRequestVoteReply(items: readonly PlainItem[]): RequestVoteReply {
  const [, current, granted] = row(items, 3, "requestVoteReply");
  return {
    kind: "requestVoteReply",
    term: term(current, "requestVoteReply.term"),
    granted: bool(granted, "requestVoteReply.granted"),
  };
}

export function readAppendEntries(items: readonly PlainItem[]): AppendEntries {
  // By place: to take an array apart by its iterator is slow in code that has just started.
  const fields = row(items, 11, "appendEntries");
  const leaderTerm = readTerm(fields[1], "appendEntries.term");
  const prev = readPosition(fields[2], fields[3], leaderTerm, "appendEntries.prev");
  return {
    kind: "appendEntries",
    term: leaderTerm,
    prev,
    entries: readEntries(fields[6], prev, leaderTerm),
    leaderCommit: logIndex(fields[4], "appendEntries.leaderCommit"),
    round: count(fields[5], "appendEntries.round"),
    freshAsOf: orNull(fields[7], "appendEntries.freshAsOf", count),
    prevChain: count(fields[8], "appendEntries.prevChain"),
    confirmed: logIndex(fields[9], "appendEntries.confirmed"),
    refill: readRefillGoal(fields[10], "appendEntries.refill"),
  };
}

function writeRefillGoal(writer: FrameWriter, goal: RefillGoal | null): void {
  if (goal === null) return writer.uintOrNull(null);
  writer.array(2);
  writer.uint(goal.id);
  writer.uint(goal.through);
}

const readRefillGoal = (item: Item, field: string): RefillGoal | null =>
  orNull(item, field, () => {
    const [id, through] = row(item, 2, field);
    return { id: count(id, `${field}.id`), through: logIndex(through, `${field}.through`) };
  });

/** How many items a reply with this outcome has. */
const outcomeLength: Readonly<Record<AppendOutcome["kind"], number>> = {
  accepted: 7,
  refused: 10,
  fetching: 6,
  fetchFailed: 7,
  diverged: 10,
};

function writeAppendEntriesReply(writer: FrameWriter, reply: AppendEntriesReply): void {
  const { outcome } = reply;
  writer.start(messageNumbers.appendEntriesReply, outcomeLength[outcome.kind]);
  writer.uint(reply.term);
  writer.uint(reply.round);
  writer.uint(reply.clockMs);
  writer.uintOrNull(reply.refill);
  switch (outcome.kind) {
    case "accepted":
      writer.uint(acceptedOutcome);
      writer.uint(outcome.matchIndex);
      return;
    case "refused":
      writer.uint(refusedOutcome);
      writer.uint(outcome.prevIndex);
      writePosition(writer, outcome.conflict);
      writer.uint(outcome.lastIndex);
      return;
    case "fetching":
      writer.uint(fetchingOutcome);
      return;
    case "fetchFailed":
      writer.uint(fetchFailedOutcome);
      writer.text(outcome.file);
      return;
    case "diverged":
      writer.uint(divergedOutcome);
      writePosition(writer, outcome.at);
      writer.uint(outcome.chain);
      writer.uint(outcome.leaderChain);
  }
}

export function readAppendEntriesReply(items: readonly PlainItem[]): AppendEntriesReply {
  return {
    kind: "appendEntriesReply",
    term: term(items[1], "appendEntriesReply.term"),
    round: count(items[2], "appendEntriesReply.round"),
    clockMs: count(items[3], "appendEntriesReply.clockMs"),
    refill: orNull(items[4], "appendEntriesReply.refill", count),
    outcome: readOutcome(items),
  };
}

function readOutcome(items: readonly PlainItem[]): AppendOutcome {
  switch (items[5]) {
    case acceptedOutcome: {
      const matchIndex = row(items, 7, "appendEntriesReply")[6];
      return { kind: "accepted", matchIndex: logIndex(matchIndex, "appendEntriesReply.matchIndex") };
    }
    case refusedOutcome: {
      const [, , , , , , prevIndex, conflictIndex, conflictTerm, lastIndex] = row(items, 10, "appendEntriesReply");
      return {
        kind: "refused",
        prevIndex: logIndex(prevIndex, "appendEntriesReply.prevIndex"),
        conflict: {
          index: logIndex(conflictIndex, "appendEntriesReply.conflict.index"),
          term: term(conflictTerm, "appendEntriesReply.conflict.term"),
        },
        lastIndex: logIndex(lastIndex, "appendEntriesReply.lastIndex"),
      };
    }
    case fetchingOutcome:
      row(items, 6, "appendEntriesReply");
      return { kind: "fetching" };
    case fetchFailedOutcome: {
      const [, , , , , , file] = row(items, 7, "appendEntriesReply");
      return { kind: "fetchFailed", file: name(file, "appendEntriesReply.file") };
    }
    case divergedOutcome: {
      const [, , , , , , index, inTerm, chain, leaderChain] = row(items, 10, "appendEntriesReply");
      return {
        kind: "diverged",
        at: readPosition(index, inTerm, term(items[1], "appendEntriesReply.term"), "appendEntriesReply.at"),
        chain: count(chain, "appendEntriesReply.chain"),
        leaderChain: count(leaderChain, "appendEntriesReply.leaderChain"),
      };
    }
    default:
      throw new BadFrame("appendEntriesReply.outcome: not one of its values");
  }
}

export function readInstallSnapshot(items: readonly PlainItem[]): Message {
  const [, inTerm, round, confirmed, refill, record] = row(items, 6, "installSnapshot");
  const leaderTerm = readTerm(inTerm, "installSnapshot.term");
  const snapshot = readSnapshotRecord(record);
  if (snapshot.position.term > leaderTerm)
    throw new BadFrame("installSnapshot.snapshot: later than the message's term");
  return {
    kind: "installSnapshot",
    term: leaderTerm,
    round: count(round, "installSnapshot.round"),
    snapshot,
    confirmed: logIndex(confirmed, "installSnapshot.confirmed"),
    refill: readRefillGoal(refill, "installSnapshot.refill"),
  };
}

export function readTimeoutNow(items: readonly PlainItem[]): Message {
  const [, inTerm] = row(items, 2, "timeoutNow");
  return { kind: "timeoutNow", term: readTerm(inTerm, "timeoutNow.term") };
}

export function readGenesisNotice(items: readonly PlainItem[]): Message {
  const [, genesis] = row(items, 2, "genesisNotice");
  return { kind: "genesisNotice", genesis: readGenesis(genesis) };
}

export function readReadIndex(items: readonly PlainItem[]): Message {
  const [, inTerm, id] = row(items, 3, "readIndex");
  return { kind: "readIndex", term: readTerm(inTerm, "readIndex.term"), id: count(id, "readIndex.id") };
}

export function readReadIndexReply(items: readonly PlainItem[]): Message {
  const [, inTerm, id, index] = row(items, 4, "readIndexReply");
  return {
    kind: "readIndexReply",
    term: term(inTerm, "readIndexReply.term"),
    id: count(id, "readIndexReply.id"),
    index: orNull(index, "readIndexReply.index", logIndex),
  };
}

export function readRequestMembers(items: readonly PlainItem[]): Message {
  row(items, 1, "requestMembers");
  return { kind: "requestMembers" };
}

export function readRequestMembersReply(items: readonly PlainItem[]): Message {
  const [, index, members] = row(items, 3, "requestMembersReply");
  return {
    kind: "requestMembersReply",
    index: logIndex(index, "requestMembersReply.index"),
    members: readKeys(members, "requestMembersReply.members"),
  };
}

const count = (item: Item, field: string): number => uint(item, Number.MAX_SAFE_INTEGER, field);

/** A term in which somebody stands or leads: 0 is before the first election. */
function readTerm(item: Item, field: string): Term {
  const value = term(item, field);
  if (value === 0) throw new BadFrame(`${field}: out of range`);
  return value;
}

function writePosition(writer: FrameWriter, position: LogPosition): void {
  writer.uint(position.index);
  writer.uint(position.term);
}

/** The position of an entry, or the start of the log, where index and term are both 0. */
function readPosition(index: Item, inTerm: Item, termAtMost: Term, field: string): LogPosition {
  const position = { index: logIndex(index, `${field}.index`), term: term(inTerm, `${field}.term`) };
  if ((position.index === 0) !== (position.term === 0)) throw new BadFrame(`${field}: neither an entry nor the start`);
  if (position.term > termAtMost) throw new BadFrame(`${field}.term: later than the message's`);
  return position;
}
