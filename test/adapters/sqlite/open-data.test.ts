// What a start makes of every state that a data directory can be in: after damage to each file, and after a crash at each step
// of creating it and of setting damaged files aside. A crash during a recovery is recovery-crashes.test.ts. What all log stores must do is in the contract.
import { afterEach, beforeEach, describe, expect, test } from "bun:test";
import {
  copyFileSync,
  cpSync,
  existsSync,
  mkdirSync,
  readdirSync,
  readFileSync,
  renameSync,
  rmSync,
  truncateSync,
  writeFileSync,
} from "node:fs";
import { join } from "node:path";
import { slotBytes } from "../../../src/adapters/sqlite/mark.ts";
import { readMark } from "../../../src/adapters/sqlite/mark-file.ts";
import { inspectLog } from "../../../src/adapters/sqlite/inspect-log.ts";
import { planRecovery, recover } from "../../../src/adapters/sqlite/recover.ts";
import { append, commands, found, genesis, ignoreDurable, keyOf, vote } from "../../contracts/log-entries.ts";
import { changeMark, createDataDirectory, damageError, type DataDirectory } from "./data-directory.ts";
import { fillLostCluster, newCluster } from "./lost-cluster.ts";

let directory: DataDirectory;
beforeEach(() => {
  directory = createDataDirectory();
});
afterEach(() => directory.remove());

const inDir = (name: string): string => join(directory.dataDir, name);

function fill(): string {
  const store = directory.open();
  store.write([found(), vote(3, "n2"), append(...commands(1, 9, 2))], ignoreDurable);
  store.write([append(...commands(10, 20, 3, 3000))], ignoreDurable);
  store.close();
  mkdirSync(inDir("snapshots"));
  writeFileSync(inDir("snapshots/a.snapshot"), "the state");
  return store.saved.incarnation;
}

/** The files as a killed process leaves them: with a WAL that holds all transactions since the start. */
function fillAndKill(): void {
  directory.open().close();
  const store = directory.open();
  store.write([found(), vote(3, "n2")], ignoreDurable);
  for (let index = 1; index <= 12; index++) store.write([append(...commands(index, index, 3, 2000))], ignoreDurable);
  const left = ["graft.sqlite", "graft.sqlite-wal", "graft.mark"].map(
    (name) => [inDir(name), readFileSync(inDir(name))] as const,
  );
  store.close();
  for (const [path, bytes] of left) writeFileSync(path, bytes);
}

function rotSlot(slot: number): void {
  const bytes = readFileSync(inDir("graft.mark"));
  bytes.fill(0x55, slot * slotBytes + 8, slot * slotBytes + 300);
  writeFileSync(inDir("graft.mark"), bytes);
}

/** It starts, and is to be refilled, with what it had promised. */
function refills(): string {
  const store = directory.open();
  const { refill, ...saved } = store.saved;
  store.close();
  expect(saved).toMatchObject({ currentTerm: 3, votedFor: keyOf("n2"), genesis: null, last: { index: 0 } });
  expect(refill?.clusterUuid).toBe(genesis.clusterUuid);
  // And stays so.
  const again = directory.open();
  expect(again.saved.refill).toEqual(refill);
  again.close();
  return refill?.finding ?? "";
}

describe("P46: the WAL of a killed process", () => {
  test("as it was left: nothing is lost", () => {
    fillAndKill();
    const store = directory.open();
    expect(store.saved).toMatchObject({ refill: null, currentTerm: 3, last: { index: 12 } });
    expect(store.read(1, 12, 1e9)).toEqual(commands(1, 12, 3, 2000));
    store.close();
  });

  test.each<[string, (bytes: Buffer) => Buffer | void]>([
    ["a flipped bit near its beginning", (bytes) => void (bytes[2000] = bytes[2000]! ^ 1)],
    ["a flipped bit near its end", (bytes) => void (bytes[bytes.length - 5] = bytes.at(-5)! ^ 1)],
    ["its header", (bytes) => void (bytes[17] = bytes[17]! ^ 1)],
    ["zeros from the middle on", (bytes) => bytes.fill(0, bytes.length >> 1)],
    ["cut short", (bytes) => bytes.subarray(0, bytes.length - 4096)],
    ["empty", (bytes) => bytes.subarray(0, 0)],
  ])("%s: it is noticed", (_, change) => {
    fillAndKill();
    const wal = `${directory.file}-wal`;
    const bytes = readFileSync(wal);
    writeFileSync(wal, change(bytes) ?? bytes);
    const before = [directory.file, wal].map((path) => readFileSync(path));
    expect(refills()).toContain(directory.dataDir);
    // Set aside as it was found: SQLite would have carried over what it can read, and emptied the rest.
    const [folder = ""] = directory.setAside();
    expect(["graft.sqlite", "graft.sqlite-wal"].map((name) => readFileSync(join(folder, name)))).toEqual(before);
  });

  test("a flipped bit: where it is, and the range that is lost", () => {
    fillAndKill();
    const wal = `${directory.file}-wal`;
    const bytes = readFileSync(wal);
    const at = bytes.lastIndexOf("entry 7 term 3");
    bytes[at] = bytes[at]! ^ 1;
    writeFileSync(wal, bytes);
    const finding = refills();
    expect(finding).toContain(`${wal} is damaged at byte`);
    expect(finding).toMatch(/entries \d+ to 12 are lost here/);
  });

  test("the range that is lost is named as far as it is known", () => {
    fillAndKill();
    truncateSync(`${directory.file}-wal`, readFileSync(`${directory.file}-wal`).length - 100);
    expect(refills()).toContain("entries 12 to 12 are lost here");
  });
});

describe("the database's file", () => {
  test.each<[string, () => void]>([
    ["missing", () => rmSync(directory.file)],
    ["empty", () => writeFileSync(directory.file, "")],
    ["cut to a page", () => truncateSync(directory.file, 4096)],
    ["another file", () => writeFileSync(directory.file, "Dear diary. ".repeat(4000))],
    ["its header rotten", () => rot(directory.file, 0, 16)],
    ["its format's number rotten", () => rot(directory.file, 60, 64)],
    ["its schema rotten", () => rot(directory.file, 100, 4096)],
    ["its first pages rotten", () => rot(directory.file, 4096, 5 * 4096)],
    ["a table gone", () => void directory.sql("DROP TABLE vote")],
    [
      "the database of another node",
      () => {
        const other = createDataDirectory();
        other.open().close();
        copyFileSync(other.file, directory.file);
        other.remove();
      },
    ],
  ])("%s: set aside, and the node is refilled", (_, change) => {
    const incarnation = fill();
    change();
    refills();
    const store = directory.open();
    expect(store.saved.incarnation).toBe(incarnation);
    store.close();
    const [folder, ...more] = directory.setAside();
    expect(more).toEqual([]);
    expect(readFileSync(join(folder!, "snapshots", "a.snapshot"), "utf8")).toBe("the state");
  });

  const rot = (path: string, from: number, to: number): void => {
    const bytes = readFileSync(path);
    bytes.fill(0x5a, from, to);
    writeFileSync(path, bytes);
  };
});

test("a column's name rotten in a table without a row: noticed before a statement fails on it", () => {
  const writer = directory.open();
  writer.write([found(), vote(3, "n2")], ignoreDurable);
  writer.close();
  const bytes = readFileSync(directory.file);
  bytes.write("paymoad", bytes.indexOf("payload BLOB"));
  writeFileSync(directory.file, bytes);
  expect(refills()).toContain("damaged at its tables");
});

describe("the damaged files moved back while the node is being refilled", () => {
  const moveBack = (): void => {
    for (const name of ["graft.sqlite", "graft.sqlite-wal"]) rmSync(inDir(name), { force: true });
    const [folder = ""] = directory.setAside();
    for (const name of readdirSync(folder)) renameSync(join(folder, name), inDir(name));
  };

  test("are set aside again, and the node is still to be refilled", () => {
    fillAndKill();
    truncateSync(`${directory.file}-wal`, readFileSync(`${directory.file}-wal`).length >> 1);
    refills();
    moveBack();
    expect(refills()).toContain("it is another database");
    expect(directory.setAside()).toHaveLength(2);
  });

  test("are told of by an inspection, and a recovery goes on with them", () => {
    fillLostCluster(directory);
    changeMark(directory.dataDir, (mark) => ({
      ...mark,
      databaseId: "of-a-database-that-came-later",
      last: { index: 0, term: 0 },
    }));
    expect(inspectLog(directory.dataDir, { entriesMax: 0, verify: false }).damage.join()).toContain("another database");
    recover(planRecovery(directory.dataDir), newCluster);
    const store = directory.open();
    expect(store.saved).toMatchObject({ refill: null, incarnation: newCluster.incarnation, last: { index: 10 } });
    store.close();
  });
});

test("each database that is created has an id of its own, which the mark holds too", () => {
  const idOf = (): unknown => {
    const [row] = directory.sql("SELECT database_id FROM identity") as { database_id: string }[];
    expect(readMark(inDir("graft.mark"))).toMatchObject({ mark: { databaseId: row?.database_id } });
    return row?.database_id;
  };
  const ids = new Set<unknown>();
  for (let count = 0; count < 3; count++) {
    fill();
    ids.add(idOf());
    rmSync(directory.file);
    refills();
    ids.add(idOf());
    rmSync(directory.dataDir, { recursive: true });
  }
  expect(ids.size).toBe(6);
});

describe("the mark", () => {
  test.each([[[0]], [[1]], [[0, 1]]])(
    "its slots %p rotten, beside damaged data: it cannot know its vote, and refuses",
    (slots) => {
      fill();
      for (const slot of slots) rotSlot(slot);
      rmSync(directory.file);
      const before = readdirSync(directory.dataDir);
      const message = damageError(directory.open);
      expect(message).toContain("cannot know what it has voted for");
      expect(message).toContain("join");
      expect(readdirSync(directory.dataDir)).toEqual(before);
    },
  );

  test.each<[string, () => void]>([
    ["rotten", () => [0, 1].forEach(rotSlot)],
    ["gone", () => rmSync(inDir("graft.mark"))],
  ])("%s, beside a WAL without its database: refused with the same advice", (_, damage) => {
    fillAndKill();
    damage();
    rmSync(directory.file);
    const before = readdirSync(directory.dataDir);
    const message = damageError(directory.open);
    expect(message).toContain("what it has voted for");
    expect(message).toContain("empty data_dir and [cluster] join");
    expect(readdirSync(directory.dataDir)).toEqual(before);
  });

  test("of a node that has only just begun, beside data: refused", () => {
    fill();
    changeMark(directory.dataDir, (mark) => ({ ...mark, state: { kind: "creating", refill: null } }));
    expect(damageError(directory.open)).toContain("only just begun");
  });

  test("P42: both gone: the node is another incarnation", () => {
    const incarnation = fill();
    rmSync(directory.dataDir, { recursive: true });
    const store = directory.open();
    expect(store.saved.incarnation).not.toBe(incarnation);
    store.close();
  });
});

describe("a crash while a data directory is created", () => {
  test.each<[string, () => void]>([
    ["before the mark", () => rmSync(inDir("graft.mark"))],
    ["while the mark is written", () => renameSync(inDir("graft.mark"), inDir("graft.mark.writing"))],
  ])("%s: begun again", (_, crash) => {
    directory.open().close();
    crash();
    rmSync(directory.file);
    directory.open().close();
  });

  test.each<[string, () => void]>([
    ["before the database's file", () => rmSync(directory.file)],
    ["before its tables", () => writeFileSync(directory.file, "")],
    ["before the mark says so", () => undefined],
  ])("%s: gone on with, as the same incarnation", (_, crash) => {
    const first = directory.open();
    first.close();
    changeMark(directory.dataDir, (mark) => ({ ...mark, state: { kind: "creating", refill: null } }));
    crash();
    const store = directory.open();
    expect(store.saved).toMatchObject({ incarnation: first.saved.incarnation, refill: null });
    store.close();
    expect(directory.setAside()).toEqual([]);
  });
});

describe("a crash while files are set aside", () => {
  const moved = ["graft.sqlite", "graft.sqlite-wal", "snapshots"];

  test.each([-1, 0, 1, 2, 3])("after %i of the moves: gone on with, into the same folder", (moves) => {
    fillAndKill();
    mkdirSync(inDir("snapshots"));
    changeMark(directory.dataDir, (mark) => ({
      ...mark,
      state: { kind: "damaged", finding: "what was found", folder: "damaged-then" },
    }));
    if (moves >= 0) mkdirSync(inDir("damaged-then"));
    for (const name of moved.slice(0, Math.max(moves, 0))) renameSync(inDir(name), inDir(`damaged-then/${name}`));
    expect(refills()).toContain("what was found");
    expect(readdirSync(inDir("damaged-then")).toSorted()).toEqual(moved);
    expect(directory.setAside()).toHaveLength(1);
  });

  test.each<[string, () => void]>([
    ["no file yet", () => rmSync(directory.file)],
    ["an empty file", () => writeFileSync(directory.file, "")],
    ["a database that does not open", () => writeFileSync(directory.file, "half of it".repeat(900))],
    ["all of it", () => undefined],
  ])("while the new database is created, %s: gone on with", (_, crash) => {
    fill();
    rmSync(directory.file);
    const first = directory.open();
    first.close();
    const { refill } = first.saved;
    changeMark(directory.dataDir, (mark) => ({ ...mark, state: { kind: "creating", refill } }));
    crash();
    expect(refills()).toContain("is missing");
  });
});

test("the folder of files that were set aside twice in a second is another one", () => {
  fill();
  for (const count of [1, 2, 3]) {
    rmSync(directory.file);
    directory.open().close();
    expect(directory.setAside()).toHaveLength(count);
  }
});

test("a data directory is copied whole, moved and used there", () => {
  fill();
  const elsewhere = `${directory.dataDir}-elsewhere`;
  cpSync(directory.dataDir, elsewhere, { recursive: true });
  rmSync(directory.dataDir, { recursive: true });
  renameSync(elsewhere, directory.dataDir);
  const store = directory.open();
  expect(store.saved).toMatchObject({ refill: null, last: { index: 20 } });
  store.close();
  expect(existsSync(inDir("graft.mark"))).toBe(true);
});
