// Bulk on the wire: how a node asks for a connection of its own, and the pieces of files that travel on it.
import type { BulkMessage, SnapshotChunk, SnapshotGone, SnapshotRead } from "../../ports/bulk-messages.ts";
import { BadFrame } from "./bad-frame.ts";
import { bytes, name, printable, row, toPrintable, uint, uuid } from "./fields.ts";
import type { DialBack } from "./frames.ts";
import type { FrameWriter } from "./frame-writer.ts";
import { chunkBytesMax, messageLengthMax } from "./limits.ts";
import { messageNumbers } from "./message-numbers.ts";
import type { PlainItem } from "./plain-cbor.ts";

export function writeDialBack(writer: FrameWriter, { nonce }: DialBack): void {
  writer.start(messageNumbers.dialBack, 2);
  writer.text(nonce);
}

export function readDialBack(items: readonly PlainItem[]): DialBack {
  const [, nonce] = row(items, 2, "dialBack");
  return { kind: "dialBack", nonce: uuid(nonce, "dialBack.nonce") };
}

export function writeBulk(writer: FrameWriter, message: BulkMessage): void {
  switch (message.kind) {
    case "snapshotRead":
      writer.start(messageNumbers.snapshotRead, 4);
      writer.text(message.file);
      writer.uint(message.offset);
      writer.uint(message.bytesMax);
      return;
    case "snapshotChunk":
      writer.start(messageNumbers.snapshotChunk, 3);
      writer.uint(message.offset);
      writer.payload(message.bytes);
      return;
    case "snapshotGone":
      writer.start(messageNumbers.snapshotGone, 3);
      writer.text(message.file);
      writer.text(toPrintable(message.reason, messageLengthMax));
  }
}

export function readSnapshotRead(items: readonly PlainItem[]): SnapshotRead {
  const [, file, offset, bytesMax] = row(items, 4, "snapshotRead");
  const read: SnapshotRead = {
    kind: "snapshotRead",
    file: name(file, "snapshotRead.file"),
    offset: uint(offset, Number.MAX_SAFE_INTEGER, "snapshotRead.offset"),
    bytesMax: uint(bytesMax, chunkBytesMax, "snapshotRead.bytesMax"),
  };
  // Nothing asked for is nothing learnt: whoever got an empty answer could not tell it from the end of the file.
  if (read.bytesMax === 0) throw new BadFrame("snapshotRead.bytesMax: out of range");
  return read;
}

export function readSnapshotChunk(items: readonly PlainItem[]): SnapshotChunk {
  const [, offset, piece] = row(items, 3, "snapshotChunk");
  return {
    kind: "snapshotChunk",
    offset: uint(offset, Number.MAX_SAFE_INTEGER, "snapshotChunk.offset"),
    bytes: bytes(piece, chunkBytesMax, "snapshotChunk.bytes"),
  };
}

export function readSnapshotGone(items: readonly PlainItem[]): SnapshotGone {
  const [, file, reason] = row(items, 3, "snapshotGone");
  return {
    kind: "snapshotGone",
    file: name(file, "snapshotGone.file"),
    reason: printable(reason, messageLengthMax, "snapshotGone.reason"),
  };
}
