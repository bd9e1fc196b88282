// How bytes become frames, however they are cut, and what an announced length may cost.
import { describe, expect, test } from "bun:test";
import { BadFrame } from "../../../src/adapters/cbor/codec.ts";
import { FrameSplitter } from "../../../src/adapters/tls/frame-splitter.ts";

function frame(body: Buffer): Buffer {
  const head = Buffer.alloc(4);
  head.writeUInt32BE(body.length);
  return Buffer.concat([head, body]);
}

const bodies = [0, 1, 3, 4, 5, 300, 4_091, 4_092, 4_093, 70_000].map((length, k) => Buffer.alloc(length, k + 1));
const stream = Buffer.concat(bodies.map(frame));

function split(chunks: Iterable<Buffer>, frameBytesMax = 100_000): Buffer[] {
  const splitter = new FrameSplitter(frameBytesMax);
  const found: Buffer[] = [];
  for (const chunk of chunks) {
    splitter.push(chunk, (body) => {
      found.push(Buffer.from(body));
      return true;
    });
  }
  expect(splitter.isMidFrame).toBe(false);
  return found;
}

function* inPieces(of: Buffer, size: number): Generator<Buffer> {
  for (let at = 0; at < of.length; at += size) yield of.subarray(at, at + size);
}

describe("frames are the same however the stream is cut", () => {
  test.each([1, 2, 3, 4, 5, 7, 64, 1_000, 4_096, 65_536, stream.length])("into pieces of %d bytes", (size) => {
    expect(split(inPieces(stream, size))).toEqual(bodies);
  });
});

test.each([1, 5, 1_000, 4_096, 40_000])("the longest frame that may be is whole in pieces of %d bytes", (size) => {
  for (const length of [0, 1, 4_091, 4_092, 4_093, 8_188, 8_192, 70_000]) {
    const body = Buffer.alloc(length, 7);
    expect(split(inPieces(frame(body), size), length)).toEqual([body]);
  }
});

test("a callee that has had enough gets no further frame", () => {
  let count = 0;
  new FrameSplitter(100_000).push(stream, () => {
    count += 1;
    return count < 3;
  });
  expect(count).toBe(3);
});

test("nor does it where the last frame that it gets has come in two pieces", () => {
  const three = Buffer.concat([1, 2, 3].map((fill) => frame(Buffer.alloc(10, fill))));
  for (let cut = 1; cut < 14; cut++) {
    const found: number[] = [];
    const splitter = new FrameSplitter(100);
    const take = (body: Buffer): boolean => found.push(body[0]!) < 1;
    splitter.push(three.subarray(0, cut), take);
    splitter.push(three.subarray(cut), take);
    expect(found).toEqual([1]);
  }
});

test("the memory of an incomplete frame is counted, and given up when it is let go of", () => {
  const splitter = new FrameSplitter(100_000);
  const never = (): never => {
    throw new Error("no frame is complete");
  };
  expect(splitter.partialBytes).toBe(0);
  splitter.push(frame(Buffer.alloc(70_000)).subarray(0, 60_000), never);
  expect(splitter.partialBytes).toBeGreaterThanOrEqual(60_000);
  splitter.clear();
  expect([splitter.partialBytes, splitter.isMidFrame]).toEqual([0, false]);
  // What comes next begins a frame.
  const found: number[] = [];
  splitter.push(frame(Buffer.alloc(3)), (body) => found.push(body.length) > 0);
  expect(found).toEqual([3]);
});

describe("P55: a length costs nothing until the bytes are there", () => {
  test.each([4, 7, 64])(
    "a frame that claims 4 GiB is refused before allocation, its header in pieces of %d bytes",
    (size) => {
      const claim = Buffer.concat([Buffer.from([0xff, 0xff, 0xff, 0xff]), Buffer.alloc(60)]);
      const before = process.memoryUsage().rss;
      expect(() => split(inPieces(claim, size))).toThrow(BadFrame);
      expect(process.memoryUsage().rss - before).toBeLessThan(64 * 1024 * 1024);
    },
  );

  test("the longest allowed frame is taken, one byte more is not", () => {
    expect(split([frame(Buffer.alloc(1_000))], 1_000)).toHaveLength(1);
    expect(() => split([frame(Buffer.alloc(1_001))], 1_000)).toThrow(
      "a frame of 1001 bytes is announced; at most 1000",
    );
  });

  test("thousands of announced frames of which little arrives take little", () => {
    const started = Buffer.concat([Buffer.from([0, 0xff, 0xff, 0xff]), Buffer.alloc(10)]);
    const before = process.memoryUsage().rss;
    const splitters = Array.from({ length: 2_000 }, () => new FrameSplitter(1 << 24));
    for (const splitter of splitters) splitter.push(started, () => true);
    expect(splitters.every((splitter) => splitter.isMidFrame)).toBe(true);
    // Announced: 32 GiB.
    expect(process.memoryUsage().rss - before).toBeLessThan(256 * 1024 * 1024);
  });

  test("memory of an incomplete frame follows what has arrived, and not what was announced", () => {
    const splitter = new FrameSplitter(1 << 24);
    const announced = frame(Buffer.alloc(1 << 20));
    for (let at = 0; at < announced.length - 1; at += 1_000) {
      const most = Math.max(4 * 1024, 2 * (at + 1_000));
      splitter.push(announced.subarray(at, Math.min(at + 1_000, announced.length - 1)), () => true);
      expect(splitter.partialBytes).toBeLessThanOrEqual(most);
    }
  });

  test("a long frame in small pieces is not copied again and again", () => {
    const long = frame(Buffer.alloc(8 * 1024 * 1024, 7));
    const began = performance.now();
    expect(split(inPieces(long, 100), 1 << 24)[0]?.length).toBe(8 * 1024 * 1024);
    // Copying everything anew with each of 84,000 pieces would move 350 GB.
    expect(performance.now() - began).toBeLessThan(5_000);
  });
});
