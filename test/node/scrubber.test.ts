// Rot is found while the other copies are sound: the scrub reads the whole log and the snapshot, seldom and slowly.
import { afterEach, describe, expect, test } from "bun:test";
import { readFileSync, writeFileSync } from "node:fs";
import { ManualClock } from "../doubles/manual-clock.ts";
import { createMemoryLogStore } from "../../src/sim/memory/log-store.ts";
import { createMemorySnapshotFiles, type MemorySnapshotFiles } from "../../src/sim/memory/snapshot-store.ts";
import { restore } from "../../src/core/restore.ts";
import { toMemberKey } from "../../src/core/configuration.ts";
import type { State } from "../../src/core/state.ts";
import { entryBytes } from "../../src/core/entry.ts";
import { GraftError } from "../../src/errors.ts";
import { Scrubber } from "../../src/node/scrubber.ts";
import type { LogStore, SavedState } from "../../src/ports/log-store.ts";
import { createDataDirectory } from "../adapters/sqlite/data-directory.ts";
import { starting } from "../core/build.ts";
import { append, commands, found, ignoreDurable, snapshotAt, truncate } from "../contracts/log-entries.ts";
import { afterMicrotasks, Cluster, type Member } from "./cluster.ts";

const three = ["n1", "n2", "n3"] as const;
const hourMs = 3_600_000;
/** Between the scrubs of a whole cluster: the shorter, the fewer heartbeats are simulated. */
const minuteMs = 60_000;

let open: Cluster | null = null;
afterEach(async () => {
  await open?.stopAll();
  open = null;
});

/** A cluster with a log of some entries, and a snapshot on each node. */
async function scrubbing(files: ReadonlyMap<string, MemorySnapshotFiles>): Promise<Cluster> {
  const cluster = new Cluster(three, { tailEntriesMax: 3 });
  open = cluster;
  cluster.scrubIntervalMs = minuteMs;
  cluster.snapshotPolicy = { everyEntries: 8, everyBytes: 1e9 };
  for (const id of three) await cluster.start(id, { files: files.get(id)! });
  await cluster.settle();
  await cluster.electLeader();
  const client = cluster.client(cluster.leader.id);
  for (let count = 0; count < 7; count++) {
    client.command(`c${count}`);
    await cluster.settle();
  }
  await cluster.advance(200);
  return cluster;
}

const filesOfAll = (): ReadonlyMap<string, MemorySnapshotFiles> =>
  new Map(three.map((id) => [id, createMemorySnapshotFiles()]));
const countOf = ({ logs }: Member, line: string): number => logs.filter((each) => each === line).length;

describe("a scrub", () => {
  test("comes once in each interval, on every node, and says what it has read", async () => {
    const cluster = await scrubbing(filesOfAll());
    await cluster.advance(3 * minuteMs, 500);
    for (const member of cluster.members.values()) {
      expect(countOf(member, "info scrubbed")).toBeGreaterThanOrEqual(2);
      expect(countOf(member, "info scrubbed")).toBeLessThanOrEqual(3);
      expect(member.end).toBeNull();
    }
  });

  test("finds that the snapshot has rotted, and another one takes its place though nothing has been applied since", async () => {
    const files = filesOfAll();
    const cluster = await scrubbing(files);
    const sick = cluster.followers[0]!;
    const { file } = sick.node.state.snapshot!;
    const { complete } = files.get(sick.id)!;
    const sound = complete.get(file)!;
    complete.set(
      file,
      sound.map((byte, at) => (at === 300 ? byte ^ 1 : byte)),
    );
    await cluster.advance(minuteMs, 500);
    expect(complete.get(file)).toEqual(sound);
    expect(sick.end).toBeNull();
    expect(sick.logs.some((line) => line.startsWith("warn this node's snapshot is damaged"))).toBe(true);
  });

  test("goes the way of all damage when an entry of the log has rotted", async () => {
    const cluster = await scrubbing(filesOfAll());
    const sick = cluster.followers[0]!;
    sick.store.read = () => {
      throw new GraftError("storage", "The log is damaged at entry 7");
    };
    await cluster.advance(minuteMs, 500);
    expect(sick.end).toMatchObject({ error: { message: "The log is damaged at entry 7" } });
  });
});

/** Of a node that has no snapshot. */
function scrubberOf(
  saved: SavedState,
  {
    read,
    ...more
  }: {
    clock: ManualClock;
    read: LogStore["read"];
    failed: (error: unknown) => void;
    intervalMs?: number;
    state?: () => State;
  },
): Scrubber {
  const state = stateOf(saved);
  const none = (): never => {
    throw new Error("there is no snapshot");
  };
  return new Scrubber({
    intervalMs: hourMs,
    store: { read },
    snapshots: { contents: none },
    logger: { enabled: () => true, log: () => {} },
    state: () => state,
    snapshotDamaged: none,
    ...more,
  });
}

const stateOf = (saved: SavedState): State => restore(saved, starting({ self: toMemberKey("n1", saved.incarnation) }));

test("a scrub never comes when the interval is 0", () => {
  const { saved } = createMemoryLogStore({ incarnation: "a" });
  const clock = new ManualClock();
  const never = (): never => {
    throw new Error("nothing is read");
  };
  scrubberOf(saved, { clock, read: never, failed: never, intervalMs: 0 }).start();
  expect(clock.pendingTimers).toBe(0);
});

test("a flipped bit anywhere in a log of a real file is found, and is read in steps between which others have their turn", async () => {
  const directory = createDataDirectory();
  const writer = directory.open();
  writer.write([found(), append(...commands(1, 3000, 1, 1024))], ignoreDurable);
  writer.close();
  const bytes = readFileSync(directory.file);
  bytes[bytes.lastIndexOf("entry 2999 term 1") + 500]! ^= 1;
  writeFileSync(directory.file, bytes);
  const store = directory.open();
  const failures: unknown[] = [];
  let steps = 0;
  const clock = new ManualClock();
  const read: LogStore["read"] = (...range) => (steps++, store.read(...range));
  const scrubber = scrubberOf(store.saved, { clock, read, failed: (error) => void failures.push(error) });
  scrubber.start();
  clock.advance(hourMs);
  for (let pauses = 0; failures.length === 0 && pauses < 100; pauses++) {
    await afterMicrotasks();
    clock.advance(50);
  }
  expect(failures).toEqual([expect.objectContaining({ message: expect.stringMatching(/damaged at entry 2999/) })]);
  expect(steps).toBeGreaterThan(5);
  scrubber.stop();
  store.close();
  directory.remove();
});

test("a log that is cut at its end while it is scrubbed is read as far as it still goes, and what came since is left out", async () => {
  const store = createMemoryLogStore({ incarnation: "a", autoDurable: true });
  store.write([found(), append(...commands(1, 3000, 1, 1024))], ignoreDurable);
  let state = stateOf(store.reopen());
  const clock = new ManualClock();
  const failures: unknown[] = [];
  const lasts: number[] = [];
  const read: LogStore["read"] = (...range) => {
    const entries = store.read(...range);
    lasts.push(entries.at(-1)!.index);
    return entries;
  };
  const failed = (error: unknown): void => void failures.push(error);
  const scrubber = scrubberOf(store.saved, { clock, read, failed, state: () => state });
  scrubber.start();
  const untilRead = async (isEnough: () => boolean): Promise<void> => {
    for (let pauses = 0; !isEnough() && pauses < 100; pauses++) {
      await afterMicrotasks();
      clock.advance(50);
    }
  };
  clock.advance(hourMs);
  await untilRead(() => lasts.length === 2);
  // Another leader's entries take the place of the last thousand.
  store.write([truncate(2000), append(...commands(2001, 2500, 2, 1024))], ignoreDurable);
  state = stateOf(store.reopen());
  await untilRead(() => lasts.at(-1) === 2500);
  await untilRead(() => false);
  expect([failures, lasts.at(-1)]).toEqual([[], 2500]);
  // What is appended in a scrub has just been written: the next one reads it.
  const count = lasts.length;
  clock.advance(hourMs);
  await untilRead(() => lasts.length === count + 2);
  store.write([append(...commands(2501, 2600, 2, 1024))], ignoreDurable);
  state = stateOf(store.reopen());
  await untilRead(() => false);
  expect([failures, lasts.at(-1)]).toEqual([[], 2500]);
  scrubber.stop();
});

test("a scrub that is stopped lets go of the snapshot that it reads, and reads nothing more", async () => {
  const store = createMemoryLogStore({ incarnation: "a", autoDurable: true });
  const state = { ...stateOf(store.reopen()), snapshot: snapshotAt({ index: 7, term: 1 }, 4711) };
  const clock = new ManualClock();
  const failures: unknown[] = [];
  const seen = { chunks: 0, isClosed: false };
  const contents = async function* (): AsyncGenerator<Uint8Array, void> {
    try {
      for (; ; seen.chunks++) yield new Uint8Array(10);
    } finally {
      seen.isClosed = true;
    }
  };
  const scrubber = new Scrubber({
    intervalMs: hourMs,
    store,
    snapshots: { contents },
    clock,
    logger: { enabled: () => true, log: () => {} },
    state: () => state,
    snapshotDamaged: () => Promise.reject(new Error("it is sound")),
    failed: (error) => void failures.push(error),
  });
  scrubber.start();
  clock.advance(hourMs);
  for (let pauses = 0; seen.chunks < 3 && pauses < 100; pauses++) {
    await afterMicrotasks();
    clock.advance(50);
  }
  // It pauses now, for longer than the test lasts.
  await afterMicrotasks();
  const { chunks } = seen;
  expect([chunks > 2, seen.isClosed]).toEqual([true, false]);
  scrubber.stop();
  await afterMicrotasks();
  expect([seen.isClosed, clock.pendingTimers]).toEqual([true, 0]);
  clock.advance(2 * hourMs);
  await afterMicrotasks();
  expect([seen.chunks, failures]).toEqual([chunks, []]);
});

interface Line {
  readonly message: string;
  readonly fields: unknown;
  readonly atMs: number;
}

/** Of a node with a log of ten entries behind a snapshot of three chunks. */
function alone(more: Partial<ConstructorParameters<typeof Scrubber>[0]> = {}, random = 0) {
  const store = createMemoryLogStore({ incarnation: "a", autoDurable: true });
  const entries = commands(1, 10, 1, 1024);
  store.write([found(), append(...entries)], ignoreDurable);
  const snapshot = snapshotAt({ index: 7, term: 1 }, 4711);
  const world = { state: { ...stateOf(store.reopen()), snapshot: snapshot as State["snapshot"] } };
  const clock = new ManualClock();
  clock.randomBytes = (count) => new Uint8Array(count).fill(random);
  const [lines, told]: [Line[], unknown[]] = [[], []];
  const contents = async function* (): AsyncGenerator<Uint8Array, void> {
    for (const bytes of [10, 20, 30]) yield new Uint8Array(bytes);
  };
  const scrubber = new Scrubber({
    intervalMs: hourMs,
    store,
    snapshots: { contents },
    clock,
    logger: {
      enabled: () => true,
      log: (_, message, fields) => void lines.push({ message, fields, atMs: clock.nowMs() }),
    },
    state: () => world.state,
    snapshotDamaged: async (damaged, finding) => void told.push(["damaged", damaged, finding]),
    failed: (error) => void told.push(["failed", error]),
    ...more,
  });
  /** Long enough for a whole scrub. */
  const scrub = async (): Promise<void> => {
    for (let pauses = 0; pauses < 20; pauses++) {
      await afterMicrotasks();
      clock.advance(50);
    }
  };
  scrubber.start();
  return { scrubber, clock, world, snapshot, entries, lines, told, scrub };
}

test.each([
  [0, hourMs / 256],
  [127, hourMs / 2],
  [255, hourMs],
])(
  "the first scrub comes in the part of the interval that chance names, %d, and another one an interval after each",
  async (random, firstMs) => {
    const { clock, entries, lines, told, scrub, scrubber } = alone({}, random);
    clock.advance(firstMs - 1);
    expect(lines).toEqual([]);
    clock.advance(1);
    expect(lines).toEqual([{ message: "scrubbing the log and the snapshot", fields: undefined, atMs: firstMs }]);
    await scrub();
    const bytes = entries.reduce((sum, entry) => sum + entryBytes(entry), 0);
    // Two pauses for the log, and one behind each chunk.
    const fields = { entries: 10, bytes, snapshotBytes: 60, ms: 250 };
    expect(lines.slice(1)).toEqual([{ message: "scrubbed", fields, atMs: firstMs + 250 }]);
    clock.advance(firstMs + 250 + hourMs - 1 - clock.nowMs());
    expect(lines).toHaveLength(2);
    clock.advance(1);
    expect(lines).toHaveLength(3);
    await scrub();
    expect([lines.length, told, clock.pendingTimers]).toEqual([4, [], 1]);
    scrubber.stop();
    expect(clock.pendingTimers).toBe(0);
  },
);

const rotten = new GraftError("damaged", "its checksum is wrong");
const broken = new Error("a fault of this program");
test.each<readonly [string, Error, boolean, unknown[][]]>([
  ["that is damaged is told, and the scrubs go on", rotten, false, [["damaged", "its checksum is wrong"]]],
  ["that another one has replaced meanwhile may be gone", rotten, true, []],
  ["whose reading breaks the program ends the scrubs", broken, false, [["failed", broken]]],
  ["whose reading breaks the program ends them also once it is replaced", broken, true, [["failed", broken]]],
])("a snapshot %s", async (_, error, isReplaced, expected) => {
  const contents = async function* (): AsyncGenerator<Uint8Array, void> {
    yield new Uint8Array(10);
    if (isReplaced) world.state = { ...world.state, snapshot: snapshotAt({ index: 8, term: 1 }, 4711) };
    throw error;
  };
  const { clock, world, snapshot, lines, told, scrub } = alone({ snapshots: { contents } });
  clock.advance(hourMs / 256);
  await scrub();
  expect(told.map((each) => (each as readonly unknown[]).filter((part) => part !== snapshot))).toEqual(expected);
  expect([lines.length, clock.pendingTimers]).toEqual(error === broken ? [1, 0] : [2, 1]);
});

test("a snapshot that is replaced between two reads is read no further", async () => {
  const { clock, world, lines, told, scrub } = alone();
  clock.advance(hourMs / 256);
  for (let pauses = 0; pauses < 3; pauses++) {
    await afterMicrotasks();
    if (pauses === 2) world.state = { ...world.state, snapshot: null };
    clock.advance(50);
  }
  await scrub();
  expect(lines.at(-1)).toMatchObject({ message: "scrubbed", fields: { snapshotBytes: 10 } });
  expect(told).toEqual([]);
});

test("what fails once the node has stopped is no failure of the node", async () => {
  const closed = (): never => {
    throw new Error("the store is closed");
  };
  const { clock, scrubber, told, lines, scrub } = alone({
    snapshots: {
      contents: async function* () {
        yield new Uint8Array(1);
        scrubber.stop();
        closed();
      },
    },
  });
  clock.advance(hourMs / 256);
  await scrub();
  expect([told, lines.length, clock.pendingTimers]).toEqual([[], 1, 0]);
});

test("a scrub that is stopped is not said to be done", async () => {
  const { clock, scrubber, told, lines, scrub } = alone();
  clock.advance(hourMs / 256);
  await afterMicrotasks();
  scrubber.stop();
  await scrub();
  expect([told, lines.length, clock.pendingTimers]).toEqual([[], 1, 0]);
});
