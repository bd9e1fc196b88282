// The requests of administrators about versions of the state machine, and the answers, on the wire. Each writer stands beside its reader.
import type { RolledOutReply, RollOutRequest, SkippedReply, SkipRequest } from "../../ports/version-requests.ts";
import { bool, type Item, logIndex, orNull, printable, requestId, row, toPrintable, uint } from "./fields.ts";
import type { FrameWriter } from "./frame-writer.ts";
import { labelLengthMax, messageLengthMax, timeoutMsMax } from "./limits.ts";
import { messageNumbers } from "./message-numbers.ts";
import type { PlainItem } from "./plain-cbor.ts";
import { readPluginVersion, writePluginVersion } from "./plugin-version.ts";

export function writeRollOutRequest(writer: FrameWriter, frame: RollOutRequest): void {
  writer.start(messageNumbers.rollOutRequest, 6);
  writer.uint(frame.id);
  writer.uint(frame.timeoutMs);
  writer.textOrNull(frame.version);
  writer.bool(frame.replaces);
  writer.bool(frame.dryRun);
}

export function writeRolledOutReply(writer: FrameWriter, frame: RolledOutReply): void {
  const { id, index, plugin, before, refusal } = frame;
  writer.start(messageNumbers.rolledOutReply, 6);
  writer.uint(id);
  writer.uintOrNull(index);
  writePluginVersion(writer, plugin);
  if (before === null) writer.nil();
  else writePluginVersion(writer, before);
  writer.textOrNull(refusal === null ? null : toPrintable(refusal, messageLengthMax));
}

export function readRollOutRequest(items: readonly PlainItem[]): RollOutRequest {
  const [, id, timeoutMs, version, replaces, dryRun] = row(items, 6, "rollOut");
  return {
    kind: "rollOut",
    id: requestId(id),
    timeoutMs: uint(timeoutMs, timeoutMsMax, "rollOut.timeoutMs"),
    version: orNull(version, "rollOut.version", (item: Item, field) => printable(item, labelLengthMax, field)),
    replaces: bool(replaces, "rollOut.replaces"),
    dryRun: bool(dryRun, "rollOut.dryRun"),
  };
}

export function readRolledOutReply(items: readonly PlainItem[]): RolledOutReply {
  const [, id, index, plugin, before, refusal] = row(items, 6, "rolledOut");
  return {
    kind: "rolledOut",
    id: requestId(id),
    index: orNull(index, "rolledOut.index", logIndex),
    plugin: readPluginVersion(plugin, "rolledOut.plugin"),
    before: orNull(before, "rolledOut.before", readPluginVersion),
    refusal: orNull(refusal, "rolledOut.refusal", (item: Item, field) => printable(item, messageLengthMax, field)),
  };
}

export function writeSkipRequest(writer: FrameWriter, { id, timeoutMs, entry, dryRun }: SkipRequest): void {
  writer.start(messageNumbers.skipRequest, 5);
  writer.uint(id);
  writer.uint(timeoutMs);
  writer.uint(entry);
  writer.bool(dryRun);
}

export function readSkipRequest(items: readonly PlainItem[]): SkipRequest {
  const [, id, timeoutMs, entry, dryRun] = row(items, 5, "skip");
  return {
    kind: "skip",
    id: requestId(id),
    timeoutMs: uint(timeoutMs, timeoutMsMax, "skip.timeoutMs"),
    entry: logIndex(entry, "skip.entry"),
    dryRun: bool(dryRun, "skip.dryRun"),
  };
}

export function writeSkippedReply(writer: FrameWriter, { id, index, operation, refusal }: SkippedReply): void {
  writer.start(messageNumbers.skippedReply, 5);
  writer.uint(id);
  writer.uintOrNull(index);
  writer.textOrNull(operation === null ? null : toPrintable(operation, labelLengthMax));
  writer.textOrNull(refusal === null ? null : toPrintable(refusal, messageLengthMax));
}

export function readSkippedReply(items: readonly PlainItem[]): SkippedReply {
  const [, id, index, operation, refusal] = row(items, 5, "skipped");
  return {
    kind: "skipped",
    id: requestId(id),
    index: orNull(index, "skipped.index", logIndex),
    operation: orNull(operation, "skipped.operation", (item: Item, field) => printable(item, labelLengthMax, field)),
    refusal: orNull(refusal, "skipped.refusal", (item: Item, field) => printable(item, messageLengthMax, field)),
  };
}
