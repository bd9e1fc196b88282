// Fetches a backup from one node: a few pieces ahead, so that neither the way nor the memory of either side is the measure of
// how large it may be. Where it goes, and what is in it, is the caller's business.
import { GraftError } from "../errors.ts";
import type { BackupPieceReply, BackupReadyReply } from "../ports/requests.ts";
import type { GraftClient } from "./client.ts";

/** How much is asked for at once, and how many such requests are open. */
const pieceBytesMax = 256 * 1024;
const piecesAhead = 4;

export interface BackupSink {
  /** What has come so far is written when it resolves. */
  write(bytes: Uint8Array): Promise<void>;
}

export interface FetchOptions {
  /** For each piece, in ms. */
  readonly timeoutMs: number;
  /** Told after each piece how much is here. */
  readonly progress: (bytes: number) => void;
}

/** Rejects with a `GraftError`, also with that of the sink. */
export async function fetchBackup(
  client: Pick<GraftClient, "readBackup">,
  address: string,
  { file, bytes }: BackupReadyReply,
  sink: BackupSink,
  { timeoutMs, progress }: FetchOptions,
): Promise<void> {
  const ahead: Promise<BackupPieceReply>[] = [];
  let asked = 0;
  let received = 0;
  try {
    while (received < bytes) {
      for (; asked < bytes && ahead.length < piecesAhead; asked += Math.min(pieceBytesMax, bytes - asked)) {
        const piece = { file, offset: asked, bytesMax: Math.min(pieceBytesMax, bytes - asked) };
        ahead.push(client.readBackup(address, piece, { timeoutMs }));
      }
      const piece = await ahead.shift()!;
      const expected = Math.min(pieceBytesMax, bytes - received);
      if (piece.offset !== received || piece.bytes.byteLength !== expected) {
        throw new GraftError("unavailable", `the node at ${address} answered with another piece of the backup`);
      }
      await sink.write(piece.bytes);
      received += expected;
      progress(received);
    }
  } finally {
    // What is still under way after a failure fails for itself.
    await Promise.allSettled(ahead);
  }
}
