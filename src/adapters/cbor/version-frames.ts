// The requests of administrators about versions of the state machine, and the answers, on the wire. Each writer stands beside its reader.
import type { RolledOutReply, RollOutRequest } from "../../ports/version-requests.ts";
import { bool, type Item, logIndex, orNull, printable, requestId, row, toPrintable, uint } from "./fields.ts";
import type { FrameWriter } from "./frame-writer.ts";
import { labelLengthMax, messageLengthMax, timeoutMsMax } from "./limits.ts";
import { messageNumbers } from "./message-numbers.ts";
import type { PlainItem } from "./plain-cbor.ts";
import { readPluginVersion, writePluginVersion } from "./plugin-version.ts";

export function writeVersions(writer: FrameWriter, frame: RollOutRequest | RolledOutReply): void {
  if (frame.kind === "rollOut") {
    writer.start(messageNumbers.rollOutRequest, 6);
    writer.uint(frame.id);
    writer.uint(frame.timeoutMs);
    writer.textOrNull(frame.version);
    writer.bool(frame.replaces);
    writer.bool(frame.dryRun);
    return;
  }
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
