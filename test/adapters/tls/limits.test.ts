// The bounds that a node runs with must fit together: each line here is a promise that another file makes of them.
import { expect, test } from "bun:test";
import { frameBytesMax, payloadBytesMax } from "../../../src/adapters/cbor/limits.ts";
import { defaultLimits } from "../../../src/adapters/tls/limits.ts";

const mebibyte = 1024 * 1024;
const {
  handshakeTimeoutMs,
  frameTimeoutMs,
  partNoticeMs,
  stallTimeoutMs,
  keepAliveMs,
  silenceMs,
  lingerMs,
  sweepMs,
  bulkIdleMs,
  backoffMinMs,
  backoffMaxMs,
  ...sizes
} = defaultLimits;

test("a peer that lives is never taken for gone: several signs of life fit into the silence", () => {
  expect(silenceMs).toBeGreaterThanOrEqual(4 * keepAliveMs + 2 * sweepMs);
});

test("the sweep is finer than what it measures", () => {
  for (const ms of [handshakeTimeoutMs, frameTimeoutMs, stallTimeoutMs, keepAliveMs, silenceMs, lingerMs, bulkIdleMs])
    expect(ms).toBeGreaterThanOrEqual(4 * sweepMs);
});

test("times are those of people who wait: none is longer than a minute, and no attempt is further away than a second", () => {
  for (const ms of [handshakeTimeoutMs, frameTimeoutMs, stallTimeoutMs, silenceMs])
    expect(ms).toBeLessThanOrEqual(10_000);
  expect(bulkIdleMs).toBeLessThanOrEqual(60_000);
  expect([backoffMaxMs <= 1_000, backoffMinMs <= 50, backoffMinMs > 0, partNoticeMs <= 100]).toEqual([
    true,
    true,
    true,
    true,
  ]);
});

test("a single frame of each kind fits into its queue, and a large result behind another", () => {
  expect(sizes.peerQueueBytesMax).toBeGreaterThanOrEqual(2 * frameBytesMax("peer"));
  expect(sizes.bulkQueueBytesMax).toBeGreaterThanOrEqual(2 * frameBytesMax("bulk"));
  expect(sizes.clientQueueBytesMax).toBeGreaterThanOrEqual(2 * payloadBytesMax);
  expect(sizes.clientsArrivingBytesMax).toBeGreaterThanOrEqual(2 * frameBytesMax("request"));
  expect(sizes.clientQueuesBytesMax).toBeGreaterThanOrEqual(2 * sizes.clientQueueBytesMax);
});

test("one turn of the loop neither reads nor writes so much that a heartbeat would be late", () => {
  const { requestsTurnBytes, clientsTurnBytes, bulkPieceBytes, requestsTurnMs } = sizes;
  for (const bytes of [requestsTurnBytes, clientsTurnBytes]) {
    expect(bytes).toBeLessThanOrEqual(8 * mebibyte);
    expect(bytes).toBeGreaterThanOrEqual(mebibyte);
  }
  expect(bulkPieceBytes).toBeLessThanOrEqual(mebibyte);
  expect(requestsTurnMs).toBeLessThanOrEqual(10);
});

test("nothing changes them while a node runs", () => {
  expect(Object.isFrozen(defaultLimits)).toBe(true);
});
