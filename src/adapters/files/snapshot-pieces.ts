// A snapshot's file from its beginning to its end, piece by piece through a parser, whatever folder it lies in.
import type { FileHandle } from "node:fs/promises";
import fs from "node:fs/promises";
import type { SnapshotParser } from "./snapshot-parser.ts";

/** What is read at a time, bytes. */
const pieceBytes = 512 * 1024;

/** The chunks that each piece completes. Throws `SnapshotDamage`, and what the file system throws. */
export async function* parsedPieces(path: string, parser: SnapshotParser): AsyncGenerator<Uint8Array[], void> {
  const handle = await fs.open(path, "r");
  try {
    const piece = new Uint8Array(pieceBytes);
    for (let offset = 0, count = -1; count !== 0; offset += count) {
      count = await fill(handle, piece, offset);
      yield parser.push(piece.subarray(0, count));
    }
  } finally {
    await handle.close();
  }
}

/** Reads until the buffer is full or the file ends. */
export async function fill(handle: FileHandle, into: Uint8Array, offset: number): Promise<number> {
  let count = 0;
  while (count < into.byteLength) {
    const { bytesRead } = await handle.read(into, count, into.byteLength - count, offset + count);
    if (bytesRead === 0) break;
    count += bytesRead;
  }
  return count;
}
