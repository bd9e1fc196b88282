// A snapshot's file, byte by byte: what is written here and in which order. A backup is a file of this format, too. How one
// is taken apart and checked is snapshot-parser.ts.
//
//   file    = magic version frame(header) *frame(chunk) frame(end)
//   magic   = "GRAFTSNP"                                            8 bytes
//   version = 3                                                     4 bytes
//   frame   = kind length payload checksum                          1 + 4 + length + 8 bytes
//   header  (kind 1)  a JSON object, UTF-8: the SnapshotHeader of the port, at most 1 MiB
//   chunk   (kind 2)  bytes of the state machine, at most 256 KiB
//   end     (kind 3)  the number of chunks and the sum of their lengths, 8 bytes each
//
// Numbers are unsigned and big-endian. A frame's checksum goes on from that of the frame before, so that a frame which is
// missing, foreign or in another place is noticed like a changed byte; the one of the end frame is the file's checksum.
// It is the upper 53 bits of xxHash3 over: the checksum before, kind, length and the payload's xxHash3, 8 bytes each.
// The first frame goes on from 0. It guards against rot, not against an attacker.
import type { SnapshotHeader } from "../../ports/snapshot-store.ts";

export const magic = new TextEncoder().encode("GRAFTSNP");
export const formatVersion = 3;
export const preambleBytes = magic.length + 4;

export const frameKinds = { header: 1, chunk: 2, end: 3 } as const;
export type FrameKind = (typeof frameKinds)[keyof typeof frameKinds];
/** Before the payload. */
export const frameHeadBytes = 5;
/** After it. */
export const frameChecksumBytes = 8;

export const chunkBytesMax = 256 * 1024;
export const endBytes = 16;
/** What a payload may weigh, by its frame's kind. */
export const payloadBytesMax: Readonly<Record<FrameKind, number>> = { 1: 1024 * 1024, 2: chunkBytesMax, 3: endBytes };

// One buffer for all calls: this runs for every chunk, and nothing in it waits.
const hashed = new DataView(new ArrayBuffer(32));

/** The checksum of a frame that comes after one with the checksum `before`. */
export function frameChecksum(before: number, kind: number, payload: Uint8Array): number {
  hashed.setBigUint64(0, BigInt(before));
  hashed.setBigUint64(8, BigInt(kind));
  hashed.setBigUint64(16, BigInt(payload.byteLength));
  hashed.setBigUint64(24, Bun.hash.xxHash3(payload));
  return Number(Bun.hash.xxHash3(hashed.buffer) >> 11n);
}

export function encodePreamble(): Uint8Array {
  const bytes = new Uint8Array(preambleBytes);
  bytes.set(magic);
  new DataView(bytes.buffer).setUint32(magic.length, formatVersion);
  return bytes;
}

export interface EncodedFrame {
  /** Head, payload and checksum. */
  readonly bytes: Uint8Array;
  readonly checksum: number;
}

export function encodeFrame(before: number, kind: FrameKind, payload: Uint8Array): EncodedFrame {
  const checksum = frameChecksum(before, kind, payload);
  const bytes = new Uint8Array(frameHeadBytes + payload.byteLength + frameChecksumBytes);
  const view = new DataView(bytes.buffer);
  view.setUint8(0, kind);
  view.setUint32(1, payload.byteLength);
  bytes.set(payload, frameHeadBytes);
  view.setBigUint64(frameHeadBytes + payload.byteLength, BigInt(checksum));
  return { bytes, checksum };
}

/** Every field by its name, whatever else the object carries. */
export function encodeHeader(header: SnapshotHeader): Uint8Array {
  const { clusterUuid, cluster, position, stampMs, chain, configuration, activation, plugin } = header;
  const placed = { position, stampMs, chain, configuration, activation };
  const text = JSON.stringify({ clusterUuid, cluster, ...placed, plugin });
  return new TextEncoder().encode(text);
}

export function encodeEnd(chunks: number, contentBytes: number): Uint8Array {
  const bytes = new Uint8Array(endBytes);
  const view = new DataView(bytes.buffer);
  view.setBigUint64(0, BigInt(chunks));
  view.setBigUint64(8, BigInt(contentBytes));
  return bytes;
}
