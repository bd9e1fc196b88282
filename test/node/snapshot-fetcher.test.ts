// What does a follower make of what comes when it fetches a snapshot? Bytes only where they belong, from the leader of now, and a failure
// that is no damage accuses nobody.
import { expect, test } from "bun:test";
import type { MemberKey } from "../../src/core/configuration.ts";
import type { SnapshotRecord } from "../../src/core/snapshot-record.ts";
import { SnapshotFetcher } from "../../src/node/snapshot-fetcher.ts";
import type { BulkMessage, SnapshotRead } from "../../src/ports/bulk-messages.ts";
import type { BulkLink } from "../../src/ports/transport.ts";
import { createMemorySnapshotFiles, createMemorySnapshotStore } from "../../src/sim/memory/snapshot-store.ts";
import { bytesOf, headerAt, writeSnapshot } from "../contracts/snapshot-store.contract.ts";
import { n2, n3 } from "../core/say.ts";
import { ManualClock } from "../doubles/manual-clock.ts";

const turns = async (): Promise<void> => {
  for (let turn = 0; turn < 20; turn++) await new Promise((resolve) => setImmediate(resolve));
};

/** How the leader answers one read; null: not at all. */
type Answer = (read: SnapshotRead, bytes: Uint8Array) => BulkMessage | null;

const honest: Answer = ({ offset }, bytes) => ({ kind: "snapshotChunk", offset, bytes });

async function setUp(answer: Answer) {
  const source = createMemorySnapshotStore();
  const header = headerAt(120);
  const file = await writeSnapshot(source, [bytesOf(200_000, 1), bytesOf(250_000, 2), bytesOf(200_000, 3)], header);
  const { position, stampMs, chain, configuration } = header;
  const record: SnapshotRecord = { position, stampMs, chain, configuration, ...file };
  const clock = new ManualClock();
  const files = createMemorySnapshotFiles();
  const [dialled, fetched, damaged, ends]: [MemberKey[], string[], MemberKey[], string[]] = [[], [], [], []];
  let how = answer;
  const openBulk = (to: MemberKey): Promise<BulkLink> => {
    dialled.push(to);
    const link: BulkLink = {
      isOpen: true,
      queuedBytes: 0,
      onMessage: null as ((message: BulkMessage) => void) | null,
      onClose: null as ((reason: string) => void) | null,
      send: (message) => {
        if (message.kind !== "snapshotRead") throw new Error("only reads are sent");
        const read = source.read(message.file, message.offset, message.bytesMax);
        void read.then((bytes) => receive(how(message, bytes!)));
      },
      close: (reason) => {
        ends.push(reason);
        link.onClose?.(reason);
      },
    };
    const receive = (reply: BulkMessage | null): void => void (reply !== null && link.onMessage?.(reply));
    return Promise.resolve(link);
  };
  const fetcher = new SnapshotFetcher({
    transport: { openBulk },
    snapshots: createMemorySnapshotStore(files),
    clock,
    logger: { enabled: () => false, log: () => {} },
    hasRoom: () => true,
    machine: () => header.plugin.name,
    fetched: ({ file: name }) => void fetched.push(name),
    damaged: (from) => void damaged.push(from),
  });
  const answerBy = (next: Answer): void => void (how = next);
  return { fetcher, record, clock, files, dialled, fetched, damaged, ends, answerBy };
}

test("what the leader sends becomes the file that it offered", async () => {
  const { fetcher, record, files, fetched, damaged } = await setUp(honest);
  fetcher.fetch(n2, record);
  await turns();
  expect([fetched, damaged, fetcher.progress]).toEqual([[record.file], [], null]);
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
    ++count === 2 ? wrong(read, bytes) : honest(read, bytes),
  );
  fetcher.fetch(n2, record);
  await turns();
  expect([fetched, damaged, fetcher.progress]).toEqual([[], [], null]);
  answerBy(honest);
  fetcher.fetch(n2, record);
  await turns();
  expect(fetched).toEqual([]);
  clock.advance(200);
  fetcher.fetch(n2, record);
  await turns();
  expect([fetched, damaged]).toEqual([[record.file], []]);
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
  clock.advance(60_000);
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
  expect(damaged).toEqual([n2, n2, n2]);
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
