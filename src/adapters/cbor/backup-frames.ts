// A backup on the wire: how a client asks for one, and the pieces of its file.
import type { BackupPieceReply, BackupReadyReply, BackupRequest, ReadBackupRequest } from "../../ports/requests.ts";
import { BadFrame } from "./bad-frame.ts";
import { bytes, logIndex, name, requestId, row, term, uint } from "./fields.ts";
import type { FrameWriter } from "./frame-writer.ts";
import { chunkBytesMax, timeoutMsMax } from "./limits.ts";
import { messageNumbers } from "./message-numbers.ts";
import type { PlainItem } from "./plain-cbor.ts";

type BackupFrame = BackupRequest | ReadBackupRequest | BackupReadyReply | BackupPieceReply;

export function writeBackup(writer: FrameWriter, frame: BackupFrame): void {
  switch (frame.kind) {
    case "backup":
      writer.start(messageNumbers.backupRequest, 3);
      writer.uint(frame.id);
      writer.uint(frame.timeoutMs);
      return;
    case "readBackup":
      writer.start(messageNumbers.readBackupRequest, 5);
      writer.uint(frame.id);
      writer.text(frame.file);
      writer.uint(frame.offset);
      writer.uint(frame.bytesMax);
      return;
    case "backupReady":
      writer.start(messageNumbers.backupReadyReply, 7);
      writer.uint(frame.id);
      writer.text(frame.file);
      writer.uint(frame.bytes);
      writer.uint(frame.checksum);
      writer.uint(frame.index);
      writer.uint(frame.term);
      return;
    case "backupPiece":
      writer.start(messageNumbers.backupPieceReply, 4);
      writer.uint(frame.id);
      writer.uint(frame.offset);
      writer.payload(frame.bytes);
  }
}

export function readBackupRequest(items: readonly PlainItem[]): BackupRequest {
  const [, id, timeoutMs] = row(items, 3, "backup");
  return { kind: "backup", id: requestId(id), timeoutMs: uint(timeoutMs, timeoutMsMax, "timeoutMs") };
}

export function readReadBackupRequest(items: readonly PlainItem[]): ReadBackupRequest {
  const [, id, file, offset, bytesMax] = row(items, 5, "readBackup");
  const read: ReadBackupRequest = {
    kind: "readBackup",
    id: requestId(id),
    file: name(file, "readBackup.file"),
    offset: uint(offset, Number.MAX_SAFE_INTEGER, "readBackup.offset"),
    bytesMax: uint(bytesMax, chunkBytesMax, "readBackup.bytesMax"),
  };
  // As with nodes: an empty answer could not be told from the end of the file.
  if (read.bytesMax === 0) throw new BadFrame("readBackup.bytesMax: out of range");
  return read;
}

export function readBackupReadyReply(items: readonly PlainItem[]): BackupReadyReply {
  const [, id, file, length, checksum, index, inTerm] = row(items, 7, "backupReady");
  return {
    kind: "backupReady",
    id: requestId(id),
    file: name(file, "backupReady.file"),
    bytes: uint(length, Number.MAX_SAFE_INTEGER, "backupReady.bytes"),
    checksum: uint(checksum, Number.MAX_SAFE_INTEGER, "backupReady.checksum"),
    index: logIndex(index, "backupReady.index"),
    term: term(inTerm, "backupReady.term"),
  };
}

export function readBackupPieceReply(items: readonly PlainItem[]): BackupPieceReply {
  const [, id, offset, piece] = row(items, 4, "backupPiece");
  return {
    kind: "backupPiece",
    id: requestId(id),
    offset: uint(offset, Number.MAX_SAFE_INTEGER, "backupPiece.offset"),
    bytes: bytes(piece, chunkBytesMax, "backupPiece.bytes"),
  };
}
