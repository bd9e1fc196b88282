// What a sweep of the snapshots leaves: what grows, what has just been finished, and what came to be either after the sweep had
// looked what there is.
import { heapStats } from "bun:jsc";
import { afterEach, beforeEach, expect, spyOn, test } from "bun:test";
import { mkdtempSync, readdirSync, rmSync, writeFileSync } from "node:fs";
import fs from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { openFileSnapshotStore } from "../../../src/adapters/files/snapshot-store.ts";
import type { SnapshotReceiver, SnapshotStore, SnapshotWriter } from "../../../src/ports/snapshot-store.ts";
import { bytesOf, headerAt, readAll, storageErrorOf, writeSnapshot } from "../../contracts/snapshot-store.contract.ts";

let folder: string;
beforeEach(() => void (folder = mkdtempSync(join(tmpdir(), "graft-sweep-"))));
afterEach(() => rmSync(folder, { recursive: true }));

const chunks = [bytesOf(200_000, 1), bytesOf(200_000, 2)];
const namesIn = async (store: SnapshotStore): Promise<readonly string[]> =>
  (await store.list()).map(({ file }) => file);

test("a file whose other half is received while a sweep goes on is not removed under its receiver", async () => {
  const [store, leader] = [openFileSnapshotStore(join(folder, "own")), openFileSnapshotStore(join(folder, "leader"))];
  const coming = await writeSnapshot(leader, chunks, headerAt(120));
  const content = (await leader.read(coming.file, 0, coming.bytes))!;
  const before = await store.receive(coming);
  await before.write(content.subarray(0, 250_000));
  await before.pause();
  // These come before it in the order of names, and take a while.
  for (let at = 0; at < 500; at++) writeFileSync(join(folder, "own", "snapshots", `000000000001-1-${at}.snapshot`), "");
  const sweeping = store.retain([]);
  const receiver = await store.receive(coming);
  await sweeping;
  await receiver.write(content.subarray(receiver.offset));
  expect(await receiver.finish()).toMatchObject({ kind: "complete" });
  expect(await namesIn(store)).toEqual([coming.file]);
  expect(Buffer.concat(await readAll(store, coming)).equals(Buffer.concat(chunks))).toBe(true);
  await Promise.all([store.close(), leader.close()]);
});

test("an empty file is listed and removed like any other: a power cut may leave one", async () => {
  const store = openFileSnapshotStore(folder);
  for (const name of ["7-1-a.snapshot", "8-1-b.snapshot.writing", "9-1-c.snapshot.receiving"])
    writeFileSync(join(folder, "snapshots", name), "");
  expect(await store.list()).toEqual([
    { file: "7-1-a.snapshot", bytes: 0, isComplete: true },
    { file: "8-1-b.snapshot", bytes: 0, isComplete: false },
    { file: "9-1-c.snapshot", bytes: 0, isComplete: false },
  ]);
  await store.retain([]);
  expect(readdirSync(join(folder, "snapshots"))).toEqual([]);
  await store.close();
});

test("a sweep that is over leaves nothing behind in memory, also one that failed", async () => {
  const store = openFileSnapshotStore(folder);
  const setsAlive = (): number => {
    Bun.gc(true);
    return heapStats().objectTypeCounts["Set"] ?? 0;
  };
  const before = setsAlive();
  for (let count = 0; count < 200; count++) await store.retain([]);
  rmSync(join(folder, "snapshots"), { recursive: true });
  for (let count = 0; count < 200; count++) await store.retain([]).catch(() => {});
  expect(setsAlive() - before).toBeLessThan(50);
  await store.close();
});

test("a file that is here already is not removed while it is looked at to be received", async () => {
  const store = openFileSnapshotStore(join(folder, "own"));
  const whole = await writeSnapshot(store, chunks, headerAt(120));
  await store.retain([]);
  const receiving = store.receive(whole);
  await store.retain([]);
  expect(await (await receiving).finish()).toMatchObject({ kind: "complete" });
  expect(await namesIn(store)).toEqual([whole.file]);
  await store.close();
});

test("a file that is finished stays until a call could have named it: the next sweep leaves it, and the one after it does not", async () => {
  const store = openFileSnapshotStore(join(folder, "own"));
  const first = await writeSnapshot(store, chunks, headerAt(7));
  await store.retain([]);
  expect(await namesIn(store)).toEqual([first.file]);
  await store.retain([]);
  expect(await namesIn(store)).toEqual([]);
  await store.close();
});

test.each<
  [string, (store: SnapshotStore, from: SnapshotStore) => Promise<Pick<SnapshotReceiver | SnapshotWriter, "finish">>]
>([
  [
    "written",
    async (store) => {
      const writer = await store.create(headerAt(8));
      for (const chunk of chunks) await writer.write(chunk);
      return writer;
    },
  ],
  [
    "received",
    async (store, from) => {
      const file = await writeSnapshot(from, chunks, headerAt(8));
      const receiver = await store.receive(file);
      await receiver.write((await from.read(file.file, 0, file.bytes))!);
      return receiver;
    },
  ],
])(
  "a file that is %s stays while it is begun and while it gets its name, however often the folder is swept",
  async (_, grow) => {
    const [store, from] = [openFileSnapshotStore(join(folder, "own")), openFileSnapshotStore(join(folder, "leader"))];
    const sweepTwice = async (): Promise<void> => {
      for (let at = 0; at < 2; at++) await store.retain([]);
    };
    const { open, rename } = fs;
    const opening = spyOn(fs, "open").mockImplementation(async (...args) => {
      const handle = await open(...args);
      await sweepTwice();
      return handle;
    });
    const renaming = spyOn(fs, "rename").mockImplementation(async (before, after) => {
      await sweepTwice();
      await rename(before, after);
      await sweepTwice();
    });
    try {
      await (await grow(store, from)).finish();
      expect(opening).toHaveBeenCalled();
      expect(renaming).toHaveBeenCalled();
    } finally {
      opening.mockRestore();
      renaming.mockRestore();
    }
    // Only now could a call have named it.
    await store.retain([]);
    expect(await namesIn(store)).toHaveLength(1);
    await Promise.all([store.close(), from.close()]);
  },
);

test("a file that is here, and is received again, stays until that has ended", async () => {
  const store = openFileSnapshotStore(join(folder, "own"));
  const file = await writeSnapshot(store, chunks, headerAt(7));
  await store.retain([file.file]);
  const receiver = await store.receive(file);
  await store.retain([]);
  await store.retain([]);
  expect(await receiver.finish()).toMatchObject({ kind: "complete" });
  await store.retain([]);
  expect(Buffer.concat(await readAll(store, file)).equals(Buffer.concat(chunks))).toBe(true);
  await store.close();
});

test.each(["finish", "pause", "abandon"] as const)(
  "a receiver that has ended by %s does not end the next one of its file",
  async (end) => {
    const [store, leader] = [openFileSnapshotStore(join(folder, "own")), openFileSnapshotStore(join(folder, "leader"))];
    const file = await writeSnapshot(leader, chunks, headerAt(7));
    const content = (await leader.read(file.file, 0, file.bytes))!;
    // In the second round it is complete from the beginning.
    for (let round = 0; round < 2; round++) {
      const first = await store.receive(file);
      if (first.offset === 0) await first.write(content);
      await first[end]();
      const second = await store.receive(file);
      await first.pause();
      await first.abandon();
      await storageErrorOf(Promise.try(() => store.receive(file)));
      for (let at = 0; at < 3; at++) await store.retain([]);
      if (second.offset === 0) await second.write(content);
      expect(await second.finish()).toMatchObject({ kind: "complete" });
      expect(Buffer.concat(await readAll(store, file)).equals(Buffer.concat(chunks))).toBe(true);
    }
    await Promise.all([store.close(), leader.close()]);
  },
);

test("a file that becomes complete while a sweep goes on, written or received, is spared by the next one too", async () => {
  const [store, leader] = [openFileSnapshotStore(join(folder, "own")), openFileSnapshotStore(join(folder, "leader"))];
  const old = await writeSnapshot(store, chunks, headerAt(7));
  await store.retain([old.file]);
  const writer = await store.create(headerAt(8));
  await writer.write(chunks[0]!);
  const coming = await writeSnapshot(leader, chunks, headerAt(9));
  const receiver = await store.receive(coming);
  await receiver.write((await leader.read(coming.file, 0, coming.bytes))!);
  const complete: string[] = [];
  const { rm } = fs;
  const removing = spyOn(fs, "rm").mockImplementationOnce(async (path, options) => {
    complete.push((await writer.finish()).file, coming.file);
    expect(await receiver.finish()).toMatchObject({ kind: "complete" });
    await rm(path, options);
  });
  try {
    await store.retain([]);
    expect(removing).toHaveBeenCalled();
  } finally {
    removing.mockRestore();
  }
  expect(await namesIn(store)).toEqual(complete);
  // Its list may be older than their names.
  await store.retain([]);
  expect(await namesIn(store)).toEqual(complete);
  await store.retain([]);
  expect(await namesIn(store)).toEqual([]);
  await Promise.all([store.close(), leader.close()]);
});
