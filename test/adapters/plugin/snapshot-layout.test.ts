// What a snapshot's bytes must survive, and what is noticed of them.
import { describe, expect, test } from "bun:test";
import { pieceBytesMax, SnapshotReader, SnapshotWriter } from "../../../src/adapters/plugin/snapshot-layout.ts";
import { snapshotChunkBytesMax } from "../../../src/ports/state-machine.ts";

const written = (...pieces: readonly Uint8Array[]): Uint8Array => {
  const writer = new SnapshotWriter([
    { tag: 1, pieces: [Uint8Array.of(7)].values() },
    { tag: 3, pieces: pieces.values() },
  ]);
  const chunks: Uint8Array[] = [];
  for (let chunk = writer.read(); chunk !== null; chunk = writer.read()) {
    expect(chunk.length).toBeWithin(1, snapshotChunkBytesMax + 1);
    expect(chunk.buffer.byteLength).toBe(chunk.length);
    chunks.push(chunk);
  }
  return Buffer.concat(chunks);
};

/** Reads it in chunks of the size given. */
const read = (bytes: Uint8Array, chunkBytes = bytes.length): readonly string[] => {
  const pieces: string[] = [];
  const sinkOf = (tag: 1 | 3) => ({ tag, take: (piece: Uint8Array) => pieces.push(`${tag}:${[...piece].join()}`) });
  const reader = new SnapshotReader([sinkOf(1), sinkOf(3)]);
  for (let at = 0; at < bytes.length; at += chunkBytes) reader.write(bytes.subarray(at, at + chunkBytes));
  reader.end();
  return pieces;
};

const some = [Uint8Array.of(1, 2, 3), new Uint8Array(), Uint8Array.of(255)];

test("the bytes are as they are described", () => {
  expect(Buffer.from(written(...some)).toString("hex")).toBe(
    ["03", "01", "0000000107", "ffffffff", "03", "00000003010203", "00000000", "00000001ff", "ffffffff", "00"].join(""),
  );
});

test("pieces come back in order, whatever the size of the chunks", () => {
  const bytes = written(...some);
  for (let size = 1; size <= bytes.length; size++) expect(read(bytes, size)).toEqual(["1:7", "3:1,2,3", "3:", "3:255"]);
});

test("a piece may be larger than a chunk, and many small ones make small chunks", () => {
  const large = new Uint8Array(3 * snapshotChunkBytesMax + 5).fill(9);
  const small = Array.from({ length: 10_000 }, (_, nth) => Uint8Array.of(nth));
  const pieces = read(written(large, ...small), 1000);
  expect(pieces).toHaveLength(10_002);
  expect(pieces[1]).toHaveLength(2 * large.length + 1);
  expect(pieces.at(-1)).toBe(`3:${9999 & 255}`);
});

test("a source may use its memory again once a chunk is finished, wherever that is", () => {
  for (let length = snapshotChunkBytesMax - 16; length <= snapshotChunkBytesMax; length++) {
    const scratch = new Uint8Array(length);
    function* reused(): Generator<Uint8Array> {
      yield scratch.fill(1);
      yield scratch.subarray(0, 3).fill(2);
    }
    const writer = new SnapshotWriter([{ tag: 3, pieces: reused() }]);
    const taken: string[] = [];
    const reader = new SnapshotReader([
      { tag: 3, take: (piece) => taken.push(`${piece.length} ${new Set(piece).size} ${piece[0]}`) },
    ]);
    for (let chunk = writer.read(); chunk !== null; chunk = writer.read()) {
      reader.write(chunk);
      scratch.fill(9);
    }
    reader.end();
    expect(taken).toEqual([`${length} 1 1`, "3 1 2"]);
  }
});

describe("is noticed", () => {
  const bytes = written(...some);

  test("an end anywhere before the end", () => {
    for (let length = 0; length < bytes.length; length++) {
      expect(() => read(bytes.subarray(0, length), 3)).toThrow("the snapshot ends too early");
    }
  });

  test("what comes after the end", () => {
    expect(() => read(Buffer.concat([bytes, Uint8Array.of(0)]))).toThrow("the snapshot goes on after its end");
  });

  test.each([
    ["another format", 0, 1, "the snapshot has format 1, this program reads 3"],
    ["another section", 1, 3, "the snapshot has no section 3 here"],
    ["a section too few", 11, 0, "the snapshot has no section 0 here"],
    ["a section too many", 32, 3, "the snapshot has no section 3 here"],
    ["an item that is too large", 12, 0x80, "the snapshot has an item of 2147483651 bytes"],
  ])("%s", (_, at, byte, message) => {
    const changed = Uint8Array.from(bytes);
    changed[at] = byte;
    expect(() => read(changed)).toThrow(message);
  });
});

test("an item that could not be read is not written", () => {
  expect(() => written(new Uint8Array(pieceBytesMax + 1))).toThrow("an item of 67108865 bytes: 67108864 are allowed");
});
