// What nodes answer to clients on the wire: each writer beside its reader.
import type {
  ActivePlugin,
  BackupPieceReply,
  BackupReadyReply,
  ClientReply,
  ConfigurationReply,
  DescribeReply,
  LeaderHint,
  NodeStatus,
  ReplyErrorCode,
  ResultReply,
  StatusReply,
} from "../../ports/requests.ts";
import type { RolledOutReply, SkippedReply } from "../../ports/version-requests.ts";
import { sessionId } from "./entries.ts";
import {
  address,
  bool,
  bytes,
  distinct,
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
  term,
  toPrintable,
  uuid,
  word,
} from "./fields.ts";
import type { FrameWriter } from "./frame-writer.ts";
import { labelLengthMax, membersMax, messageLengthMax, operationsMax, payloadBytesMax } from "./limits.ts";
import { readNames, writeMembershipReply, writeNames } from "./membership-frames.ts";
import { messageNumbers } from "./message-numbers.ts";
import type { PlainItem } from "./plain-cbor.ts";
import { readPluginVersion, readVersions, writePluginVersion, writeVersions } from "./plugin-version.ts";

export const replyErrorCodes = [
  "not-leader",
  "unavailable",
  "overloaded",
  "rejected",
  "state-machine",
  "unauthorized",
  "outcome-unknown",
  "session-expired",
  "query-failed",
  "backup-failed",
  "result-lost",
  "apply-failed",
] as const satisfies readonly ReplyErrorCode[];

const roles = ["founding", "joining", "follower", "preCandidate", "candidate", "leader", "removed"] as const;
const fates = ["promote", "demote", "remove"] as const;
const styles = ["typed", "raw"] as const;

/** Those to questions about backups are in backup-frames.ts, about versions in version-frames.ts. */
type OrdinaryReply = Exclude<ClientReply, BackupReadyReply | BackupPieceReply | RolledOutReply | SkippedReply>;

export function writeReply(writer: FrameWriter, reply: OrdinaryReply): void {
  switch (reply.kind) {
    case "result":
      writer.start(messageNumbers.resultReply, 6);
      writer.uint(reply.id);
      writer.uint(reply.index);
      writer.uint(reply.term);
      writer.payload(reply.payload);
      writer.uintOrNull(reply.stalenessMs);
      return;
    case "error":
      writer.start(messageNumbers.errorReply, 5);
      writer.uint(reply.id);
      writer.text(reply.code);
      writer.text(toPrintable(reply.message, messageLengthMax));
      writeLeader(writer, reply.leader);
      return;
    case "status":
      return writeStatus(writer, reply);
    case "configuration":
      return writeConfigurationReply(writer, reply);
    case "describe":
      writer.start(messageNumbers.describeReply, 7);
      writer.uint(reply.id);
      writer.text(toPrintable(reply.name, labelLengthMax));
      writer.text(toPrintable(reply.version, labelLengthMax));
      writer.text(reply.style);
      writeTexts(writer, reply.commands, operationsMax, labelLengthMax);
      writeTexts(writer, reply.queries, operationsMax, labelLengthMax);
      return;
    case "done":
      writer.start(messageNumbers.doneReply, 3);
      writer.uint(reply.id);
      writeLeader(writer, reply.leader);
      return;
    case "sessionOpened":
      writer.start(messageNumbers.sessionOpenedReply, 3);
      writer.uint(reply.id);
      writer.uint(reply.session);
      return;
    case "membershipChanged":
    case "membershipPlan":
      return writeMembershipReply(writer, reply);
  }
}

export function readResultReply(items: readonly PlainItem[]): ResultReply {
  const [, id, index, inTerm, payload, staleness] = row(items, 6, "result");
  return {
    kind: "result",
    id: requestId(id),
    payload: bytes(payload, payloadBytesMax, "payload"),
    index: logIndex(index, "result.index"),
    term: term(inTerm, "result.term"),
    stalenessMs: orNull(staleness, "result.stalenessMs", logIndex),
  };
}

export function readErrorReply(items: readonly PlainItem[]): ClientReply {
  const [, id, code, message, leader] = row(items, 5, "error");
  return {
    kind: "error",
    id: requestId(id),
    code: word(code, replyErrorCodes, "error.code"),
    message: printable(message, messageLengthMax, "error.message"),
    leader: orNull(leader, "error.leader", readLeader),
  };
}

export function readDoneReply(items: readonly PlainItem[]): ClientReply {
  const [, id, leader] = row(items, 3, "done");
  return { kind: "done", id: requestId(id), leader: orNull(leader, "done.leader", readLeader) };
}

export function readSessionOpenedReply(items: readonly PlainItem[]): ClientReply {
  const [, id, session] = row(items, 3, "sessionOpened");
  return { kind: "sessionOpened", id: requestId(id), session: sessionId(session, "sessionOpened.session") };
}

function writeStatus(writer: FrameWriter, reply: StatusReply): void {
  writer.start(messageNumbers.statusReply, 12);
  writer.uint(reply.id);
  writer.text(reply.cluster);
  writer.textOrNull(reply.clusterUuid);
  writer.text(reply.node);
  writeLeader(writer, reply.leader);
  writer.uint(reply.term);
  writer.uint(reply.commitIndex);
  writer.uintOrNull(reply.agreesThrough);
  writeActivePlugin(writer, reply.plugin);
  writer.list(reply.nodes.length, membersMax);
  for (const node of reply.nodes) writeNodeStatus(writer, node);
  writeTexts(writer, reply.waitingFor, membersMax, messageLengthMax);
}

export function readStatusReply(items: readonly PlainItem[]): StatusReply {
  const [, id, cluster, clusterUuid, node, leader, inTerm, ...known] = row(items, 12, "status");
  const [commitIndex, agreesThrough, plugin, nodes, waitingFor] = known;
  return {
    kind: "status",
    id: requestId(id),
    cluster: name(cluster, "status.cluster"),
    clusterUuid: orNull(clusterUuid, "status.clusterUuid", uuid),
    node: name(node, "status.node"),
    leader: orNull(leader, "status.leader", readLeader),
    term: term(inTerm, "status.term"),
    commitIndex: logIndex(commitIndex, "status.commitIndex"),
    agreesThrough: orNull(agreesThrough, "status.agreesThrough", logIndex),
    plugin: orNull(plugin, "status.plugin", readActivePlugin),
    nodes: list(nodes, membersMax, "status.nodes").map(readNodeStatus),
    waitingFor: readTexts(waitingFor, membersMax, "status.waitingFor", messageLengthMax),
  };
}

function writeActivePlugin(writer: FrameWriter, plugin: ActivePlugin | null): void {
  if (plugin === null) return writer.nil();
  writer.array(2);
  writer.uint(plugin.since);
  writePluginVersion(writer, plugin);
}

function readActivePlugin(item: Item, field: string): ActivePlugin {
  const [since, version] = row(item, 2, field);
  return { ...readPluginVersion(version, field), since: logIndex(since, `${field}.since`) };
}

function writeNodeStatus(writer: FrameWriter, node: NodeStatus): void {
  writer.array(15);
  writer.text(node.id);
  writer.text(node.address);
  writer.textOrNull(node.role);
  writer.bool(node.voter);
  writer.bool(node.outgoing);
  writer.textOrNull(node.pending);
  writer.int(node.priority);
  writer.bool(node.reachable);
  writer.uintOrNull(node.matchIndex);
  writer.uintOrNull(node.appliedIndex);
  writer.uintOrNull(node.lagEntries);
  writer.textOrNull(node.version === null ? null : toPrintable(node.version, labelLengthMax));
  writeProgress(writer, node.snapshot);
  if (node.plugins === null) writer.nil();
  else writeVersions(writer, node.plugins);
  writer.textOrNull(node.problem === null ? null : toPrintable(node.problem, messageLengthMax));
}

function writeProgress(writer: FrameWriter, snapshot: NodeStatus["snapshot"]): void {
  if (snapshot === null) return writer.nil();
  writer.array(2);
  writer.uint(snapshot.sentBytes);
  writer.uint(snapshot.bytes);
}

function readProgress(item: Item, field: string): NonNullable<NodeStatus["snapshot"]> {
  const [sentBytes, all] = row(item, 2, field);
  return { sentBytes: logIndex(sentBytes, `${field}.sentBytes`), bytes: logIndex(all, `${field}.bytes`) };
}

function readNodeStatus(item: Item): NodeStatus {
  const fields = row(item, 15, "status.nodes");
  const [id, at, role, voter, outgoing, pending, priority, reachable, match, applied, lag, version] = fields;
  return {
    id: name(id, "status.nodes.id"),
    address: storedAddress(at, "status.nodes.address"),
    role: orNull(role, "status.nodes.role", (each, field) => word(each, roles, field)),
    voter: bool(voter, "status.nodes.voter"),
    outgoing: bool(outgoing, "status.nodes.outgoing"),
    pending: orNull(pending, "status.nodes.pending", (each, field) => word(each, fates, field)),
    priority: int32(priority, "status.nodes.priority"),
    reachable: bool(reachable, "status.nodes.reachable"),
    matchIndex: orNull(match, "status.nodes.matchIndex", logIndex),
    appliedIndex: orNull(applied, "status.nodes.appliedIndex", logIndex),
    lagEntries: orNull(lag, "status.nodes.lagEntries", logIndex),
    version: orNull(version, "status.nodes.version", (each, field) => printable(each, labelLengthMax, field)),
    snapshot: orNull(fields[12], "status.nodes.snapshot", readProgress),
    plugins: orNull(fields[13], "status.nodes.plugins", readVersions),
    problem: orNull(fields[14], "status.nodes.problem", (each, field) => printable(each, messageLengthMax, field)),
  };
}

function writeConfigurationReply(writer: FrameWriter, reply: ConfigurationReply): void {
  writer.start(messageNumbers.configurationReply, 10);
  writer.uint(reply.id);
  writer.textOrNull(reply.clusterUuid);
  writer.text(reply.node);
  writer.text(reply.incarnation);
  writer.uint(reply.index);
  writer.bool(reply.removed);
  writer.list(reply.members.length, membersMax);
  for (const member of reply.members) {
    writer.array(6);
    writer.text(member.id);
    writer.text(member.incarnation);
    writer.text(member.address);
    writer.bool(member.voter);
    writer.bool(member.outgoing);
    writer.int(member.priority);
  }
  writer.list(reply.pending.length, membersMax);
  for (const { promote, demote, remove } of reply.pending) {
    writer.array(3);
    for (const names of [promote, demote, remove]) writeNames(writer, names);
  }
  writer.bool(reply.committed);
}

export function readConfigurationReply(items: readonly PlainItem[]): ConfigurationReply {
  const [, id, clusterUuid, node, incarnation, index, removed, members, pending, committed] = row(
    items,
    10,
    "configuration",
  );
  return {
    kind: "configuration",
    id: requestId(id),
    clusterUuid: orNull(clusterUuid, "configuration.clusterUuid", uuid),
    node: name(node, "configuration.node"),
    incarnation: name(incarnation, "configuration.incarnation"),
    index: logIndex(index, "configuration.index"),
    removed: bool(removed, "configuration.removed"),
    members: distinct(
      members,
      membersMax,
      "configuration.members",
      readListedMember,
      (member) => `${member.id}@${member.incarnation}`,
    ),
    pending: list(pending, membersMax, "configuration.pending").map(readPendingStep),
    committed: bool(committed, "configuration.committed"),
  };
}

function readPendingStep(item: Item): ConfigurationReply["pending"][number] {
  const [promote, demote, remove] = row(item, 3, "configuration.pending");
  return {
    promote: readNames(promote, memberName, "configuration.pending.promote"),
    demote: readNames(demote, memberName, "configuration.pending.demote"),
    remove: readNames(remove, memberName, "configuration.pending.remove"),
  };
}

function readListedMember(item: Item, field: string): ConfigurationReply["members"][number] {
  const [id, incarnation, at, voter, outgoing, priority] = row(item, 6, field);
  return {
    id: name(id, `${field}.id`),
    incarnation: name(incarnation, `${field}.incarnation`),
    address: storedAddress(at, `${field}.address`),
    voter: bool(voter, `${field}.voter`),
    outgoing: bool(outgoing, `${field}.outgoing`),
    priority: int32(priority, `${field}.priority`),
  };
}

export function readDescribeReply(items: readonly PlainItem[]): DescribeReply {
  const [, id, plugin, version, style, commands, queries] = row(items, 7, "describe");
  return {
    kind: "describe",
    id: requestId(id),
    name: printable(plugin, labelLengthMax, "describe.name"),
    version: printable(version, labelLengthMax, "describe.version"),
    style: word(style, styles, "describe.style"),
    commands: readTexts(commands, operationsMax, "describe.commands", labelLengthMax),
    queries: readTexts(queries, operationsMax, "describe.queries", labelLengthMax),
  };
}

/** What only people read is cut off where it is too long, and not refused. */
function writeTexts(writer: FrameWriter, texts: readonly string[], max: number, lengthMax: number): void {
  const written = texts.slice(0, max);
  writer.array(written.length);
  for (const text of written) writer.text(toPrintable(text, lengthMax));
}

function readTexts(item: Item, max: number, field: string, lengthMax: number): readonly string[] {
  return list(item, max, field).map((text) => printable(text, lengthMax, field));
}

function writeLeader(writer: FrameWriter, leader: LeaderHint | null): void {
  if (leader === null) return writer.nil();
  writer.array(3);
  writer.text(leader.id);
  writer.text(leader.address);
  writer.textOrNull(leader.announced ?? null);
}

function readLeader(item: Item, field: string): LeaderHint {
  const [id, at, announced] = row(item, 3, field);
  const hint = { id: name(id, `${field}.id`), address: storedAddress(at, `${field}.address`) };
  return announced === null ? hint : { ...hint, announced: address(announced, `${field}.announced`) };
}
