// The double of a disk that loses power leaves nothing of its own with SQLite.
import { afterEach, beforeEach, expect, test } from "bun:test";
import { Database } from "bun:sqlite";
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { PowerDisk } from "./power-disk.ts";

let folder: string;
beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), "graft-power-disk-"));
});
afterEach(() => rmSync(folder, { recursive: true }));

test("a database that is open when the double ends writes to its file alone from then on", () => {
  const steps: string[] = [];
  const disk = new PowerDisk();
  disk.watch(folder);
  using db = new Database(join(folder, "graft.sqlite"));
  db.run("PRAGMA journal_mode = WAL");
  disk.onStep = () => void steps.push("seen");
  db.run("CREATE TABLE t (a)");
  expect(steps).not.toEqual([]);
  steps.length = 0;
  disk[Symbol.dispose]();
  db.run("INSERT INTO t VALUES (1)");
  expect(steps).toEqual([]);
});

test("a file that SQLite has closed is not touched any more: its place in memory belongs to others", () => {
  using disk = new PowerDisk();
  disk.watch(folder);
  const db = new Database(join(folder, "graft.sqlite"));
  db.run("CREATE TABLE t (a)");
  expect(disk.openFiles).toBe(1);
  db.close();
  expect(disk.openFiles).toBe(0);
});
