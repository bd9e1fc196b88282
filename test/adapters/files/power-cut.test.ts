// What a power cut leaves of the files that are promised to last: snapshots taken and received, backups, and a restored data
// directory. Every call that syncs, names or writes a file is watched.
import { afterEach, beforeEach, describe, expect, test } from "bun:test";
import { mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { createBackup } from "../../../src/adapters/files/backup-file.ts";
import { RestoringFolder } from "../../../src/adapters/files/restoring-folder.ts";
import { openFileSnapshotStore } from "../../../src/adapters/files/snapshot-store.ts";
import type { SnapshotFile } from "../../../src/ports/snapshot-store.ts";
import { bytesOf, headerAt, readAll, storageErrorOf, writeSnapshot } from "../../contracts/snapshot-store.contract.ts";
import { RecordedDisk } from "../../doubles/recorded-disk.ts";

const chunks = [bytesOf(200_000, 1), bytesOf(250_000, 2), bytesOf(100, 3)];
let root: string;
let dataDir: string;
let announced: SnapshotFile;
let content: Uint8Array;

beforeEach(async () => {
  root = mkdtempSync(join(tmpdir(), "graft-power-cut-"));
  dataDir = join(root, "data");
  const source = openFileSnapshotStore(join(root, "source"));
  announced = await writeSnapshot(source, chunks);
  content = readFileSync(join(root, "source", "snapshots", announced.file));
  // The node makes its data directory durable before it opens its snapshots.
  mkdirSync(dataDir);
});
afterEach(() => rmSync(root, { recursive: true }));

const pathOf = (file: string): string => join(dataDir, "snapshots", file);

describe("P29, P45: a snapshot outlives a power cut", () => {
  test("once it is taken: its content before its name, its name, and the folder's own", async () => {
    using disk = new RecordedDisk();
    const store = openFileSnapshotStore(dataDir);
    const { file } = await writeSnapshot(store, chunks);
    expect(disk.lost(pathOf(file), root)).toEqual([]);
    expect(disk.tooEarly).toEqual([]);
  });

  test("once it is received, in one go or after a pause", async () => {
    using disk = new RecordedDisk();
    const store = openFileSnapshotStore(dataDir);
    const first = await store.receive(announced);
    await first.write(content.slice(0, 320_000));
    await first.pause();
    expect(disk.lost(`${pathOf(announced.file)}.receiving`, root)).not.toContain(
      `the content of data/snapshots/${announced.file}.receiving`,
    );
    const second = await store.receive(announced);
    await second.write(content.slice(second.offset));
    expect(await second.finish()).toMatchObject({ kind: "complete" });
    expect(disk.lost(pathOf(announced.file), root)).toEqual([]);
    expect(disk.tooEarly).toEqual([]);
  });

  test("when it had its name before a crash, and the name was not yet durable", async () => {
    using disk = new RecordedDisk();
    const store = openFileSnapshotStore(dataDir);
    // As the node leaves it that is killed between the two.
    const crashing = await store.receive(announced);
    await crashing.write(content);
    disk.failsToSync = (path) => path === join(dataDir, "snapshots");
    await storageErrorOf(crashing.finish());
    expect(disk.lost(pathOf(announced.file), root)).not.toEqual([]);
    disk.failsToSync = () => false;
    const again = await openFileSnapshotStore(dataDir).receive(announced);
    expect(again.offset).toBe(announced.bytes);
    expect(await again.finish()).toMatchObject({ kind: "complete" });
    expect(disk.lost(pathOf(announced.file), root)).toEqual([]);
  });

  test("a large one reaches the disk while it grows, and not all at its end", async () => {
    using disk = new RecordedDisk();
    const writer = await openFileSnapshotStore(dataDir).create(headerAt(7));
    const chunk = bytesOf(256 * 1024);
    for (let count = 0; count < 100; count++) await writer.write(chunk);
    expect(disk.synced.length).toBeGreaterThanOrEqual(3);
    expect(disk.synced.length).toBeLessThanOrEqual(4);
    await writer.abandon();
  });
});

describe("P45: a backup outlives a power cut", () => {
  test.each([false, true])("once it is finished, with replace %p", async (replace) => {
    const path = join(root, "monday.backup");
    if (replace) writeFileSync(path, "last week's");
    using disk = new RecordedDisk();
    const writer = await createBackup(path, replace);
    await writer.write(content);
    await writer.finish(announced);
    expect(disk.lost(path, root)).toEqual([]);
    expect(disk.tooEarly).toEqual([]);
    expect(readFileSync(path).equals(content)).toBe(true);
  });

  test("one whose sync fails takes no name, and the file that it was to replace stays", async () => {
    const path = join(root, "monday.backup");
    writeFileSync(path, "last week's");
    using disk = new RecordedDisk();
    const writer = await createBackup(path, true);
    await writer.write(content);
    disk.failsToSync = (each) => each.endsWith(".partial");
    await expect(writer.finish(announced)).rejects.toMatchObject({
      code: "storage",
      message: expect.stringMatching(/^Writing .*monday\.backup failed: EIO/),
      cause: { code: "EIO" },
    });
    await writer.abandon();
    expect(readFileSync(path, "utf8")).toBe("last week's");
  });
});

describe("P45: a restored data directory outlives a power cut", () => {
  test("once it has settled: each file, and the database after all that it needs", async () => {
    using disk = new RecordedDisk();
    const restoring = await RestoringFolder.prepare(dataDir);
    await writeSnapshot(openFileSnapshotStore(restoring.path), chunks);
    for (const name of ["graft.sqlite", "graft.mark"]) {
      const path = join(restoring.path, name);
      writeFileSync(path, name);
    }
    let lostBefore: readonly string[] = ["it was never linked"];
    disk.onLink = () => {
      lostBefore = ["graft.mark", "snapshots"].flatMap((name) =>
        disk.lost(join(dataDir, name), root).filter((lost) => lost.startsWith("the name")),
      );
    };
    await restoring.settle();
    expect(lostBefore).toEqual([]);
    expect(disk.lost(join(dataDir, "graft.sqlite"), root)).toEqual(["the content of data/graft.sqlite"]);
    expect(disk.lost(pathOf(announced.file), root)).toEqual([]);
  });

  test("the database keeps its former name when the sync of its new name fails", async () => {
    using disk = new RecordedDisk();
    const restoring = await RestoringFolder.prepare(dataDir);
    await writeSnapshot(openFileSnapshotStore(restoring.path), chunks);
    for (const name of ["graft.sqlite", "graft.mark"]) writeFileSync(join(restoring.path, name), name);
    disk.onLink = () => void (disk.failsToSync = (path) => path === dataDir);
    expect(await storageErrorOf(restoring.settle())).toContain("Whether it outlives a power cut is not known");
    expect(readFileSync(join(restoring.path, "graft.sqlite"), "utf8")).toBe("graft.sqlite");
  });
});

describe("a disk that writes less than it is given", () => {
  test.each([1, 7, 4096, 65_537])("%i bytes a call: the rest goes to its place", async (most) => {
    const few = [bytesOf(most === 1 ? 900 : 200_000, 5), bytesOf(most === 1 ? 300 : 250_000, 6)];
    using disk = new RecordedDisk();
    disk.writeBytesMax = most;
    const store = openFileSnapshotStore(dataDir);
    const file = await writeSnapshot(store, few);
    expect(await readAll(store, file)).toEqual(few);
    const receiver = await openFileSnapshotStore(join(root, "other")).receive(file);
    await receiver.write(readFileSync(pathOf(file.file)));
    expect(await receiver.finish()).toMatchObject({ kind: "complete" });
    expect(readFileSync(join(root, "other", "snapshots", file.file))).toEqual(readFileSync(pathOf(file.file)));
  });
});

describe("a disk that reads less than it is asked for", () => {
  test.each([5000, 65_537])("%i bytes a call: nothing is taken for the end of the file", async (most) => {
    using disk = new RecordedDisk();
    disk.readBytesMax = most;
    const store = openFileSnapshotStore(join(root, "source"));
    expect(await readAll(store, announced)).toEqual(chunks);
    const piece = await store.read(announced.file, 1000, 90_001);
    expect(Buffer.from(piece!).equals(content.subarray(1000, 91_001))).toBe(true);
  });
});

describe("P47: after a call that failed", () => {
  const isPartial = (path: string): boolean => path.endsWith(".receiving") || path.endsWith(".writing");

  test("to sync, a snapshot takes no name, and the next one is taken", async () => {
    using disk = new RecordedDisk();
    const store = openFileSnapshotStore(dataDir);
    const writer = await store.create(headerAt(5));
    await writer.write(chunks[0]!);
    disk.failsToSync = isPartial;
    expect(await storageErrorOf(writer.finish())).toContain("EIO");
    disk.failsToSync = () => false;
    expect(await storageErrorOf(writer.finish())).toContain("has failed before");
    await writer.abandon();
    expect(await store.list()).toEqual([]);
    expect(await readAll(store, await writeSnapshot(store, chunks, headerAt(5)))).toEqual(chunks);
  });

  test("to sync what has grown, the write fails, and no later one reports success", async () => {
    using disk = new RecordedDisk();
    const writer = await openFileSnapshotStore(dataDir).create(headerAt(5));
    const chunk = bytesOf(256 * 1024);
    disk.failsToSync = isPartial;
    const writing = async (): Promise<void> => {
      for (let count = 0; count < 40; count++) await writer.write(chunk);
    };
    expect(await storageErrorOf(writing())).toContain("EIO");
    disk.failsToSync = () => false;
    expect(await storageErrorOf(writer.finish())).toContain("has failed before");
    await writer.abandon();
  });

  test.each([
    ["finish", "pause"],
    ["finish", "abandon"],
    ["pause", "pause"],
  ] as const)("to sync in %s, what was received is not kept, and is received anew after %s", async (end, then) => {
    using disk = new RecordedDisk();
    const store = openFileSnapshotStore(dataDir);
    const receiver = await store.receive(announced);
    await receiver.write(end === "finish" ? content : content.slice(0, 320_000));
    disk.failsToSync = isPartial;
    expect(await storageErrorOf(receiver[end]())).toContain("EIO");
    disk.failsToSync = () => false;
    await receiver[then]();
    expect(await store.list()).toEqual([]);
    const again = await store.receive(announced);
    expect(again.offset).toBe(0);
    await again.write(content);
    expect(await again.finish()).toMatchObject({ kind: "complete" });
    expect(await readAll(store, announced)).toEqual(chunks);
  });

  test("to sync in one pause, the file can be received again", async () => {
    using disk = new RecordedDisk();
    const store = openFileSnapshotStore(dataDir);
    const receiver = await store.receive(announced);
    await receiver.write(content.slice(0, 320_000));
    disk.failsToSync = isPartial;
    await storageErrorOf(receiver.pause());
    disk.failsToSync = () => false;
    const again = await store.receive(announced);
    expect(again.offset).toBe(0);
    await again.abandon();
  });

  test("to open, the file can be received again", async () => {
    using disk = new RecordedDisk();
    const store = openFileSnapshotStore(dataDir);
    disk.failsToOpen = isPartial;
    expect(await storageErrorOf(store.receive(announced))).toContain("EIO");
    disk.failsToOpen = () => false;
    const again = await store.receive(announced);
    expect(again.offset).toBe(0);
    await again.abandon();
  });

  test("to open a new one, nothing of it keeps a file of that name", async () => {
    using disk = new RecordedDisk();
    const store = openFileSnapshotStore(dataDir);
    disk.failsToOpen = isPartial;
    expect(await storageErrorOf(store.create(headerAt(7)))).toContain("Creating the snapshot");
    disk.failsToOpen = () => false;
    const writer = await openFileSnapshotStore(dataDir).create(headerAt(7));
    await writer.write(chunks[0]!);
    await store.retain([]);
    expect(await store.list()).toEqual([]);
    await writer.abandon();
  });

  test("to read a file that is here, it is not received over it", async () => {
    using disk = new RecordedDisk();
    const store = openFileSnapshotStore(join(root, "source"));
    disk.failsToOpen = (path) => path.endsWith(".snapshot");
    expect(await storageErrorOf(store.receive(announced))).toContain("EIO");
    disk.failsToOpen = () => false;
    const again = await store.receive(announced);
    expect(again.offset).toBe(announced.bytes);
    await again.abandon();
  });

  test("to sync the folder, a file that had arrived before can be received again", async () => {
    using disk = new RecordedDisk();
    const store = openFileSnapshotStore(dataDir);
    const first = await store.receive(announced);
    await first.write(content);
    await first.finish();
    const second = await store.receive(announced);
    disk.failsToSync = (path) => path === dataDir;
    expect(await storageErrorOf(second.finish())).toContain("EIO");
    disk.failsToSync = () => false;
    await second.pause();
    expect(await (await store.receive(announced)).finish()).toMatchObject({ kind: "complete" });
  });

  test("to sync and to remove, the file is no obstacle to the next attempt, and is removed later", async () => {
    using disk = new RecordedDisk();
    const store = openFileSnapshotStore(dataDir);
    const receiver = await store.receive(announced);
    await receiver.write(content);
    const writer = await store.create(headerAt(6));
    await writer.write(chunks[0]!);
    disk.failsToSync = isPartial;
    disk.failsToRemove = isPartial;
    await storageErrorOf(receiver.finish());
    await expect(receiver.pause()).rejects.toThrow("EIO");
    await expect(writer.abandon()).rejects.toThrow("EIO");
    disk.failsToSync = () => false;
    disk.failsToRemove = () => false;
    await store.retain([]);
    expect(await store.list()).toEqual([]);
    const again = await store.receive(announced);
    expect(again.offset).toBe(0);
    await again.abandon();
  });
});
