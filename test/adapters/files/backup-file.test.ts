// The file of a backup: there whole or not at all, never in place of another unless that is asked for, and read back with
// every kind of damage found.
import { afterEach, beforeEach, describe, expect, spyOn, test } from "bun:test";
import { mkdtempSync, readdirSync, readFileSync, rmSync, statSync, truncateSync, writeFileSync } from "node:fs";
import fs from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { createBackup, readBackup } from "../../../src/adapters/files/backup-file.ts";
import { openFileSnapshotStore } from "../../../src/adapters/files/snapshot-store.ts";
import type { SnapshotFile } from "../../../src/ports/snapshot-store.ts";
import { bytesOf, headerAt, storageErrorOf, writeSnapshot } from "../../contracts/snapshot-store.contract.ts";

let folder: string;
let path: string;
let announced: SnapshotFile;
let content: Uint8Array;

const chunks = [bytesOf(200_000, 1), bytesOf(300_000, 2)];

beforeEach(async () => {
  folder = mkdtempSync(join(tmpdir(), "graft-backup-"));
  const source = join(folder, "source");
  const store = openFileSnapshotStore(source);
  announced = await writeSnapshot(store, chunks);
  await store.close();
  content = readFileSync(join(source, "snapshots", announced.file));
  path = join(folder, "target");
});
afterEach(() => rmSync(folder, { recursive: true }));

/** As a client receives it: in pieces that know nothing of frames. */
async function write(bytes: Uint8Array, replace = false): Promise<void> {
  const writer = await createBackup(path, replace);
  try {
    while (writer.offset < bytes.length) await writer.write(bytes.slice(writer.offset, writer.offset + 70_001));
    expect(readdirSync(folder)).not.toContain("target");
    expect((await writer.finish(announced)).position).toEqual(headerAt(120).position);
  } finally {
    await writer.abandon();
  }
}

/** What the caller hears of a file that it may not replace: its own mistake, and no failure of the disk. */
const isThere = () => ({
  code: "usage",
  message: `${path} is there already; name another file, or replace it with --force`,
});

const files = (): readonly string[] => readdirSync(folder).toSorted();

describe("writing", () => {
  test("the same bytes, readable for their owner alone, and nothing beside them", async () => {
    await write(content);
    expect(readFileSync(path).equals(content)).toBe(true);
    expect(statSync(path).mode & 0o777).toBe(0o600);
    expect(files()).toEqual(["source", "target"]);
  });

  test("two programs that write to one path do not write into one file, and an abandoned one is gone", async () => {
    const writer = await createBackup(path, false);
    await writer.write(content);
    expect(files()).toEqual(["source", `target.${process.pid}.partial`]);
    await writer.abandon();
    expect(files()).toEqual(["source"]);
  });

  test("what is there stays, unless it is to be replaced", async () => {
    writeFileSync(path, "precious");
    await expect(createBackup(path, false)).rejects.toMatchObject(isThere());
    expect(readFileSync(path, "utf8")).toBe("precious");
    const writer = await createBackup(path, true);
    await writer.write(content);
    expect(readFileSync(path, "utf8")).toBe("precious");
    await writer.finish(announced);
    expect(readFileSync(path).equals(content)).toBe(true);
  });

  test("what comes there while it is written stays, too", async () => {
    const writer = await createBackup(path, false);
    await writer.write(content);
    writeFileSync(path, "precious");
    await expect(writer.finish(announced)).rejects.toMatchObject(isThere());
    await writer.abandon();
    expect(readFileSync(path, "utf8")).toBe("precious");
    expect(files()).toEqual(["source", "target"]);
  });

  test("P35: damage on the way leaves no file", async () => {
    const damaged = Uint8Array.from(content);
    damaged[250_000]! ^= 1;
    const message = await storageErrorOf(write(damaged));
    expect(message).toStartWith(`${path} is damaged: `);
    expect(message).toEndWith(". Nothing was changed. Use another backup.");
    const short = await createBackup(path, false);
    await short.write(content.subarray(0, content.length - 1));
    expect(await storageErrorOf(short.finish(announced))).toContain("before its end mark");
    await short.abandon();
    const other = await createBackup(path, false);
    await other.write(content);
    expect(await storageErrorOf(other.finish({ ...announced, checksum: 1 }))).toContain("were expected");
    await other.abandon();
    expect(files()).toEqual(["source"]);
  });

  test("P73: a backup that has its name, and whose folder cannot be synced, is not said to have failed", async () => {
    const writer = await createBackup(path, false);
    await writer.write(content);
    const { open } = fs;
    const opening = spyOn(fs, "open").mockImplementation((name, ...rest) =>
      name === folder ? Promise.reject(new Error("the disk failed")) : open(name, ...rest),
    );
    const message = await storageErrorOf(writer.finish(announced));
    opening.mockRestore();
    expect(message).toBe(
      `The backup ${path} is complete, and a power cut may still remove it: syncing its folder failed: the disk failed. ` +
        "Check the disk, then make the backup again with --force.",
    );
    await writer.abandon();
    expect(files()).toEqual(["source", "target"]);
    expect(readFileSync(path).equals(content)).toBe(true);
  });

  test("a folder that is not there is named", async () => {
    const nowhere = join(folder, "nowhere");
    path = join(nowhere, "target");
    expect(await storageErrorOf(createBackup(path, false))).toContain(`There is no folder ${nowhere}. Nothing`);
  });
});

describe("reading", () => {
  test("what it is, and what is in it", async () => {
    await write(content);
    const backup = await readBackup(path);
    const { bytes, checksum } = announced;
    expect(backup).toMatchObject({ path, bytes, checksum, header: headerAt(120) });
    const found: Uint8Array[] = [];
    for await (const chunk of backup.chunks()) found.push(chunk);
    expect(Buffer.concat(found).equals(Buffer.concat(chunks))).toBe(true);
  });

  test("P46: one flipped bit, an end that is missing, bytes too many, another file, none", async () => {
    await write(content);
    const flipped = Uint8Array.from(content);
    flipped[flipped.length - 20_000]! ^= 4;
    writeFileSync(path, flipped);
    expect(await storageErrorOf(readBackup(path))).toContain("the checksum is");
    writeFileSync(path, content);
    truncateSync(path, content.length - 5);
    expect(await storageErrorOf(readBackup(path))).toContain("before its end mark");
    writeFileSync(path, Buffer.concat([content, Buffer.from("x")]));
    expect(await storageErrorOf(readBackup(path))).toContain("after its end mark");
    writeFileSync(path, "a diary, and no backup");
    expect(await storageErrorOf(readBackup(path))).toContain("no snapshot of Graft");
    const newer = Uint8Array.from(content);
    newer[11] = 4;
    writeFileSync(path, newer);
    expect(await storageErrorOf(readBackup(path))).toContain("knows only format 3");
    rmSync(path);
    expect(await storageErrorOf(readBackup(path))).toContain("no file or folder");
  });

  test("what changes between the first look and the second is found", async () => {
    await write(content);
    const backup = await readBackup(path);
    const flipped = Uint8Array.from(content);
    flipped[content.length - 100]! ^= 1;
    writeFileSync(path, flipped);
    const read = async (): Promise<void> => {
      for await (const _ of backup.chunks());
    };
    expect(await storageErrorOf(read())).toContain("is damaged");
  });

  test("a sound backup that takes its place between the first look and the second is not taken for it", async () => {
    await write(content);
    const backup = await readBackup(path);
    const elsewhere = openFileSnapshotStore(join(folder, "elsewhere"));
    const other = await writeSnapshot(elsewhere, chunks.toReversed());
    await elsewhere.close();
    expect(other.bytes).toBe(announced.bytes);
    writeFileSync(path, readFileSync(join(folder, "elsewhere", "snapshots", other.file)));
    const read = async (): Promise<void> => {
      for await (const _ of backup.chunks());
    };
    expect(await storageErrorOf(read())).toContain("were expected");
    // Read anew, it is what it is.
    expect((await readBackup(path)).checksum).toBe(other.checksum);
  });
});
