// What a scrub makes of a snapshot that cannot be read: damage of the latest one is told, and the end of a replaced one is none. And that
// it leaves nothing out, and is over when what it found has been seen to.
import { expect, test } from "bun:test";
import { restore } from "../../src/core/restore.ts";
import type { SnapshotRecord } from "../../src/core/snapshot-record.ts";
import { toMemberKey } from "../../src/core/configuration.ts";
import type { State } from "../../src/core/state.ts";
import { GraftError } from "../../src/errors.ts";
import { Scrubber } from "../../src/node/scrubber.ts";
import { createMemoryLogStore } from "../../src/sim/memory/log-store.ts";
import { append, commands, found, ignoreDurable } from "../contracts/log-entries.ts";
import { starting } from "../core/build.ts";
import { snapshotAt } from "../core/say.ts";
import { ManualClock } from "../doubles/manual-clock.ts";
import { afterMicrotasks } from "./cluster.ts";

const intervalMs = 1_000;

/** A scrub of this snapshot; `read` plays its file. Returns the snapshots that were called damaged, and what ended the node. */
async function scrubbed(snapshot: SnapshotRecord, read: (replace: () => void) => AsyncGenerator<Uint8Array, void>) {
  const { saved } = createMemoryLogStore({ incarnation: "a" });
  const self = toMemberKey("n1", saved.incarnation);
  let state = { ...restore(saved, starting({ self })), snapshot };
  const later = snapshotAt({ index: snapshot.position.index + 5, term: 1 });
  const damaged: string[] = [];
  const failures: unknown[] = [];
  const scrubs: string[] = [];
  const clock = new ManualClock();
  const scrubber = new Scrubber({
    intervalMs,
    store: { read: () => [] },
    snapshots: { contents: () => read(() => void (state = { ...state, snapshot: later })) },
    clock,
    logger: { enabled: () => true, log: (_, message) => void scrubs.push(message) },
    state: () => state,
    snapshotDamaged: async ({ file }, finding) => void damaged.push(`${file}: ${finding}`),
    failed: (error) => void failures.push(error),
  });
  scrubber.start();
  for (let passed = 0; passed < 10 * intervalMs && !scrubs.includes("scrubbed"); passed += 10) {
    clock.advance(10);
    await afterMicrotasks();
  }
  scrubber.stop();
  await afterMicrotasks();
  return { damaged, failures, scrubs };
}

const snapshot = snapshotAt({ index: 4, term: 1 });
const isMissing = (): GraftError => new GraftError("damaged", "it is missing");
const whole = ["scrubbing the log and the snapshot", "scrubbed"];

test("a snapshot that is replaced while it is read, and whose file goes, is not called damaged", async () => {
  const read = async function* (replace: () => void) {
    yield new Uint8Array(10);
    replace();
    throw isMissing();
  };
  expect(await scrubbed(snapshot, read)).toEqual({ damaged: [], failures: [], scrubs: whole });
});

test("a snapshot that was replaced before its file could be opened is not called damaged", async () => {
  // oxlint-disable-next-line require-yield -- it has nothing to give
  const read = async function* (replace: () => void) {
    replace();
    throw isMissing();
  };
  expect(await scrubbed(snapshot, read)).toEqual({ damaged: [], failures: [], scrubs: whole });
});

test("a snapshot that cannot be read and is still the latest is called damaged, once", async () => {
  const read = async function* () {
    yield new Uint8Array(10);
    throw isMissing();
  };
  const damaged = [`${snapshot.file}: it is missing`];
  expect(await scrubbed(snapshot, read)).toEqual({ damaged, failures: [], scrubs: whole });
});

/** A scrubber of a log of ten entries that is read one by one, and of a snapshot that is damaged. */
function oneByOne(
  snapshotDamaged: () => Promise<void> = () => Promise.resolve(),
  /** The state after so many entries have been read. */
  after: (state: State, count: number) => State = (state) => state,
) {
  const store = createMemoryLogStore({ incarnation: "a", autoDurable: true });
  store.write([found(), append(...commands(1, 10, 1, 100))], ignoreDurable);
  const saved = store.reopen();
  const state = { ...restore(saved, starting({ self: toMemberKey("n1", saved.incarnation) })), snapshot };
  const read: number[] = [];
  const lines: unknown[] = [];
  const failures: unknown[] = [];
  const clock = new ManualClock();
  const scrubber = new Scrubber({
    intervalMs,
    store: {
      read: (first) => {
        read.push(first);
        return store.read(first, first, 1e9);
      },
    },
    snapshots: {
      contents: async function* () {
        yield new Uint8Array(10);
        throw isMissing();
      },
    },
    clock,
    logger: { enabled: () => true, log: (_, message, fields) => void lines.push([message, fields?.["entries"]]) },
    state: () => after(state, read.length),
    snapshotDamaged,
    failed: (error) => void failures.push(error),
  });
  /** As long as one scrub takes, and no longer than to the next one. */
  const scrub = async (): Promise<void> => {
    scrubber.start();
    clock.advance(intervalMs);
    for (let passed = 0; passed < intervalMs - 50; passed += 50) {
      await afterMicrotasks();
      clock.advance(50);
    }
    await afterMicrotasks();
  };
  return { scrubber, scrub, clock, lines, failures, read };
}

const begun = ["scrubbing the log and the snapshot", undefined];

test("the last entry is read too, also in a step of its own", async () => {
  const { scrub, scrubber, lines } = oneByOne();
  await scrub();
  expect(lines).toEqual([begun, ["scrubbed", 10]]);
  scrubber.stop();
});

test("what is cut off the log at its beginning while it is read is not read any more", async () => {
  const { scrub, scrubber, read, failures } = oneByOne(undefined, (state, count) =>
    count < 3 ? state : { ...state, log: { ...state.log, base: { index: 7, term: 1 } } },
  );
  await scrub();
  expect([read, failures]).toEqual([[1, 2, 3, 8, 9, 10], []]);
  scrubber.stop();
});

test("nor is what has been replaced at its end, and is not on the disk yet", async () => {
  const { scrub, scrubber, read, failures } = oneByOne(undefined, (state, count) =>
    count < 3 ? state : { ...state, durability: { ...state.durability, persistedIndex: 4 } },
  );
  await scrub();
  expect([read, failures]).toEqual([[1, 2, 3, 4], []]);
  scrubber.stop();
});

test("a scrub is over when what it has found has been seen to", async () => {
  const { promise, reject } = Promise.withResolvers<void>();
  const { scrub, lines, failures, clock } = oneByOne(() => promise);
  await scrub();
  expect([lines, failures, clock.pendingTimers]).toEqual([[begun], [], 0]);
  const broken = new Error("a fault of this program");
  reject(broken);
  await afterMicrotasks();
  expect([lines, failures, clock.pendingTimers]).toEqual([[begun], [broken], 0]);
});

test("a node that has stopped scrubs no more", async () => {
  const { scrubber, scrub, lines, clock } = oneByOne();
  scrubber.stop();
  await scrub();
  expect([lines, clock.pendingTimers]).toEqual([[], 0]);
});
