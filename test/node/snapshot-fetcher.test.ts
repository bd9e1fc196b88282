// What does a follower make of what comes when it fetches a snapshot? Bytes only where they belong, from the leader of now, and a failure
// that is no damage accuses nobody.
import { expect, test } from "bun:test";
import { at, n2, n3, snapshotAt } from "../core/say.ts";
import { type Answer, type Circumstances, honest, setUp, turns } from "./snapshot-fetching.ts";

test("what the leader sends becomes the file that it offered", async () => {
  const { fetcher, record, files, fetched, damaged, ends, logs, clock } = await setUp(honest);
  fetcher.fetch(n2, record);
  await turns();
  expect([fetched, damaged, ends.length, logs, clock.pendingTimers]).toEqual([[record.file], [], 1, [], 0]);
  expect(files.complete.get(record.file)).toHaveLength(record.bytes);
});

test.each<readonly [string, Answer]>([
  ["a piece of another place", ({ offset }, bytes) => ({ kind: "snapshotChunk", offset: offset + 1, bytes })],
  ["an earlier piece once more", (_, bytes) => ({ kind: "snapshotChunk", offset: 0, bytes })],
  ["nothing", ({ offset }) => ({ kind: "snapshotChunk", offset, bytes: new Uint8Array() })],
  ["that it is gone", ({ file }) => ({ kind: "snapshotGone", file, reason: "no such file" })],
  ["a read of its own", (read) => read],
])("%s is not written, accuses nobody, and the next offer goes on", async (_, wrong) => {
  let count = 0;
  const { fetcher, record, clock, fetched, damaged, answerBy } = await setUp((read, bytes) =>
    // The last one: no other answer follows that would not fit.
    ++count === 3 ? wrong(read, bytes) : honest(read, bytes),
  );
  fetcher.fetch(n2, record);
  await turns();
  expect([fetched, damaged]).toEqual([[], []]);
  answerBy(honest);
  clock.advance(199);
  fetcher.fetch(n2, record);
  await turns();
  expect(fetched).toEqual([]);
  clock.advance(1);
  fetcher.fetch(n2, record);
  await turns();
  expect([fetched, damaged]).toEqual([[record.file], []]);
});

test("the same offer, which comes with every heartbeat, ends nothing and begins nothing while it is fetched", async () => {
  const { promise: connected, resolve: connect } = Promise.withResolvers<void>();
  const { fetcher, record, dialled, reads, ends, fetched, logs } = await setUp(honest, { connected });
  fetcher.fetch(n2, record);
  await turns();
  fetcher.fetch(n2, record);
  connect();
  // Each piece takes several turns.
  for (let heartbeat = 0; fetched.length === 0 && heartbeat < 100; heartbeat++) {
    fetcher.fetch(n2, record);
    await Promise.resolve();
  }
  await turns();
  expect([dialled, fetched, ends, logs]).toEqual([[n2], [record.file], ["the snapshot is read"], []]);
  expect(reads.map(({ offset }) => offset)).toEqual([0, 262_144, 524_288]);
});

test("an offer of another leader takes the place of one under way, also for the same file", async () => {
  const { fetcher, record, clock, dialled, fetched, ends } = await setUp(honest);
  fetcher.fetch(n2, record);
  fetcher.fetch(n2, record);
  fetcher.fetch(n3, record);
  await turns();
  expect([dialled, fetched]).toEqual([[n2], []]);
  expect(ends.length).toBeGreaterThan(0);
  clock.advance(200);
  fetcher.fetch(n3, record);
  await turns();
  expect([dialled, fetched]).toEqual([[n2, n3], [record.file]]);
});

test("attempts that get no further are told from the third on, until one does, and not long after the last", async () => {
  const gone: Answer = ({ file }) => ({ kind: "snapshotGone", file, reason: "the disk is broken" });
  const { fetcher, record, clock, answerBy } = await setUp(gone);
  const tryAgain = async (): Promise<string | null> => {
    clock.advance(200);
    fetcher.fetch(n2, record);
    await turns();
    return fetcher.failure;
  };
  expect([await tryAgain(), await tryAgain()]).toEqual([null, null]);
  expect(await tryAgain()).toBe("the leader cannot give it: the disk is broken");
  // One that is cut short has received more, so nothing is in its way.
  answerBy((read, bytes) => (read.offset === 0 ? honest(read, bytes) : gone(read, bytes)));
  expect(await tryAgain()).toBeNull();
  answerBy(gone);
  expect([await tryAgain(), await tryAgain()]).toEqual([null, "the leader cannot give it: the disk is broken"]);
  clock.advance(39_999);
  expect(fetcher.failure).not.toBeNull();
  clock.advance(1);
  expect(fetcher.failure).toBeNull();
  expect(await tryAgain()).not.toBeNull();
  answerBy(honest);
  expect(await tryAgain()).toBeNull();
});

test("a file that is refused again and again is told, however much of it was received", async () => {
  const wrong: Answer = ({ offset }, bytes) => ({
    kind: "snapshotChunk",
    offset,
    bytes: bytes.map((byte) => byte ^ 1),
  });
  const { fetcher, record, clock, damaged } = await setUp(wrong);
  for (const told of [false, false, true]) {
    clock.advance(1_000);
    fetcher.fetch(n2, record);
    await turns();
    expect(fetcher.failure !== null).toBe(told);
  }
  expect(fetcher.failure).toStartWith("the leader's snapshot is damaged and is not used: ");
  expect(damaged).toEqual([n2, n2, n2].map((from) => [from, record.file]));
});

test("an attempt that another offer has ended is none that failed", async () => {
  const { fetcher, record, clock, ends } = await setUp(() => null);
  for (let times = 0; times < 3; times++) {
    clock.advance(200);
    fetcher.fetch(n2, record);
    await turns();
    fetcher.fetch(n3, record);
    await turns();
  }
  expect(ends.filter((reason) => reason === "another snapshot is offered")).toHaveLength(3);
  expect(fetcher.failure).toBeNull();
});

test.each<readonly [string, Partial<Circumstances>, "taken" | "damaged" | "refused"]>([
  ["of the same snapshot", {}, "taken"],
  ["of another index", { told: { position: { index: 119, term: 3 } } }, "damaged"],
  ["of another term", { told: { position: { index: 120, term: 2 } } }, "damaged"],
  ["of another history", { told: { chain: 1 } }, "damaged"],
  ["of another time", { told: { stampMs: 2 } }, "damaged"],
  // As a recovered cluster has one.
  ["of an older configuration", { told: { configuration: snapshotAt(at(7, 1), n2).configuration } }, "taken"],
  ["of another state machine", { machine: "other" }, "refused"],
])("a file %s is held against the leader's word for it", async (_, circumstances, outcome) => {
  const { fetcher, record, fetched, damaged, logs } = await setUp(honest, circumstances);
  fetcher.fetch(n2, record);
  await turns();
  expect(fetched).toEqual(outcome === "taken" ? [record.file] : []);
  expect(damaged).toEqual(outcome === "damaged" ? [[n2, record.file]] : []);
  const about = { through: record.position.index, from: "n2", file: record.file };
  expect(logs).toEqual(outcome === "taken" ? [] : [["error", "refused n2", about]]);
});

test("a refused file is read again after pauses that double up to half a minute, and another one at once", async () => {
  const { fetcher, record, clock, dialled, damaged, answerBy } = await setUp(honest, { told: { chain: 1 } });
  const offer = async (file = record.file): Promise<number> => {
    fetcher.fetch(n2, { ...record, file });
    await turns();
    return damaged.length;
  };
  expect(await offer()).toBe(1);
  for (const [nth, pauseMs] of [200, 400, 800, 1_600, 3_200, 6_400, 12_800, 25_600, 30_000, 30_000].entries()) {
    clock.advance(pauseMs - 1);
    expect(await offer()).toBe(1 + nth);
    clock.advance(1);
    expect(await offer()).toBe(2 + nth);
  }
  answerBy(() => null);
  expect(dialled).toHaveLength(1);
  await offer("another");
  expect(dialled).toHaveLength(2);
});

test("asked for is at most a mebibyte ahead, in pieces of a quarter of one, and nothing beyond the end", async () => {
  const { fetcher, record, reads } = await setUp(() => null, { told: { bytes: 2_000_000 } });
  fetcher.fetch(n2, record);
  await turns();
  expect(reads.map(({ offset, bytesMax, file }) => [offset, bytesMax, file])).toEqual(
    [0, 262_144, 524_288, 786_432].map((offset) => [offset, 262_144, record.file]),
  );
  const small = await setUp(honest);
  small.fetcher.fetch(n2, small.record);
  await turns();
  expect(small.reads.map(({ offset, bytesMax }) => [offset, bytesMax])).toEqual([
    [0, 262_144],
    [262_144, 262_144],
    [524_288, small.record.bytes - 524_288],
  ]);
});

test("nothing is written to a disk that is nearly full, nobody is accused, and there is another attempt", async () => {
  const { fetcher, record, clock, room, files, fetched, damaged, logs } = await setUp(honest);
  room.isThere = false;
  fetcher.fetch(n2, record);
  await turns();
  expect([files.partial.get(record.file), fetched, damaged]).toEqual([undefined, [], []]);
  const reason = "the disk is nearly full, and what is left of it is for the log";
  expect(logs).toEqual([["warn", "cut n2", { through: 120, from: "n2", received: 0, reason }]]);
  room.isThere = true;
  clock.advance(200);
  fetcher.fetch(n2, record);
  await turns();
  expect(fetched).toEqual([record.file]);
});

test("one that is ended while it dials asks for nothing, and hangs up", async () => {
  const { promise: connected, resolve: connect } = Promise.withResolvers<void>();
  const { fetcher, record, reads, ends, fetched, damaged, logs } = await setUp(honest, { connected });
  fetcher.fetch(n2, record);
  await turns();
  fetcher.stop("the node stops");
  connect();
  await turns();
  expect([reads, fetched, ends.length, fetcher.failure]).toEqual([[], [], 1, null]);
  expect([damaged, logs]).toEqual([[], []]);
});

test("one that is ended while it writes a piece keeps what has come, accuses nobody, and the next one goes on there", async () => {
  const { fetcher, record, room, files, reads, fetched, damaged, logs } = await setUp(honest);
  let pieces = 0;
  // The room is asked for right before a piece is written.
  const isThere = (): boolean => {
    if (++pieces === 2) fetcher.stop("the node stops");
    return true;
  };
  Object.defineProperty(room, "isThere", { get: isThere });
  fetcher.fetch(n2, record);
  await turns();
  expect([fetched, damaged, logs, fetcher.failure]).toEqual([[], [], [], null]);
  expect(files.partial.get(record.file)).toHaveLength(524_288);
  reads.length = 0;
  fetcher.fetch(n2, record);
  await turns();
  expect(reads.map(({ offset }) => offset)).toEqual([524_288]);
  expect([fetched, damaged]).toEqual([[record.file], []]);
});

test("what comes in the moment in which it is ended is not written", async () => {
  const { fetcher, record, files, logs, answerBy } = await setUp(honest);
  answerBy((read, bytes) => {
    fetcher.stop("the node stops");
    return honest(read, bytes);
  });
  fetcher.fetch(n2, record);
  await turns();
  expect([files.partial.get(record.file), logs]).toEqual([undefined, []]);
});

test("an attempt that is ended takes no failure back that was told before", async () => {
  const { fetcher, record, clock, room } = await setUp(honest);
  room.isThere = false;
  for (let times = 0; times < 3; times++) {
    clock.advance(200);
    fetcher.fetch(n2, record);
    await turns();
  }
  const failure = "the disk is nearly full, and what is left of it is for the log";
  expect(fetcher.failure).toBe(failure);
  clock.advance(200);
  fetcher.fetch(n2, record);
  fetcher.stop("another snapshot is offered");
  await turns();
  expect(fetcher.failure).toBe(failure);
});

test("what an earlier attempt has received in full is finished without a connection", async () => {
  const { fetcher, record, files, dialled, fetched, clock } = await setUp(honest);
  fetcher.fetch(n2, record);
  await turns();
  clock.advance(200);
  files.partial.set(record.file, files.complete.get(record.file)!);
  files.complete.clear();
  fetcher.fetch(n3, record);
  await turns();
  expect([dialled, fetched]).toEqual([[n2], [record.file, record.file]]);
  expect(files.complete.get(record.file)).toHaveLength(record.bytes);
});

test("a piece is on the disk before the next one is looked at, and what the disk says ends the attempt", async () => {
  const writes: PromiseWithResolvers<void>[] = [];
  const written = (): Promise<void> => {
    writes.push(Promise.withResolvers());
    return writes.at(-1)!.promise;
  };
  const { fetcher, record, clock, files, fetched, damaged, logs, ends } = await setUp(honest, { written });
  fetcher.fetch(n2, record);
  await turns();
  expect([writes.length, files.partial.get(record.file)]).toEqual([1, undefined]);
  writes[0]!.resolve();
  await turns();
  expect([writes.length, files.partial.get(record.file)?.byteLength]).toEqual([2, 262_144]);
  writes[1]!.reject(new Error("the disk is gone"));
  await turns();
  expect(logs).toEqual([
    ["warn", "cut n2", { through: 120, from: "n2", received: 262_144, reason: "the disk is gone" }],
  ]);
  expect([writes.length, ends.length, fetched, damaged]).toEqual([2, 1, [], []]);
  // Nothing of that attempt is under way any more.
  clock.advance(200);
  fetcher.fetch(n2, record);
  for (let pieces = 0; pieces < 4; pieces++) {
    await turns();
    writes.at(-1)!.resolve();
  }
  await turns();
  expect(fetched).toEqual([record.file]);
});
