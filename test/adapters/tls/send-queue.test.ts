// What waits for one socket: in order, through partial writes, and never more than allowed.
import { expect, test } from "bun:test";
import { SendQueue } from "../../../src/adapters/tls/send-queue.ts";

/** A socket that takes `room` bytes at a time. */
function sink(): {
  taken: number[];
  take: (room: number) => (buffer: Uint8Array, at: number, length: number) => number;
} {
  const taken: number[] = [];
  const take = (room: number) => (buffer: Uint8Array, at: number, length: number) => {
    const count = Math.min(room, length);
    for (const byte of buffer.subarray(at, at + count)) taken.push(byte);
    return count;
  };
  return { taken, take };
}

test("bytes leave in order through writes of any size, while more are queued", () => {
  const queue = new SendQueue(1 << 20);
  const { taken, take } = sink();
  const expected: number[] = [];
  for (let k = 0; k < 3_000; k += 1) {
    const frame = new Uint8Array((k % 37) + 1).fill(k % 251);
    expected.push(...frame);
    expect(queue.push(frame)).toBe(true);
    queue.writeTo(take((k * 7) % 29));
  }
  while (queue.bytes > 0) queue.writeTo(take(1_000));
  expect(taken).toEqual(expected);
});

test("P54: beyond its bound nothing is taken, but a single frame always fits", () => {
  const queue = new SendQueue(100);
  expect(queue.push(new Uint8Array(5_000))).toBe(true);
  expect(queue.push(new Uint8Array(1))).toBe(false);
  queue.writeTo((_, __, length) => length);
  expect(queue.push(new Uint8Array(60))).toBe(true);
  expect(queue.push(new Uint8Array(40))).toBe(true);
  expect(queue.push(new Uint8Array(1))).toBe(false);
  expect(queue.bytes).toBe(100);
});

test("a closed socket takes nothing", () => {
  const queue = new SendQueue(100);
  queue.push(new Uint8Array(10));
  expect(queue.writeTo(() => -1)).toBe(0);
  expect(queue.bytes).toBe(10);
});

test("small and large frames leave in order, the large ones without a copy, the small ones of a turn in one write", () => {
  const queue = new SendQueue(1 << 24);
  const large = new Uint8Array(100_000).fill(2);
  for (const frame of [new Uint8Array(10).fill(1), new Uint8Array(30_000).fill(1), large, Uint8Array.of(3)]) {
    queue.push(frame);
  }
  const writes: number[] = [];
  const write = (buffer: Uint8Array, at: number, length: number): number => {
    writes.push(buffer[at]!, length);
    if (buffer[at] === 2) expect(buffer).toBe(large);
    return length;
  };
  expect(queue.writeTo(write, 50_000)).toBe(50_000);
  expect(queue.writeTo(write)).toBe(80_011);
  expect(writes).toEqual([1, 30_010, 2, 19_990, 2, 80_010, 3, 1]);
});

test.each([10, 30_000, 40_000, 100_000])(
  "a frame of %i bytes stays as it is, whatever is queued after it has left: others may send it, too",
  (bytes) => {
    const queue = new SendQueue(1 << 24);
    const frame = new Uint8Array(bytes).fill(1);
    queue.push(frame);
    queue.writeTo((_, __, length) => length);
    for (let nth = 0; nth < 3; nth++) queue.push(new Uint8Array(10).fill(2));
    expect(frame.every((byte) => byte === 1)).toBe(true);
  },
);

test("what is written over a buffer that is used again is never what still waits", () => {
  const queue = new SendQueue(1 << 24);
  const { taken, take } = sink();
  const expected: number[] = [];
  let next = 0;
  for (let round = 0; round < 40; round++) {
    for (let count = (round * 7) % 5; count >= 0; count--) {
      const frame = new Uint8Array((round * 9_973 + count * 1_009) % 40_000).fill(next++ % 251);
      for (const byte of frame) expected.push(byte);
      queue.push(frame);
    }
    queue.writeTo(take((round * 7_919) % 30_000), (round % 3) * 100_000);
  }
  while (queue.bytes > 0) queue.writeTo(take(30_000));
  expect(Bun.hash(Uint8Array.from(taken))).toBe(Bun.hash(Uint8Array.from(expected)));
});

test("a tally knows what waits in all queues that share it, until they leave it", () => {
  const tally = { bytes: 0 };
  const [one, other] = [new SendQueue(1 << 20), new SendQueue(1 << 20)];
  one.push(new Uint8Array(100));
  one.countIn(tally);
  other.countIn(tally);
  other.push(new Uint8Array(30_000));
  other.writeTo((_, __, length) => length, 500);
  other.writeTo(() => -1);
  expect(tally.bytes).toBe(29_600);
  one.clear();
  expect(tally.bytes).toBe(29_500);
  other.countIn({ bytes: 0 });
  other.push(new Uint8Array(7));
  expect([tally.bytes, other.bytes]).toEqual([0, 29_507]);
});
