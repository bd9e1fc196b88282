// Looking at a stopped node's log: what is said of it, that nothing of it changes, and when it is refused.
import { afterEach, beforeEach, describe, expect, test } from "bun:test";
import { readdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { inspectLog } from "../../../src/adapters/sqlite/inspect-log.ts";
import { formatVersion } from "../../../src/adapters/sqlite/schema.ts";
import { lookAtStopped } from "../../../src/adapters/sqlite/open-stopped.ts";
import { append, commands, ignoreDurable, keyOf, sessionEntries, vote } from "../../contracts/log-entries.ts";
import { createDataDirectory, damageError, type DataDirectory, storageError } from "./data-directory.ts";
import { fillLostCluster } from "./lost-cluster.ts";

let directory: DataDirectory;
beforeEach(() => {
  directory = createDataDirectory();
});
afterEach(() => directory.remove());

const all = { entriesMax: 1000, verify: true };

test("records, the range of the log, and the last entries by kind and size", () => {
  fillLostCluster(directory, () => [append(...sessionEntries(10, 3)), vote(4, "n3")]);
  const { saved, entries, verifiedEntries, format } = inspectLog(directory.dataDir, { entriesMax: 5, verify: true });
  expect(saved).toMatchObject({ currentTerm: 4, votedFor: keyOf("n3"), last: { index: 13, term: 3 } });
  expect(saved.configurations.map(({ position }) => position.index)).toEqual([5]);
  expect(entries.map(({ index, kind, session }) => [index, kind, session])).toEqual([
    [9, "command", null],
    [10, "openSession", null],
    [11, "command", 10],
    [12, "command", 10],
    [13, "closeSession", 10],
  ]);
  expect(entries.map(({ payloadBytes }) => payloadBytes)).toEqual([24, 35, 24, 0, 0]);
  expect({ verifiedEntries, format }).toEqual({ verifiedEntries: 13, format: formatVersion });
});

test("P57: no byte of a payload is in what is told", () => {
  fillLostCluster(directory);
  expect(JSON.stringify(inspectLog(directory.dataDir, all))).not.toContain("entry 9 term 2");
});

test("P35: nothing is changed and nothing is left, also beside a WAL that a killed node has left", async () => {
  fillLostCluster(directory);
  const writer = Bun.spawn(["bun", `${import.meta.dir}/writer.ts`, directory.dataDir], { stdout: "pipe" });
  for await (const _ of writer.stdout) break;
  writer.kill("SIGKILL");
  await writer.exited;
  const contents = () => readdirSync(directory.dataDir).map((name) => [name, hashOf(`${directory.dataDir}/${name}`)]);
  const before = contents();
  expect(before.map(([name]) => name)).toContain("graft.sqlite-wal");
  const { saved, verifiedEntries } = inspectLog(directory.dataDir, all);
  expect(verifiedEntries).toBe(saved.last.index);
  expect(contents()).toEqual(before);
});

const hashOf = (path: string): string => String(Bun.hash(readFileSync(path)));

test("a node that runs is not looked at, and none can start meanwhile", () => {
  fillLostCluster(directory);
  const running = directory.open();
  expect(storageError(() => inspectLog(directory.dataDir, all))).toContain("A node is running");
  running.close();
  lookAtStopped(directory.dataDir, () => {
    const other = Bun.spawnSync(["bun", `${import.meta.dir}/opener.ts`, directory.dataDir]);
    expect(other.stdout.toString()).toContain("Another process");
    expect(storageError(() => directory.open())).toContain("Another process");
  });
  directory.open().close();
});

test("damage is found when it is looked for, and what can be read without is told", () => {
  fillLostCluster(directory);
  directory.sql("UPDATE log SET stamp_ms = stamp_ms + 1 WHERE idx = 3");
  const unverified = inspectLog(directory.dataDir, { ...all, verify: false });
  expect(unverified).toMatchObject({ verifiedEntries: null, damage: [] });
  const verified = inspectLog(directory.dataDir, all);
  expect(verified).toMatchObject({ verifiedEntries: null, saved: { last: { index: 9 } } });
  expect(verified.damage.join()).toContain("damaged at entry 3");
});

describe("what a start would find is told, and nothing is changed:", () => {
  const contentsNow = (): unknown =>
    readdirSync(directory.dataDir).map((name) => [name, hashOf(join(directory.dataDir, name))]);

  /** The damage that is told. */
  function told(change: () => void): string {
    fillLostCluster(directory);
    change();
    const before = contentsNow();
    const { damage, finding } = inspectLog(directory.dataDir, all);
    expect(contentsNow()).toEqual(before);
    return [finding?.text ?? "", ...damage].join("; ");
  }
  const markPath = (): string => join(directory.dataDir, "graft.mark");

  test("nothing, and how far the mark says the log reached", () => {
    fillLostCluster(directory);
    const { damage, finding, mark } = inspectLog(directory.dataDir, all);
    expect({ damage, finding }).toEqual({ damage: [], finding: null });
    expect(mark).toMatchObject({ kind: "mark", mark: { last: { index: 9, term: 2 }, currentTerm: 3 } });
  });

  test("entries that the log has lost, with their range", () => {
    const damage = told(() => {
      const copy = readFileSync(directory.file);
      const store = directory.open();
      store.write([append(...commands(10, 14, 3))], ignoreDurable);
      store.close();
      writeFileSync(directory.file, copy);
    });
    expect(damage).toContain("entries 10 to 14 are lost here");
  });

  test("a damaged WAL, and where", () => {
    const damage = told(() => {
      const store = directory.open();
      for (let at = 10; at < 20; at++) store.write([append(...commands(at, at, 3))], ignoreDurable);
      const left = [directory.file, `${directory.file}-wal`].map((path) => [path, readFileSync(path)] as const);
      store.close();
      for (const [path, bytes] of left) writeFileSync(path, bytes);
      const wal = Buffer.from(left[1]![1]);
      wal[5000] = wal[5000]! ^ 1;
      writeFileSync(`${directory.file}-wal`, wal);
    });
    expect(damage).toContain("damaged at byte");
    expect(damage).toContain("to 19 are lost here");
  });

  test("a mark that is missing", () => {
    expect(told(() => rmSync(markPath()))).toContain("graft.mark is missing");
  });

  test("a finding", () => {
    const damage = told(() => {
      const store = directory.open();
      store.keepFinding({ kind: "invariant", text: "both lead term 2", at: "2026-01-01T00:00:00.000Z" });
      store.close();
    });
    expect(damage).toContain("both lead term 2");
  });
});

test("a database that is missing or cannot be read: what the mark says of it", () => {
  fillLostCluster(directory);
  writeFileSync(directory.file, "Dear diary. ".repeat(1000));
  expect(damageError(() => inspectLog(directory.dataDir, all))).toContain("the log reached entry 9 (term 2)");
  rmSync(directory.file);
  expect(damageError(() => inspectLog(directory.dataDir, all))).toContain("graft.sqlite is missing");
});

test.each([18, 19])(
  "a flipped bit at byte %d of the header: the node would not start with it, and so it is told",
  (at) => {
    fillLostCluster(directory);
    const bytes = readFileSync(directory.file);
    bytes[at] = bytes[at]! ^ 0x40;
    writeFileSync(directory.file, bytes);
    expect(damageError(() => inspectLog(directory.dataDir, all))).toContain("damaged at the database itself");
  },
);

test("neither a folder without a log nor a foreign database", () => {
  expect(storageError(() => inspectLog(directory.dataDir, all))).toContain("There is no log");
  directory.open().close();
  directory.sql("PRAGMA application_id = 1");
  expect(storageError(() => inspectLog(directory.dataDir, all))).toContain("not one of Graft's");
});
