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

test("times leave room for slow networks and busy machines", () => {
  for (const [ms, leastMs] of [
    [handshakeTimeoutMs, 3_000],
    [frameTimeoutMs, 5_000],
    [stallTimeoutMs, 5_000],
    [silenceMs, 3_000],
    [lingerMs, 500],
    [bulkIdleMs, 30_000],
    [keepAliveMs, 250],
    [sweepMs, 50],
    [partNoticeMs, 10],
  ] as const)
    expect(ms).toBeGreaterThanOrEqual(leastMs);
  // A node that stops waits for it.
  expect(lingerMs).toBeLessThanOrEqual(5_000);
});

test("there are places for a cluster and its clients, and no more than a process has descriptors and memory for", () => {
  const { pendingMax, clientsMax, adminsReserve, bulkLinksMax, requestsPerTurn } = sizes;
  for (const [count, least, most] of [
    [pendingMax, 64, 4_096],
    [clientsMax, 256, 16_384],
    [adminsReserve, 8, clientsMax / 4],
    [bulkLinksMax, 2, 16],
    [requestsPerTurn, 64, 16_384],
  ] as const) {
    expect(count).toBeGreaterThanOrEqual(least);
    expect(count).toBeLessThanOrEqual(most);
  }
});

test("what waits for all peers and clients together is a part of an ordinary machine's memory", () => {
  const { peerQueueBytesMax, bulkLinksMax, bulkQueueBytesMax, clientQueuesBytesMax, clientsArrivingBytesMax } = sizes;
  for (const bytes of [clientQueuesBytesMax, clientsArrivingBytesMax])
    expect(bytes).toBeLessThanOrEqual(1_024 * mebibyte);
  for (const bytes of [peerQueueBytesMax, bulkLinksMax * bulkQueueBytesMax])
    expect(bytes).toBeLessThanOrEqual(128 * mebibyte);
});

test("a client's credit ends long before its queue is full, and is not used up by a few answers", () => {
  expect(sizes.clientCreditBytes).toBeLessThanOrEqual(sizes.clientQueueBytesMax / 4);
  expect(sizes.clientCreditBytes).toBeGreaterThanOrEqual(mebibyte);
});

test("a turn does enough to be worth its while, and attempts become rarer", () => {
  expect(sizes.bulkPieceBytes).toBeGreaterThanOrEqual(16 * 1024);
  expect(sizes.requestsTurnMs).toBeGreaterThanOrEqual(1);
  expect(backoffMaxMs).toBeGreaterThanOrEqual(10 * backoffMinMs);
});

test("nothing changes them while a node runs", () => {
  expect(Object.isFrozen(defaultLimits)).toBe(true);
});
