// A process that dies at any step of taking a snapshot and cutting the log: what the log names is there and sound, no entry
// that was acknowledged is missing, and the next process goes on from there (P29).
import { afterEach, beforeEach, describe, expect, test } from "bun:test";
import { randomBytes } from "node:crypto";
import { mkdtempSync, readdirSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { openFileSnapshotStore } from "../../../src/adapters/files/snapshot-store.ts";
import { openSqliteLogStore } from "../../../src/adapters/sqlite/log-store.ts";
import { commands } from "../../contracts/log-entries.ts";
import { bytesOf, headerAt, readAll } from "../../contracts/snapshot-store.contract.ts";
import type { Place } from "./compactor.ts";

const program = Bun.fileURLToPath(import.meta.resolve("./compactor.ts"));
let dataDir: string;
beforeEach(() => {
  dataDir = mkdtempSync(join(tmpdir(), "graft-crash-"));
});
afterEach(() => rmSync(dataDir, { recursive: true }));

interface Acknowledged {
  readonly index: number;
  readonly snapshot: number;
}

/** Runs it until it is dead, and returns what it has acknowledged. */
async function runToDeath(place: Place | null, linesBeforeKill = Number.POSITIVE_INFINITY): Promise<Acknowledged> {
  const command = [process.execPath, program, dataDir, ...(place === null ? [] : [place])];
  const child = Bun.spawn(command, { stdout: "pipe", stderr: "inherit" });
  let output = "";
  const decoder = new TextDecoder();
  for await (const chunk of child.stdout) {
    output += decoder.decode(chunk, { stream: true });
    if (output.split("\n").length > linesBeforeKill) child.kill("SIGKILL");
  }
  await child.exited;
  expect(child.signalCode).toBe("SIGKILL");
  const lines = output.split("\n").slice(0, -1);
  const numbers = lines.filter((line) => !line.startsWith("snapshot ")).map(Number);
  const named = lines.filter((line) => line.startsWith("snapshot ")).map((line) => Number(line.slice(9)));
  return { index: numbers.at(-1) ?? 0, snapshot: named.at(-1) ?? 0 };
}

interface LeftBehind {
  readonly last: number;
  readonly snapshot: number;
  /** Files beside the one that the log names. */
  readonly rubbish: number;
}

/** Opens what was left as a node does: everything named and acknowledged is there, and the rest can go. */
async function checkLeftBehind({ index, snapshot }: Acknowledged): Promise<LeftBehind> {
  const store = openSqliteLogStore({ dataDir, randomBytes });
  const snapshots = openFileSnapshotStore(dataDir);
  const { base, last, snapshot: record } = store.saved;
  expect(last.index).toBeGreaterThanOrEqual(index);
  expect(record!.position.index).toBeGreaterThanOrEqual(snapshot);
  expect(base.index).toBe(record!.position.index - 10);
  expect(store.read(base.index + 1, last.index, 1e9)).toEqual(commands(base.index + 1, last.index, 1, 200));
  expect(store.chainAt(record!.position.index)).toBe(record!.chain);

  const found = await snapshots.list();
  expect(await snapshots.header(record!.file)).toEqual(headerAt(record!.position.index, 1));
  expect(await readAll(snapshots, record!)).toEqual(contentAt(record!.position.index));
  await snapshots.retain([record!.file]);
  expect(await snapshots.list()).toEqual([{ file: record!.file, bytes: record!.bytes, isComplete: true }]);
  while (store.reclaim());
  expect(store.read(base.index + 1, last.index, 1e9)).toHaveLength(last.index - base.index);
  store.close();
  return { last: last.index, snapshot: record!.position.index, rubbish: found.length - 1 };
}

const contentAt = (index: number) => Array.from({ length: 5 }, (_, chunk) => bytesOf(200_000, index + chunk));

describe("P29: a process that dies in its second snapshot", () => {
  test.each<[Place, LeftBehind]>([
    ["writing", { last: 200, snapshot: 61, rubbish: 1 }],
    ["renaming", { last: 200, snapshot: 61, rubbish: 1 }],
    ["named", { last: 200, snapshot: 61, rubbish: 1 }],
    ["recorded", { last: 200, snapshot: 161, rubbish: 1 }],
    ["reclaiming", { last: 200, snapshot: 161, rubbish: 1 }],
    ["retained", { last: 200, snapshot: 161, rubbish: 0 }],
  ])("%s: leaves %j", async (place, expected) => {
    const acknowledged = await runToDeath(place);
    expect(await checkLeftBehind(acknowledged)).toEqual(expected);
    // Who comes after it goes on, and takes further snapshots.
    const later = await checkLeftBehind(await runToDeath(null, 8));
    expect(later.snapshot).toBeGreaterThan(expected.snapshot);
  });
});

test("P29: killed at any moment, again and again, it loses nothing that is named or acknowledged", async () => {
  let before: LeftBehind = { last: 0, snapshot: 0, rubbish: 0 };
  for (const linesBeforeKill of [3, 5, 9, 14, 22]) {
    const left = await checkLeftBehind(await runToDeath(null, linesBeforeKill));
    expect(left.last).toBeGreaterThan(before.last);
    expect(left.snapshot).toBeGreaterThan(before.snapshot);
    before = left;
  }
  // Nothing but the log with its WAL, its mark and its lock, and the one snapshot: the crashes have left no rubbish for good.
  const names = readdirSync(dataDir).filter((name) => name !== "graft.sqlite-wal");
  expect(names.toSorted()).toEqual(["graft.lock", "graft.mark", "graft.sqlite", "snapshots"]);
  expect(readdirSync(join(dataDir, "snapshots"))).toHaveLength(1);
}, 60_000);
