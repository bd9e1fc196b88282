// A data directory that comes into being at once: where it may, and what a crash at any step leaves.
import { afterEach, beforeEach, expect, spyOn, test } from "bun:test";
import { randomBytes } from "node:crypto";
import {
  existsSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  renameSync,
  rmSync,
  statSync,
  writeFileSync,
} from "node:fs";
import fs from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { RestoringFolder } from "../../../src/adapters/files/restoring-folder.ts";
import { openSqliteLogStore } from "../../../src/adapters/sqlite/log-store.ts";
import { storageErrorOf } from "../../contracts/snapshot-store.contract.ts";

let folder: string;
let dataDir: string;
beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), "graft-restoring-"));
  dataDir = join(folder, "data");
});
afterEach(() => rmSync(folder, { recursive: true }));

/** Stands for what is made in it. */
function fill(path: string): void {
  writeFileSync(join(path, "graft.sqlite"), "the database");
  writeFileSync(join(path, "graft.mark"), "the mark");
  mkdirSync(join(path, "snapshots"));
  writeFileSync(join(path, "snapshots", "a.snapshot"), "the state");
}

const found = (): readonly string[] => readdirSync(dataDir, { recursive: true }).map(String).toSorted();

test("everything is there, and nothing else", async () => {
  const restoring = await RestoringFolder.prepare(dataDir);
  fill(restoring.path);
  expect(existsSync(join(dataDir, "graft.sqlite"))).toBe(false);
  await restoring.settle();
  expect(found()).toEqual(["graft.mark", "graft.sqlite", "snapshots", "snapshots/a.snapshot"]);
});

test("P57: the data directory and what it is made in are for one user alone, whatever the umask says", async () => {
  const umask = process.umask(0);
  try {
    const restoring = await RestoringFolder.prepare(dataDir);
    for (const path of [dataDir, restoring.path]) expect([path, statSync(path).mode & 0o777]).toEqual([path, 0o700]);
  } finally {
    process.umask(umask);
  }
});

test("P35: a directory that is not empty is left as it is", async () => {
  mkdirSync(dataDir);
  writeFileSync(join(dataDir, "graft.sqlite"), "precious");
  expect(await storageErrorOf(RestoringFolder.prepare(dataDir))).toContain("is not empty: it holds graft.sqlite");
  expect(found()).toEqual(["graft.sqlite"]);
});

test("P35: where there is a node beside the rest of a restore nobody is told to empty the directory", async () => {
  mkdirSync(join(dataDir, "restoring"), { recursive: true });
  writeFileSync(join(dataDir, "graft.sqlite"), "precious");
  const message = await storageErrorOf(RestoringFolder.prepare(dataDir));
  expect(message).toContain("is not empty: it holds graft.sqlite, restoring");
  expect(message).not.toContain("there is nothing else");
});

test.each<[readonly string[], string]>([
  [["b"], "it holds b. A backup"],
  [[".hidden"], "it holds .hidden. A backup"],
  [["c", "b", "a"], "it holds a, b, c. A backup"],
  [["d", "a", "c", "b"], "it holds a, b, c, …. A backup"],
])("of what is in a directory the first names are told: %j", async (names, words) => {
  mkdirSync(dataDir);
  for (const name of names) writeFileSync(join(dataDir, name), "");
  expect(await storageErrorOf(RestoringFolder.prepare(dataDir))).toContain(words);
});

test("a database that is still open is not moved", async () => {
  const restoring = await RestoringFolder.prepare(dataDir);
  fill(restoring.path);
  writeFileSync(join(restoring.path, "graft.sqlite-wal"), "");
  expect(await storageErrorOf(restoring.settle())).toContain(
    "graft.sqlite has not been closed. No node was made there",
  );
  expect(readdirSync(dataDir)).toEqual(["restoring"]);
});

test("an abandoned folder may be abandoned again", async () => {
  const restoring = await RestoringFolder.prepare(dataDir);
  await restoring.abandon();
  await restoring.abandon();
  expect(found()).toEqual([]);
});

test("a node that has come there meanwhile keeps its data", async () => {
  const restoring = await RestoringFolder.prepare(dataDir);
  fill(restoring.path);
  writeFileSync(join(dataDir, "graft.sqlite"), "precious");
  expect(await storageErrorOf(restoring.settle())).toContain("No node was made there");
  expect(readFileSync(join(dataDir, "graft.sqlite"), "utf8")).toBe("precious");
  await restoring.abandon();
  expect(found()).toEqual(["graft.sqlite"]);
});

test.each([
  ["naming the snapshots", { rename: 1 }],
  ["naming the mark", { rename: 2 }],
  ["making both names durable", { syncs: true }],
  ["naming the database", { link: true }],
])("a restore that fails at %s leaves the directory empty, and can be made again", async (_, fails) => {
  const { rename, link, syncs } = { rename: 0, link: false, syncs: false, ...fails };
  const restoring = await RestoringFolder.prepare(dataDir);
  fill(restoring.path);
  const failure = Object.assign(new Error("the disk failed"), { code: "EIO" });
  const real = { rename: fs.rename, open: fs.open };
  let renames = 0;
  const spies = [
    spyOn(fs, "rename").mockImplementation((from, to) =>
      ++renames === rename ? Promise.reject(failure) : real.rename(from, to),
    ),
    spyOn(fs, "open").mockImplementation((path, ...rest) =>
      syncs && path === dataDir ? Promise.reject(failure) : real.open(path, ...rest),
    ),
    ...(link ? [spyOn(fs, "link").mockRejectedValueOnce(failure)] : []),
  ];
  try {
    await expect(restoring.settle()).rejects.toMatchObject({
      code: "storage",
      message: `Restoring into ${dataDir} failed: the disk failed. No node was made there.`,
      cause: failure,
    });
  } finally {
    for (const spy of spies) spy.mockRestore();
  }
  await restoring.abandon();
  expect(found()).toEqual([]);
  const again = await RestoringFolder.prepare(dataDir);
  fill(again.path);
  await again.settle();
  expect(found()).toEqual(["graft.mark", "graft.sqlite", "snapshots", "snapshots/a.snapshot"]);
});

test("P73: a failure after the database has its place does not deny that there is a node", async () => {
  const restoring = await RestoringFolder.prepare(dataDir);
  fill(restoring.path);
  const removal = spyOn(fs, "rm").mockRejectedValueOnce(new Error("the disk failed"));
  const message = await storageErrorOf(restoring.settle());
  removal.mockRestore();
  expect(message).toContain("The node was made there");
  expect(message).not.toContain("No node");
  expect(existsSync(join(dataDir, "graft.sqlite"))).toBe(true);
});

test("P29: what a crash has left is no node: it neither starts nor is restored over, until it is removed", async () => {
  const open = (): void => openSqliteLogStore({ dataDir, randomBytes }).close();
  const restoring = await RestoringFolder.prepare(dataDir);
  fill(restoring.path);
  for (const moved of [null, "snapshots", "graft.mark"]) {
    if (moved !== null) renameSync(join(restoring.path, moved), join(dataDir, moved));
    expect(open).toThrow("would begin without the data");
    const message = await storageErrorOf(RestoringFolder.prepare(dataDir));
    expect(message).toContain("did not come to its end, or is still under way. Nothing was changed.");
    expect(message).toContain("empty the directory, in which there is nothing else, and restore again");
  }
  rmSync(dataDir, { recursive: true });
  await RestoringFolder.prepare(dataDir);
});

test("P29: what a crash has left beside a node that is complete keeps that node from nothing", async () => {
  const open = (): void => openSqliteLogStore({ dataDir, randomBytes }).close();
  open();
  mkdirSync(join(dataDir, "restoring"));
  writeFileSync(join(dataDir, "restoring", "graft.lock"), "");
  open();
  expect(found()).not.toContain("restoring");
  // As a crash leaves it that comes while damaged files are set aside.
  rmSync(join(dataDir, "graft.sqlite"));
  open();
});

test("P45: the names of new folders are on disk, up to one that was there", async () => {
  const synced: string[] = [];
  const openFile = fs.open;
  const opening = spyOn(fs, "open").mockImplementation(async (path, ...rest) => {
    const handle = await openFile(path, ...rest);
    const sync = handle.sync.bind(handle);
    handle.sync = () => {
      synced.push(String(path));
      return sync();
    };
    return handle;
  });
  dataDir = join(folder, "new", "data");
  await RestoringFolder.prepare(dataDir);
  opening.mockRestore();
  expect(synced).toEqual([join(folder, "new"), folder]);
});

test("what is given up leaves an empty directory", async () => {
  const restoring = await RestoringFolder.prepare(dataDir);
  fill(restoring.path);
  await restoring.abandon();
  expect(found()).toEqual([]);
});
