// Every file that is opened is closed again, whatever comes of it: a node that runs for months would run out of descriptors.
import { afterEach, beforeEach, expect, spyOn, test } from "bun:test";
import { mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import fs from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { createBackup, readBackup } from "../../../src/adapters/files/backup-file.ts";
import { openFileSnapshotStore, verifySnapshot } from "../../../src/adapters/files/snapshot-store.ts";
import { takeName } from "../../../src/adapters/files/take-name.ts";
import type { SnapshotFile, SnapshotStore } from "../../../src/ports/snapshot-store.ts";
import { bytesOf, headerAt, readAll, storageErrorOf, writeSnapshot } from "../../contracts/snapshot-store.contract.ts";

interface Place {
  readonly folder: string;
  readonly dataDir: string;
  readonly store: SnapshotStore;
  /** A snapshot in the store, its path and its bytes. */
  readonly file: SnapshotFile;
  readonly path: string;
  readonly bytes: Uint8Array;
}

let place: Place;
beforeEach(async () => {
  const folder = mkdtempSync(join(tmpdir(), "graft-open-"));
  const dataDir = join(folder, "data");
  const store = openFileSnapshotStore(dataDir);
  const file = await writeSnapshot(store, [bytesOf(400_000), bytesOf(300_000, 2)]);
  const path = join(dataDir, "snapshots", file.file);
  place = { folder, dataDir, store, file, path, bytes: readFileSync(path) };
});
afterEach(() => rmSync(place.folder, { recursive: true }));

/** How many of the files that were opened in the meantime are still open. */
async function leftOpen(work: () => Promise<unknown>): Promise<number> {
  const { open } = fs;
  const count = { opened: 0, closed: 0 };
  const opening = spyOn(fs, "open").mockImplementation(async (...args) => {
    const handle = await open(...args);
    const close = handle.close.bind(handle);
    count.opened++;
    handle.close = () => {
      count.closed++;
      return close();
    };
    return handle;
  });
  try {
    await work();
  } finally {
    opening.mockRestore();
  }
  expect(count.opened).toBeGreaterThan(0);
  return count.opened - count.closed;
}

const damage = ({ path, bytes }: Place): void => writeFileSync(path, bytes.with(300_000, bytes[300_000]! ^ 1));
const received = async ({ folder, file, bytes }: Place) => {
  const receiver = await openFileSnapshotStore(join(folder, "other")).receive(file);
  await receiver.write(bytes.subarray(0, 500_000));
  return receiver;
};

test.each<[string, (at: Place) => Promise<unknown>]>([
  ["a snapshot is written", ({ store }) => writeSnapshot(store, [bytesOf(10)], headerAt(7))],
  ["a snapshot is abandoned", async ({ store }) => (await store.create(headerAt(7))).abandon()],
  [
    "a snapshot is received",
    async (at) => {
      const receiver = await received(at);
      await receiver.write(at.bytes.subarray(500_000));
      expect(await receiver.finish()).toMatchObject({ kind: "complete" });
    },
  ],
  ["a snapshot that comes is damaged", async (at) => (await received(at)).finish()],
  ["receiving is paused", async (at) => (await received(at)).pause()],
  ["receiving is abandoned", async (at) => (await received(at)).abandon()],
  ["a file that is here is received", async ({ store, file }) => (await store.receive(file)).finish()],
  ["a piece is read", ({ store, file }) => store.read(file.file, 5, 10)],
  [
    "a piece cannot be read",
    async ({ store, path, file }) => {
      rmSync(path);
      mkdirSync(path);
      for (const read of [
        () => store.read(file.file, 5, 10),
        () => store.header(file.file),
        () => readAll(store, file),
      ])
        expect(await storageErrorOf(read())).toContain("EISDIR");
    },
  ],
  ["a header is read", ({ store, file }) => store.header(file.file)],
  ["all is read", ({ store, file }) => readAll(store, file)],
  [
    "a reader leaves early",
    async ({ store, file }) => {
      for await (const _ of store.contents(file)) break;
    },
  ],
  [
    "damage is read",
    async (at) => {
      damage(at);
      await expect(readAll(at.store, at.file)).rejects.toThrow("damaged");
      await expect(verifySnapshot(at.dataDir, at.file)).rejects.toThrow("damaged");
      await expect(readBackup(at.path)).rejects.toThrow("damaged");
    },
  ],
  [
    "a backup is written and read",
    async ({ folder, file, bytes }) => {
      const writer = await createBackup(join(folder, "backup"), false);
      await writer.write(bytes);
      await writer.finish(file);
      await writer.abandon();
      for await (const _ of (await readBackup(join(folder, "backup"))).chunks());
    },
  ],
  ["a backup is abandoned", async ({ folder }) => (await createBackup(join(folder, "backup"), false)).abandon()],
  [
    "a name is taken on a disk without links",
    ({ folder, path }) =>
      takeName(path, join(folder, "name"), () => Promise.reject(Object.assign(new Error("no"), { code: "EPERM" }))),
  ],
])("no file stays open after %s", async (_, work) => {
  expect(await leftOpen(() => work(place))).toBe(0);
});

test("no file stays open after a store is closed in the middle of its work", async () => {
  const left = await leftOpen(async () => {
    const store = openFileSnapshotStore(join(place.folder, "other"));
    await (await store.create(headerAt(7))).write(bytesOf(10));
    await (await store.receive(place.file)).write(place.bytes.subarray(0, 1000));
    await store.close();
  });
  expect(left).toBe(0);
});
