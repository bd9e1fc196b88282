// What a sweep of the snapshots leaves: also a file that began to grow again after the sweep had looked what there is.
import { afterEach, beforeEach, expect, spyOn, test } from "bun:test";
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import fs from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { openFileSnapshotStore } from "../../../src/adapters/files/snapshot-store.ts";
import { bytesOf, headerAt, readAll, writeSnapshot } from "../../contracts/snapshot-store.contract.ts";

let folder: string;
beforeEach(() => void (folder = mkdtempSync(join(tmpdir(), "graft-sweep-"))));
afterEach(() => rmSync(folder, { recursive: true }));

const chunks = [bytesOf(200_000, 1), bytesOf(200_000, 2)];

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
  expect((await store.list()).map(({ file }) => file)).toEqual([coming.file]);
  expect(Buffer.concat(await readAll(store, coming)).equals(Buffer.concat(chunks))).toBe(true);
  await Promise.all([store.close(), leader.close()]);
});

test("a file that is finished stays until a call could have named it: the next sweep, and one right behind its renaming, leave it", async () => {
  const store = openFileSnapshotStore(join(folder, "own"));
  const first = await writeSnapshot(store, chunks, headerAt(7));
  await store.retain([]);
  expect((await store.list()).map(({ file }) => file)).toEqual([first.file]);
  await store.retain([]);
  expect(await store.list()).toEqual([]);

  const writer = await store.create(headerAt(8));
  await writer.write(chunks[0]!);
  const { rename } = fs;
  const renaming = spyOn(fs, "rename").mockImplementation(async (from, to) => {
    await rename(from, to);
    await store.retain([]);
  });
  try {
    const second = await writer.finish();
    expect(renaming).toHaveBeenCalledTimes(1);
    expect((await store.list()).map(({ file }) => file)).toEqual([second.file]);
    await store.retain([second.file]);
    expect(Buffer.concat(await readAll(store, second)).equals(chunks[0]!)).toBe(true);
  } finally {
    renaming.mockRestore();
  }
  await store.close();
});
