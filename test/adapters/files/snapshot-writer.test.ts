// What becomes of a snapshot that is being written, when its chunks are unusual or its end never comes.
import { afterEach, beforeEach, expect, test } from "bun:test";
import { mkdtempSync, readdirSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { openFileSnapshotStore } from "../../../src/adapters/files/snapshot-store.ts";
import type { SnapshotStore } from "../../../src/ports/snapshot-store.ts";
import { bytesOf, headerAt, readAll, storageErrorOf, writeSnapshot } from "../../contracts/snapshot-store.contract.ts";

let folder: string;
let store: SnapshotStore;
beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), "graft-writer-"));
  store = openFileSnapshotStore(folder);
});
afterEach(async () => {
  await store.close();
  rmSync(folder, { recursive: true });
});

test("an empty chunk changes nothing of what comes before or after it", async () => {
  const empty = new Uint8Array(0);
  const file = await writeSnapshot(store, [empty, empty, bytesOf(10), empty, bytesOf(20), empty]);
  expect(file).toEqual(await writeSnapshot(store, [bytesOf(10), bytesOf(20)]));
  expect(await readAll(store, file)).toEqual([bytesOf(10), bytesOf(20)]);
});

test("a snapshot whose end has not come when the store is closed gets no name, and leaves no file", async () => {
  const writer = await store.create(headerAt(7));
  await writer.write(bytesOf(300_000));
  await store.close();
  expect(readdirSync(join(folder, "snapshots"))).toEqual([]);
  await storageErrorOf(writer.finish());
  await writer.abandon();
  expect(readdirSync(join(folder, "snapshots"))).toEqual([]);
});

test("a snapshot that is finished is not removed by an abandonment that comes later", async () => {
  const writer = await store.create(headerAt(7));
  await writer.write(bytesOf(10));
  const { file } = await writer.finish();
  await writer.abandon();
  await storageErrorOf(writer.write(bytesOf(10)));
  await writer.abandon();
  expect(readdirSync(join(folder, "snapshots"))).toEqual([file]);
});
