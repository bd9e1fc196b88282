// Opening the file: by one process alone, readable by one user alone, with settings that are read back, in one format.
import { Database } from "bun:sqlite";
import { afterEach, beforeEach, describe, expect, test } from "bun:test";
import { chmodSync, mkdirSync, readdirSync, readFileSync, rmSync, statSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { createPrivateFile, prepareDataDirectory } from "../../../src/adapters/sqlite/data-directory.ts";
import { firstPromises, Slot, slotBytes } from "../../../src/adapters/sqlite/mark.ts";
import { openDatabase } from "../../../src/adapters/sqlite/open-database.ts";
import { append, commands, ignoreDurable, vote } from "../../contracts/log-entries.ts";
import { createDataDirectory, damageError, type DataDirectory, storageError } from "./data-directory.ts";

let directory: DataDirectory;
beforeEach(() => {
  directory = createDataDirectory();
});
afterEach(() => directory.remove());

const beginning = {
  incarnation: "00112233445566778899aabbccddeeff",
  databaseId: "b7",
  currentTerm: 0,
  votedFor: null,
  refill: null,
};
const modeOf = (path: string): string => (statSync(path).mode & 0o777).toString(8);

describe("settings", () => {
  const pragma = (name: string): unknown => {
    const file = prepareDataDirectory(directory.dataDir);
    createPrivateFile(file);
    const db = openDatabase(file, beginning);
    const row = db.query(`PRAGMA ${name}`).get() as Record<string, unknown>;
    db.close();
    return Object.values(row)[0];
  };

  test("P45: every commit waits for its fsync, at the first start and at every later one", () => {
    expect(pragma("synchronous")).toBe(2);
    expect(pragma("synchronous")).toBe(2);
  });

  test.each([
    ["journal_mode", "wal"],
    ["locking_mode", "exclusive"],
    ["fullfsync", 1],
    ["checkpoint_fullfsync", 1],
    ["wal_autocheckpoint", 0],
    ["journal_size_limit", 33_554_432],
    ["auto_vacuum", 2],
  ])("%s is %p", (name, value) => {
    expect(pragma(name)).toBe(value);
    expect(pragma(name)).toBe(value);
  });

  test("a file that could not give back space stops the node, and stays as it is", () => {
    directory.open().close();
    {
      using db = new Database(directory.file);
      db.run("PRAGMA auto_vacuum = NONE");
      db.run("VACUUM");
    }
    expect(storageError(directory.open)).toContain("auto_vacuum = 2");
  });

  test("a setting that SQLite does not take stops the node", () => {
    // A database in memory has no WAL.
    const message = storageError(() => openDatabase(":memory:", beginning));
    expect(message).toContain("journal_mode = wal");
    expect(message).toContain("memory");
  });
});

test("P3, P45: whatever can be read after opening is in the synced database, and nothing in the WAL alone", () => {
  const first = directory.open();
  first.write([vote(4, "n1")], ignoreDurable);
  // As a killed process leaves it: the vote stands in the WAL, and who wrote it may not have lived to sync it.
  const left = [directory.file, `${directory.file}-wal`].map((file) => [file, readFileSync(file)] as const);
  first.close();
  for (const [file, bytes] of left) writeFileSync(file, bytes);
  expect(statSync(`${directory.file}-wal`).size).toBeGreaterThan(0);
  const second = directory.open();
  expect(second.saved.currentTerm).toBe(4);
  expect(statSync(`${directory.file}-wal`).size).toBe(0);
  second.close();
});

describe("P57: what is stored is for one user alone", () => {
  test("the folder and every file in it, while it is open and afterwards", () => {
    directory.open().close();
    const store = directory.open();
    store.write([append(...commands(1, 50, 1))], ignoreDurable);
    expect(modeOf(directory.dataDir)).toBe("700");
    const files = readdirSync(directory.dataDir);
    expect(files.toSorted()).toEqual(["graft.lock", "graft.mark", "graft.sqlite", "graft.sqlite-wal"]);
    for (const file of files) expect(modeOf(join(directory.dataDir, file))).toBe("600");
    store.close();
    expect(modeOf(directory.file)).toBe("600");
  });

  test("a file that was opened up is closed again", () => {
    directory.open().close();
    chmodSync(directory.file, 0o644);
    directory.open().close();
    expect(modeOf(directory.file)).toBe("600");
  });
});

describe("one data directory, one process", () => {
  test("a second store in the same process is refused, and the first goes on holding the file", async () => {
    const first = directory.open();
    expect(storageError(directory.open)).toContain("is using");
    // The refusal must not have dropped the first one's locks.
    expect(await openInAnotherProcess()).toContain("is using");
    first.write([vote(4, "n1")], ignoreDurable);
    first.close();
    const second = directory.open();
    expect(second.saved.currentTerm).toBe(4);
    second.close();
  });

  test("a second process is refused quickly, and may come once the first is gone", async () => {
    const first = directory.open();
    const beganMs = performance.now();
    const refusal = await openInAnotherProcess();
    expect(performance.now() - beganMs).toBeLessThan(5000);
    expect(refusal).toContain("Another process");
    expect(refusal).toContain(directory.file);
    first.close();
    expect(await openInAnotherProcess()).toBe("opened");
  });

  async function openInAnotherProcess(): Promise<string> {
    const program = Bun.fileURLToPath(import.meta.resolve("./opener.ts"));
    const child = Bun.spawn([process.execPath, program, directory.dataDir], { stdout: "pipe", stderr: "inherit" });
    const output = await child.stdout.text();
    await child.exited;
    return output;
  }
});

describe("formats", () => {
  const unmarked = (): void => rmSync(join(directory.dataDir, "graft.mark"));

  test.each([0, 1, 2, 3, 99])("a file of format %i is refused and stays as it is", (version) => {
    directory.open().close();
    directory.sql(`PRAGMA user_version = ${version}`);
    unmarked();
    const before = readFileSync(directory.file);
    expect(storageError(directory.open)).toContain(`data format ${version}`);
    expect(readFileSync(directory.file)).toEqual(before);
  });

  test("a mark of another format is refused: nobody knows what else it says", () => {
    directory.open().close();
    const path = join(directory.dataDir, "graft.mark");
    const mark = readFileSync(path);
    const slot = new Uint8Array(slotBytes);
    new Slot(slot).write(
      { sequence: 99, mark: { ...firstPromises("x", "y"), state: { kind: "inUse" } }, bootId: null },
      99,
    );
    writeFileSync(path, Buffer.concat([mark.subarray(0, slotBytes), slot]));
    const before = readFileSync(directory.file);
    expect(storageError(directory.open)).toContain("data format 99");
    expect(readFileSync(directory.file)).toEqual(before);
  });

  test("another program's database is refused and stays as it is", () => {
    mkdirSync(directory.dataDir);
    directory.sql("CREATE TABLE recipes (name TEXT)");
    const before = readFileSync(directory.file);
    expect(storageError(directory.open)).toContain("not one of Graft's");
    expect(readFileSync(directory.file)).toEqual(before);
  });

  test("a file that is no database is refused and stays as it is", () => {
    mkdirSync(directory.dataDir);
    writeFileSync(directory.file, "Dear diary. ".repeat(1000));
    expect(damageError(directory.open)).toContain("Nothing was changed");
    expect(readFileSync(directory.file, "utf8")).toStartWith("Dear diary");
  });

  test("a start that died before its first commit is started over", () => {
    mkdirSync(directory.dataDir);
    writeFileSync(directory.file, "");
    const store = directory.open();
    expect(store.saved.incarnation).toHaveLength(32);
    store.close();
  });
});

test("a data directory that cannot be made is reported with its path", () => {
  writeFileSync(directory.dataDir, "a file where the folder should be");
  expect(storageError(directory.open)).toContain(directory.dataDir);
});

describe("a file that cannot be what it should be is named, and the data stays", () => {
  test("a lock with something in it: it may be removed", () => {
    directory.open().close();
    const path = join(directory.dataDir, "graft.lock");
    writeFileSync(path, "Dear diary. ".repeat(100));
    expect(storageError(directory.open)).toContain(`${path} is not empty`);
    rmSync(path);
    directory.open().close();
  });

  test.each(["graft.lock", "graft.mark"])("a folder in the place of %s", (name) => {
    directory.open().close();
    const path = join(directory.dataDir, name);
    rmSync(path);
    mkdirSync(path);
    const message = storageError(directory.open);
    expect(message).toContain(`${path} cannot be used`);
    expect(message).not.toContain("was being written");
  });

  test("a lock and a mark that the node may not write are made its own again", () => {
    directory.open().close();
    const paths = ["graft.lock", "graft.mark"].map((name) => join(directory.dataDir, name));
    for (const path of paths) chmodSync(path, 0o400);
    directory.open().close();
    expect(paths.map(modeOf)).toEqual(["600", "600"]);
  });
});
