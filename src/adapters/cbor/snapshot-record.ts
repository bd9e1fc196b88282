// The record of a snapshot on the wire: what a leader says of the one that it offers.
import type { SnapshotRecord } from "../../core/snapshot-record.ts";
import { BadFrame } from "./bad-frame.ts";
import { type Item, logIndex, name, orNull, row, term, uint } from "./fields.ts";
import type { FrameWriter } from "./frame-writer.ts";
import { stampMsMax } from "./limits.ts";
import { readConfiguration, writeConfiguration } from "./membership.ts";
import { readActivation, writeActivation } from "./plugin-version.ts";

export function writeSnapshotRecord(writer: FrameWriter, snapshot: SnapshotRecord): void {
  const { position, configuration, activation } = snapshot;
  writer.array(12);
  writer.uint(position.index);
  writer.uint(position.term);
  writer.uint(snapshot.stampMs);
  writer.uint(snapshot.chain);
  writer.uint(configuration.position.index);
  writer.uint(configuration.position.term);
  writeConfiguration(writer, configuration.configuration);
  if (activation === null) writer.nil();
  else writeActivation(writer, activation);
  writer.text(snapshot.origin);
  writer.text(snapshot.file);
  writer.uint(snapshot.bytes);
  writer.uint(snapshot.checksum);
}

/** Beside the form of each part: it covers an entry at least, and its configuration stands at or before its end. */
export function readSnapshotRecord(item: Item): SnapshotRecord {
  const fields = row(item, 12, "snapshot");
  const [index, inTerm, stampMs, chain, atIndex, atTerm, configuration, active, origin, file, bytes, checksum] = fields;
  const position = { index: logIndex(index, "snapshot.index"), term: term(inTerm, "snapshot.term") };
  const placed = {
    position: {
      index: logIndex(atIndex, "snapshot.configurationIndex"),
      term: term(atTerm, "snapshot.configurationTerm"),
    },
    configuration: readConfiguration(configuration),
  };
  if (position.index === 0 || position.term === 0) throw new BadFrame("snapshot: covers nothing");
  if (placed.position.index > position.index || placed.position.term > position.term) {
    throw new BadFrame("snapshot: its configuration stands behind its end");
  }
  const activation = orNull(active, "snapshot.activation", readActivation);
  if (activation !== null && activation.position.index > position.index) {
    throw new BadFrame("snapshot: its activation stands behind its end");
  }
  return {
    position,
    stampMs: uint(stampMs, stampMsMax, "snapshot.stampMs"),
    chain: uint(chain, Number.MAX_SAFE_INTEGER, "snapshot.chain"),
    configuration: placed,
    activation,
    origin: name(origin, "snapshot.origin"),
    file: name(file, "snapshot.file"),
    bytes: uint(bytes, Number.MAX_SAFE_INTEGER, "snapshot.bytes"),
    checksum: uint(checksum, Number.MAX_SAFE_INTEGER, "snapshot.checksum"),
  };
}
