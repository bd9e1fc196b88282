// Fetching a backup: in order, a few pieces ahead and no more, and over at the first piece that is not what was asked for.
import { describe, expect, test } from "bun:test";
import { type BackupSink, fetchBackup } from "../../src/client/backup.ts";
import type { BackupPiece } from "../../src/client/client.ts";
import type { BackupPieceReply, BackupReadyReply } from "../../src/ports/requests.ts";

const pieceBytes = 256 * 1024;
const content = Uint8Array.from({ length: 9 * pieceBytes + 17 }, (_, at) => (at * 31) >>> 8);
const ready: BackupReadyReply = {
  kind: "backupReady",
  id: 1,
  file: "a.snapshot",
  bytes: content.length,
  checksum: 7,
  index: 100,
  term: 3,
};

type Answer = (piece: BackupPiece) => BackupPieceReply;

const rightly: Answer = ({ offset, bytesMax }) => ({
  kind: "backupPiece",
  id: 1,
  offset,
  bytes: content.subarray(offset, offset + bytesMax),
});

/** Answers after a turn of the loop, and counts how many pieces have been asked for and not written. */
function fetching(answer: Answer, sink: Partial<BackupSink> = {}) {
  const written: Uint8Array[] = [];
  const asked: unknown[] = [];
  const seen: number[] = [];
  let open = 0;
  let openMax = 0;
  let asking = 0;
  const client = {
    readBackup: async (address: string, piece: BackupPiece, options: object = {}) => {
      asked.push({ address, ...piece, ...options });
      openMax = Math.max(openMax, ++open);
      asking++;
      await new Promise((resolve) => setImmediate(resolve));
      // The later ones take longer.
      if (piece.offset > 0) await new Promise((resolve) => setImmediate(resolve));
      asking--;
      return answer(piece);
    },
  };
  const write = (bytes: Uint8Array): Promise<void> => {
    open--;
    written.push(bytes);
    return Promise.resolve();
  };
  const options = { timeoutMs: 1000, progress: (bytes: number) => void seen.push(bytes) };
  const underWay = (): number => asking;
  const done = fetchBackup(client, "n1:7400", ready, { write, ...sink }, options);
  return { done, written, seen, asked, underWay, openMax: () => openMax };
}

test("the whole file in order, with four pieces in memory at the most", async () => {
  const { done, written, seen, asked, openMax } = fetching(rightly);
  await done;
  expect(Buffer.concat(written).equals(content)).toBe(true);
  expect(openMax()).toBe(4);
  const from = { address: "n1:7400", file: "a.snapshot", timeoutMs: 1000 };
  const whole = Array.from({ length: 9 }, (_, at) => ({ ...from, offset: at * pieceBytes, bytesMax: pieceBytes }));
  expect(asked).toEqual([...whole, { ...from, offset: 9 * pieceBytes, bytesMax: 17 }]);
  expect(seen).toEqual([...Array.from({ length: 9 }, (_, at) => (at + 1) * pieceBytes), content.length]);
});

describe("it is over, and nothing is left under way, with", () => {
  test.each<readonly [string, Answer]>([
    ["a piece of another place", (piece) => ({ ...rightly(piece), offset: piece.offset + 1 })],
    ["a piece that is too short", (piece) => ({ ...rightly(piece), bytes: new Uint8Array(3) })],
    ["no bytes at all", (piece) => ({ ...rightly(piece), bytes: new Uint8Array() })],
  ])("%s", async (_, answer) => {
    const { done, written, underWay } = fetching(answer);
    await expect(done).rejects.toThrow("another piece of the backup");
    expect([written, underWay()]).toEqual([[], 0]);
  });

  test("a refusal in the middle", async () => {
    const { done, written } = fetching((piece) => {
      if (piece.offset >= 5 * pieceBytes) throw new Error("gone");
      return rightly(piece);
    });
    await expect(done).rejects.toThrow("gone");
    expect(written).toHaveLength(5);
  });

  test("a disk that is full here", async () => {
    const write = () => Promise.reject(new Error("no space"));
    const { done, seen, underWay } = fetching(rightly, { write });
    await expect(done).rejects.toThrow("no space");
    // What is not written is not said to be here.
    expect([seen, underWay()]).toEqual([[], 0]);
  });
});
