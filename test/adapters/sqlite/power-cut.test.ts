// What a power cut leaves of the files beside the database: the folders, the mark, a finding, and the folders of damaged files.
// The database itself is synced by SQLite, which opening.test.ts looks at.
import { afterEach, beforeEach, expect, test } from "bun:test";
import { randomBytes } from "node:crypto";
import { mkdtempSync, readdirSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { clearFinding, writeFinding } from "../../../src/adapters/sqlite/finding-file.ts";
import { openSqliteLogStore } from "../../../src/adapters/sqlite/log-store.ts";
import { readMark } from "../../../src/adapters/sqlite/mark-file.ts";
import { copyAside, setAside } from "../../../src/adapters/sqlite/set-aside.ts";
import { toMemberKey } from "../../../src/core/configuration.ts";
import { append, command, found, ignoreDurable, keyOf, truncate, vote } from "../../contracts/log-entries.ts";
import { RecordedDisk } from "../../doubles/recorded-disk.ts";
import { genesisOf } from "./lost-cluster.ts";

let root: string;
let dataDir: string;
beforeEach(() => {
  root = mkdtempSync(join(tmpdir(), "graft-power-cut-"));
  dataDir = join(root, "nodes", "n1");
});
afterEach(() => rmSync(root, { recursive: true }));

const open = () => openSqliteLogStore({ dataDir, randomBytes });
const nameOf = (path: string): string => path.slice(root.length + 1);

test("P42, P45: the incarnation outlives a power cut once the node has started: mark, database and folders", () => {
  using disk = new RecordedDisk();
  const store = open();
  const { incarnation } = store.saved;
  expect(disk.lost(join(dataDir, "graft.mark"), root)).toEqual([]);
  expect(disk.lost(join(dataDir, "graft.sqlite"), root)).toEqual(["the content of nodes/n1/graft.sqlite"]);
  expect(disk.tooEarly).toEqual([]);
  store.close();
  expect(readMark(join(dataDir, "graft.mark"))).toMatchObject({ mark: { incarnation } });
});

test("P61: the mark of a vote, of the founding and of a cut log is on disk before the write is confirmed", () => {
  using disk = new RecordedDisk();
  const store = open();
  const lostAfter = (...effects: Parameters<typeof store.write>[0]): readonly string[] => {
    let lost: readonly string[] = ["it was not confirmed"];
    store.write(effects, () => (lost = disk.lost(join(dataDir, "graft.mark"), root)));
    return lost;
  };
  expect(lostAfter(found(genesisOf(toMemberKey("n1", store.saved.incarnation), keyOf("n2"))))).toEqual([]);
  expect(lostAfter(vote(3, "n2"))).toEqual([]);
  // What entries move on may be lost: the mark then names less than there is.
  expect(lostAfter(append(command(1, 3), command(2, 3)))).toEqual(["the content of nodes/n1/graft.mark"]);
  const synced = disk.synced.length;
  store.write([truncate(1)], ignoreDurable);
  expect(disk.synced.slice(synced).map(nameOf)).toContain("nodes/n1/graft.mark");
  store.close();
  expect(disk.lost(join(dataDir, "graft.mark"), root)).toEqual([]);
});

test("P46: the mark of damage is on disk before anybody hears of the damage", () => {
  using disk = new RecordedDisk();
  const store = open();
  store.write([found(genesisOf(toMemberKey("n1", store.saved.incarnation), keyOf("n2")))], ignoreDurable);
  store.keepDamage("entry 1 is damaged");
  expect(disk.lost(join(dataDir, "graft.mark"), root)).toEqual([]);
  store.close();
});

test("P47: a mark whose sync fails confirms no vote", () => {
  using disk = new RecordedDisk();
  const store = open();
  disk.failsToSync = (path) => path.endsWith("graft.mark");
  let isConfirmed = false;
  expect(() => store.write([vote(3, "n2")], () => (isConfirmed = true))).toThrow("EIO");
  expect(isConfirmed).toBe(false);
  expect(() => store.write([vote(4, "n2")], () => (isConfirmed = true))).toThrow("EIO");
  expect(isConfirmed).toBe(false);
  disk.failsToSync = () => false;
  store.close();
});

test("P62: a finding outlives a power cut, and so does its clearing", () => {
  open().close();
  using disk = new RecordedDisk();
  writeFinding(dataDir, { kind: "invariant", text: "two histories", at: "noon" });
  expect(disk.lost(join(dataDir, "graft.finding"), root)).toEqual([]);
  expect(disk.tooEarly).toEqual([]);
  clearFinding(dataDir);
  const cleared = readdirSync(dataDir).find((name) => name.startsWith("graft.finding.cleared"))!;
  expect(disk.lost(join(dataDir, cleared), root)).toEqual([]);
});

test.each([
  ["moved", setAside],
  ["copied", copyAside],
] as const)("P35: damaged files that are %s aside outlive a power cut, with their folder", (_, toTheSide) => {
  open().close();
  const file = join(dataDir, "graft.sqlite");
  writeFileSync(`${file}-wal`, "what SQLite keeps beside it");
  using disk = new RecordedDisk();
  toTheSide(file, "damaged-then");
  for (const name of ["graft.sqlite", "graft.sqlite-wal"])
    expect(disk.lost(join(dataDir, "damaged-then", name), root)).toEqual([]);
});

test("P35: a start that sets damaged files aside makes that durable before it begins anew", () => {
  const store = open();
  store.write([found(genesisOf(toMemberKey("n1", store.saved.incarnation), keyOf("n2")))], ignoreDurable);
  store.close();
  const file = join(dataDir, "graft.sqlite");
  writeFileSync(file, "no database at all".repeat(1000));
  using disk = new RecordedDisk();
  open().close();
  const folder = readdirSync(dataDir).find((name) => name.startsWith("damaged-"))!;
  expect(disk.lost(join(dataDir, folder, "graft.sqlite"), root)).toEqual([]);
  expect(disk.lost(join(dataDir, "graft.mark"), root)).toEqual([]);
});
