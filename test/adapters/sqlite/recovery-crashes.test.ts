// What does a start make of a recovery that a crash has interrupted? The old node or the new one starts, never a part of one.
import { Database } from "bun:sqlite";
import { afterEach, beforeEach, describe, expect, test } from "bun:test";
import { existsSync, readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import type { Mark } from "../../../src/adapters/sqlite/mark.ts";
import { readMark } from "../../../src/adapters/sqlite/mark-file.ts";
import { planRecovery, recover } from "../../../src/adapters/sqlite/recover.ts";
import { changeMark, createDataDirectory, type DataDirectory } from "./data-directory.ts";
import { fillLostCluster, newCluster } from "./lost-cluster.ts";

let directory: DataDirectory;
beforeEach(() => {
  directory = createDataDirectory();
});
afterEach(() => directory.remove());

const inDir = (name: string): string => join(directory.dataDir, name);

describe("a crash while a cluster is recovered", () => {
  const recovering = (mark: Mark): Mark => ({
    ...mark,
    state: { kind: "recovering", to: newCluster.incarnation, before: { kind: "inUse" } },
  });

  test("before the database has changed: the old node starts, as if nothing had been tried", () => {
    fillLostCluster(directory);
    changeMark(directory.dataDir, recovering);
    const store = directory.open();
    expect(store.saved).toMatchObject({ refill: null, last: { index: 9 }, currentTerm: 3 });
    store.close();
  });

  /** The database has changed, and the mark does not say so. */
  const recoverBeforeTheMark = (): void => {
    fillLostCluster(directory);
    const before = readFileSync(inDir("graft.mark"));
    recover(planRecovery(directory.dataDir), newCluster);
    writeFileSync(inDir("graft.mark"), before);
    changeMark(directory.dataDir, recovering);
  };

  test("before the mark says so: the new node starts", () => {
    recoverBeforeTheMark();
    const store = directory.open();
    expect(store.saved).toMatchObject({ refill: null, incarnation: newCluster.incarnation, last: { index: 10 } });
    store.close();
    expect(readMark(inDir("graft.mark"))).toMatchObject({ mark: { state: { kind: "inUse" }, last: { index: 10 } } });
  });

  test("and the WAL of the new node is damaged: nothing of it counts, and the files are set aside as they are", () => {
    recoverBeforeTheMark();
    const wal = `${directory.file}-wal`;
    writeFileSync(wal, damagedWal());
    const store = directory.open();
    expect(store.saved.refill?.finding).toContain(`${wal} is damaged at byte`);
    store.close();
    expect(directory.setAside().map((folder) => existsSync(join(folder, "graft.sqlite-wal")))).toEqual([true]);
  });

  /** Of two transactions, with a flipped bit in the first one. The database stays as it is. */
  function damagedWal(): Buffer {
    const database = readFileSync(directory.file);
    const db = new Database(directory.file);
    db.run("PRAGMA wal_autocheckpoint = 0");
    for (const term of [8, 9]) db.run(`UPDATE vote SET current_term = ${term}`);
    const bytes = readFileSync(`${directory.file}-wal`);
    db.close();
    writeFileSync(directory.file, database);
    bytes[100] = bytes[100]! ^ 1;
    return bytes;
  }

  test("before anything, and the old data is damaged: it is set aside as it would have been", () => {
    fillLostCluster(directory);
    changeMark(directory.dataDir, recovering);
    writeFileSync(directory.file, "no database");
    const store = directory.open();
    expect(store.saved.refill?.finding).toContain("graft.sqlite");
    store.close();
  });
});
