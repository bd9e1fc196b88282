// What nodes tell each other beside Raft, on the wire: each writer beside its reader.
import type { CopyMessage } from "../../ports/copy-messages.ts";
import type {
  ConditionNotice,
  MemberList,
  NodeMessage,
  Reach,
  ReachReply,
  ReachRequest,
} from "../../ports/node-messages.ts";
import {
  address,
  bool,
  distinct,
  type Item,
  logIndex,
  name,
  orNull,
  printable,
  row,
  toPrintable,
  uint,
  word,
} from "./fields.ts";
import type { FrameWriter } from "./frame-writer.ts";
import { membersMax, messageLengthMax, timeoutMsMax } from "./limits.ts";
import { readMembers, writeMembers } from "./membership.ts";
import { messageNumbers } from "./message-numbers.ts";
import type { PlainItem } from "./plain-cbor.ts";
import { readVersions, writeVersions } from "./plugin-version.ts";

const ways = ["dialled", "accepted"] as const;
const spaces = ["enough", "low"] as const;

export function writeNodeMessage(writer: FrameWriter, message: Exclude<NodeMessage, CopyMessage>): void {
  switch (message.kind) {
    case "reachRequest":
      writer.start(messageNumbers.reachRequest, 5);
      writer.uint(message.id);
      writer.text(message.node);
      writer.text(message.address);
      writer.uint(message.timeoutMs);
      return;
    case "reachReply":
      writer.start(messageNumbers.reachReply, 4);
      writer.uint(message.id);
      writeReach(writer, message.reach);
      return;
    case "memberList":
      writer.start(messageNumbers.memberList, 3);
      writer.uint(message.index);
      writeMembers(writer, message.members);
      return;
    case "condition":
      writeCondition(writer, message);
  }
}

export function readReachRequest(items: readonly PlainItem[]): ReachRequest {
  const [, id, node, at, timeoutMs] = row(items, 5, "reachRequest");
  return {
    kind: "reachRequest",
    id: logIndex(id, "reachRequest.id"),
    node: name(node, "reachRequest.node"),
    address: address(at, "reachRequest.address"),
    timeoutMs: uint(timeoutMs, timeoutMsMax, "reachRequest.timeoutMs"),
  };
}

/** Two items: how it was reached and which incarnation it is, or `null` and the reason. */
function writeReach(writer: FrameWriter, reach: Reach): void {
  writer.textOrNull(reach.kind === "reached" ? reach.by : null);
  writer.text(reach.kind === "reached" ? reach.incarnation : toPrintable(reach.reason, messageLengthMax));
}

export function readReachReply(items: readonly PlainItem[]): ReachReply {
  const [, id, by, what] = row(items, 4, "reachReply");
  return { kind: "reachReply", id: logIndex(id, "reachReply.id"), reach: readReach(by, what) };
}

function readReach(by: Item, what: Item): Reach {
  if (by === null) return { kind: "unreachable", reason: printable(what, messageLengthMax, "reachReply.reason") };
  return {
    kind: "reached",
    by: word(by, ways, "reachReply.by"),
    incarnation: name(what, "reachReply.incarnation"),
  };
}

export function readMemberList(items: readonly PlainItem[]): MemberList {
  const [, index, members] = row(items, 3, "memberList");
  return {
    kind: "memberList",
    index: logIndex(index, "memberList.index"),
    members: readMembers(members, "memberList.members"),
  };
}

function writeCondition(writer: FrameWriter, { condition }: ConditionNotice): void {
  const { stateMachine, space, isCertificateExpired, isRefilling, undialled, versions, problem } = condition;
  writer.start(messageNumbers.condition, 9);
  writer.bool(stateMachine.kind === "runs");
  writer.uint(stateMachine.kind === "runs" ? stateMachine.passed : stateMachine.through);
  writer.text(space);
  writer.bool(isCertificateExpired);
  writer.bool(isRefilling);
  writer.array(undialled.length);
  for (const id of undialled) writer.text(id);
  writeVersions(writer, versions);
  writer.textOrNull(problem === null ? null : toPrintable(problem, messageLengthMax));
}

export function readCondition(items: readonly PlainItem[]): ConditionNotice {
  const [, runs, at, space, isExpired, refills, undialled, versions, problem] = row(items, 9, "condition");
  const index = logIndex(at, "condition.index");
  const condition = {
    stateMachine: bool(runs, "condition.runs")
      ? ({ kind: "runs", passed: index } as const)
      : ({ kind: "stopped", through: index } as const),
    space: word(space, spaces, "condition.space"),
    isCertificateExpired: bool(isExpired, "condition.isCertificateExpired"),
    isRefilling: bool(refills, "condition.isRefilling"),
    undialled: distinct(undialled, membersMax, "condition.undialled", name, (id) => id),
    versions: readVersions(versions, "condition.versions"),
    problem: orNull(problem, "condition.problem", (item, field) => printable(item, messageLengthMax, field)),
  };
  return { kind: "condition", condition };
}
