// What administrators ask about the membership on the wire, and what they are answered: each writer beside its reader.
import type {
  ChangeMembershipRequest,
  MembershipChangedReply,
  MembershipPlanReply,
  PlannedNode,
  RequestedAddition,
  RequestedChange,
  VotingBody,
} from "../../ports/membership-requests.ts";
import {
  address,
  bool,
  int32,
  type Item,
  list,
  logIndex,
  memberName,
  name,
  orNull,
  printable,
  requestId,
  row,
  storedAddress,
  toPrintable,
  uint,
  word,
} from "./fields.ts";
import type { FrameWriter } from "./frame-writer.ts";
import { membersMax, messageLengthMax, timeoutMsMax } from "./limits.ts";
import { messageNumbers } from "./message-numbers.ts";
import type { PlainItem } from "./plain-cbor.ts";

/** What a plan says to people, in lines. */
const risksMax = 64;
const fates = ["voter", "learner", "gone"] as const satisfies readonly PlannedNode["becomes"][];

export function writeChangeMembership(writer: FrameWriter, request: ChangeMembershipRequest): void {
  const { add, promote, demote, remove, prioritize } = request.change;
  writer.start(messageNumbers.changeMembershipRequest, 10);
  writer.uint(request.id);
  writer.uint(request.timeoutMs);
  writer.list(add.length, membersMax);
  for (const each of add) {
    writer.array(5);
    writer.text(each.id);
    writer.text(each.address);
    if (each.priority === null) writer.nil();
    else writer.int(each.priority);
    writer.bool(each.voter);
    writer.bool(each.behindNat);
  }
  for (const names of [promote, demote, remove]) writeNames(writer, names);
  writer.list(prioritize.length, membersMax);
  for (const each of prioritize) {
    writer.array(2);
    writer.text(each.name);
    writer.int(each.priority);
  }
  writer.uintOrNull(request.expectedIndex);
  writer.bool(request.dryRun);
}

export function readChangeMembershipRequest(items: readonly PlainItem[]): ChangeMembershipRequest {
  const [, id, timeoutMs, add, promote, demote, remove, prioritize, expected, dryRun] = row(items, 10, "change");
  return {
    kind: "changeMembership",
    id: requestId(id),
    timeoutMs: uint(timeoutMs, timeoutMsMax, "change.timeoutMs"),
    change: {
      add: list(add, membersMax, "change.add").map(readAddition),
      promote: readNames(promote, memberName, "change.promote"),
      demote: readNames(demote, memberName, "change.demote"),
      remove: readNames(remove, memberName, "change.remove"),
      prioritize: list(prioritize, membersMax, "change.prioritize").map(readPriority),
    },
    expectedIndex: orNull(expected, "change.expectedIndex", logIndex),
    dryRun: bool(dryRun, "change.dryRun"),
  };
}

function readAddition(item: Item): RequestedAddition {
  const [id, at, priority, voter, behindNat] = row(item, 5, "change.add");
  return {
    id: name(id, "change.add.id"),
    address: address(at, "change.add.address"),
    priority: orNull(priority, "change.add.priority", int32),
    voter: bool(voter, "change.add.voter"),
    behindNat: bool(behindNat, "change.add.behindNat"),
  };
}

function readPriority(item: Item): RequestedChange["prioritize"][number] {
  const [named, priority] = row(item, 2, "change.prioritize");
  return {
    name: memberName(named, "change.prioritize.name"),
    priority: int32(priority, "change.prioritize.priority"),
  };
}

export function writeMembershipReply(writer: FrameWriter, reply: MembershipChangedReply | MembershipPlanReply): void {
  if (reply.kind === "membershipPlan") return writePlan(writer, reply);
  writer.start(messageNumbers.membershipChangedReply, 4);
  writer.uint(reply.id);
  writer.uint(reply.index);
  writer.text(toPrintable(reply.message, messageLengthMax));
}

export function readMembershipChangedReply(items: readonly PlainItem[]): MembershipChangedReply {
  const [, id, index, message] = row(items, 4, "membershipChanged");
  return {
    kind: "membershipChanged",
    id: requestId(id),
    index: logIndex(index, "membershipChanged.index"),
    message: printable(message, messageLengthMax, "membershipChanged.message"),
  };
}

function writePlan(writer: FrameWriter, plan: MembershipPlanReply): void {
  writer.start(messageNumbers.membershipPlanReply, 8);
  writer.uint(plan.id);
  writer.uint(plan.index);
  writeBody(writer, plan.before);
  if (plan.after === null) writer.nil();
  else writeBody(writer, plan.after);
  writer.list(plan.nodes.length, membersMax);
  for (const node of plan.nodes) {
    writer.array(5);
    writer.text(node.id);
    writer.text(node.address);
    writer.text(node.becomes);
    writer.uintOrNull(node.lagEntries);
    writer.uintOrNull(node.silentMs);
  }
  const risks = plan.risks.slice(0, risksMax);
  writer.list(risks.length, risksMax);
  for (const risk of risks) writer.text(toPrintable(risk, messageLengthMax));
  writer.textOrNull(plan.refusal === null ? null : toPrintable(plan.refusal, messageLengthMax));
}

export function readMembershipPlanReply(items: readonly PlainItem[]): MembershipPlanReply {
  const [, id, index, before, after, nodes, risks, refusal] = row(items, 8, "membershipPlan");
  const text = (item: Item, field: string): string => printable(item, messageLengthMax, field);
  return {
    kind: "membershipPlan",
    id: requestId(id),
    index: logIndex(index, "membershipPlan.index"),
    before: readBody(before, "membershipPlan.before"),
    after: orNull(after, "membershipPlan.after", readBody),
    nodes: list(nodes, membersMax, "membershipPlan.nodes").map(readPlannedNode),
    risks: list(risks, risksMax, "membershipPlan.risks").map((risk) => text(risk, "membershipPlan.risks")),
    refusal: orNull(refusal, "membershipPlan.refusal", text),
  };
}

function writeBody(writer: FrameWriter, { voters, learners, quorum, tolerates }: VotingBody): void {
  writer.array(4);
  for (const ids of [voters, learners]) writeNames(writer, ids);
  writer.uint(quorum);
  writer.uint(tolerates);
}

function readBody(item: Item, field: string): VotingBody {
  const [voters, learners, quorum, tolerates] = row(item, 4, field);
  return {
    voters: readNames(voters, name, `${field}.voters`),
    learners: readNames(learners, name, `${field}.learners`),
    quorum: uint(quorum, membersMax, `${field}.quorum`),
    tolerates: uint(tolerates, membersMax, `${field}.tolerates`),
  };
}

function readPlannedNode(item: Item): PlannedNode {
  const [id, at, becomes, lag, silent] = row(item, 5, "membershipPlan.nodes");
  return {
    id: name(id, "membershipPlan.nodes.id"),
    address: storedAddress(at, "membershipPlan.nodes.address"),
    becomes: word(becomes, fates, "membershipPlan.nodes.becomes"),
    lagEntries: orNull(lag, "membershipPlan.nodes.lagEntries", logIndex),
    silentMs: orNull(silent, "membershipPlan.nodes.silentMs", logIndex),
  };
}

export function writeNames(writer: FrameWriter, names: readonly string[]): void {
  writer.list(names.length, membersMax);
  for (const each of names) writer.text(each);
}

export const readNames = (item: Item, read: (item: Item, field: string) => string, field: string): readonly string[] =>
  list(item, membersMax, field).map((each) => read(each, field));
