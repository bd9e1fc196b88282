// Damage in a snapshot's file: found before the state machine gets to see it, named by file, and nothing is deleted over it
// (P35). And what only files have: modes, names, and what a power cut leaves of them.
import { afterEach, beforeEach, describe, expect, spyOn, test } from "bun:test";
import {
  appendFileSync,
  chmodSync,
  existsSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  rmSync,
  statSync,
  symlinkSync,
  writeFileSync,
} from "node:fs";
import fs from "node:fs/promises";
import { tmpdir } from "node:os";
import { dirname, join } from "node:path";
import { nameOf } from "../../../src/adapters/files/snapshot-folder.ts";
import { openFileSnapshotStore, verifySnapshot } from "../../../src/adapters/files/snapshot-store.ts";
import type { SnapshotFile, SnapshotStore } from "../../../src/ports/snapshot-store.ts";
import {
  bytesOf,
  damageErrorOf,
  headerAt,
  readAll,
  storageErrorOf,
  writeSnapshot,
} from "../../contracts/snapshot-store.contract.ts";

let dataDir: string;
let store: SnapshotStore;
let file: SnapshotFile;
let path: string;
const chunks = [bytesOf(5000), bytesOf(3000, 2), bytesOf(4000, 3)];

beforeEach(async () => {
  dataDir = mkdtempSync(join(tmpdir(), "graft-damage-"));
  store = openFileSnapshotStore(dataDir);
  file = await writeSnapshot(store, chunks);
  path = join(dataDir, "snapshots", file.file);
});
afterEach(async () => {
  await store.close();
  rmSync(dataDir, { recursive: true });
});

function change(alter: (bytes: Buffer) => Buffer | void): Buffer {
  const bytes = readFileSync(path);
  const changed = alter(bytes) ?? bytes;
  writeFileSync(path, changed);
  return changed;
}

const flip = (at: number) => (bytes: Buffer) => {
  const place = at < 0 ? bytes.length + at : at;
  bytes[place] = bytes[place]! ^ 0x10;
};

describe("P35: a damaged file is reported with its name and stays as it is", () => {
  test.each<[string, (bytes: Buffer) => Buffer | void]>([
    ["its magic", flip(0)],
    ["its format's number", flip(11)],
    ["a length", flip(14)],
    ["a frame's kind", flip(12)],
    ["its header", flip(100)],
    ["a chunk's bytes", flip(6000)],
    ["the checksum at the end", flip(-1)],
    ["the count at the end", flip(-20)],
    ["the end missing", (bytes) => bytes.subarray(0, -29)],
    ["half of it missing", (bytes) => bytes.subarray(0, 6000)],
    ["all of it missing", (bytes) => bytes.subarray(0, 0)],
    ["something after its end", (bytes) => Buffer.concat([bytes, Buffer.from([0])])],
    ["zeros in place of its end", (bytes) => bytes.fill(0, 9000)],
    ["another file's content", () => Buffer.from("Dear diary. ".repeat(1000))],
  ])("%s", async (_, alter) => {
    const changed = change(alter);
    const message = await damageErrorOf(readAll(store, file));
    expect(message).toContain(path);
    expect(message).toContain("Nothing was deleted");
    expect(Buffer.compare(readFileSync(path), changed)).toBe(0);
  });

  test("chunks in another order, each of them sound, are noticed", async () => {
    const other = await writeSnapshot(store, chunks.toReversed());
    const theirs = readFileSync(join(dataDir, "snapshots", other.file));
    // The header's frame is the same in both: the end of one behind the beginning of the other.
    change((bytes) => Buffer.concat([bytes.subarray(0, bytes.length - 4021), theirs.subarray(theirs.length - 4021)]));
    expect(await damageErrorOf(readAll(store, file))).toContain("damaged");
  });

  test("what was sound before the damage has come out, and no byte of what was not", async () => {
    change(flip(-3000));
    const seen: Uint8Array[] = [];
    await damageErrorOf(
      (async () => {
        for await (const chunk of store.contents(file)) seen.push(chunk);
      })(),
    );
    expect(chunks.slice(0, seen.length)).toEqual(seen as Uint8Array<ArrayBuffer>[]);
    expect(seen.length).toBeLessThan(3);
  });

  test("a header that is damaged is not believed", async () => {
    change(flip(60));
    expect(await damageErrorOf(store.header(file.file))).toContain("damaged");
    change((bytes) => bytes.subarray(0, 40));
    expect(await damageErrorOf(store.header(file.file))).toContain("damaged");
  });

  test("the file of a newer format is refused by its number", async () => {
    change((bytes) => void bytes.writeUInt32BE(4, 8));
    expect(await damageErrorOf(store.header(file.file))).toContain("format 4");
  });

  test("a good copy from another node takes its place, and only then", async () => {
    const good = readFileSync(path);
    change(flip(6000));
    const receiver = await store.receive(file);
    expect(receiver.offset).toBe(0);
    await receiver.write(good.subarray(0, 7000));
    expect(await damageErrorOf(readAll(store, file))).toContain("damaged");
    await receiver.write(good.subarray(7000));
    expect(await receiver.finish()).toMatchObject({ kind: "complete" });
    expect(await readAll(store, file)).toEqual(chunks);
  });

  test.each<[string, (good: Buffer) => Buffer, Partial<SnapshotFile>]>([
    ["its end missing", (good) => good.subarray(0, -29), {}],
    ["its last chunk missing", (good) => good.subarray(0, -29 - 4013), {}],
    ["only its beginning", (good) => good.subarray(0, 400), {}],
    ["another checksum than the announced", (good) => good, { checksum: 4711 }],
    ["another length than the announced", (good) => good, { bytes: 4711 }],
  ])("a file that is here with %s is not taken for the one that is announced", async (_, alter, other) => {
    change(alter);
    const receiver = await store.receive({ ...file, ...other });
    expect(receiver.offset).toBe(0);
    await receiver.abandon();
  });

  test("a file with bytes after its end is not taken for the one that is announced", async () => {
    const good = readFileSync(path);
    appendFileSync(path, Uint8Array.of(1));
    const receiver = await store.receive(file);
    expect(receiver.offset).toBe(0);
    await receiver.write(good);
    expect(await receiver.finish()).toMatchObject({ kind: "complete" });
    expect(readFileSync(path)).toEqual(good);
  });
});

test.each([3500, 30_000])("what a power cut has left of the last pages is fetched again: %i bytes", async (rubbish) => {
  const good = readFileSync(path);
  rmSync(path);
  const receiver = await store.receive(file);
  await receiver.write(good.subarray(0, 9000));
  await receiver.pause();
  const partial = `${path}.receiving`;
  expect(statSync(partial).size).toBe(9000);
  appendFileSync(partial, new Uint8Array(rubbish));
  const again = await store.receive(file);
  expect(again.offset).toBeGreaterThan(5000);
  expect(again.offset).toBeLessThanOrEqual(9000);
  await again.write(good.subarray(again.offset));
  expect(await again.finish()).toMatchObject({ kind: "complete" });
  expect(readFileSync(path)).toEqual(good);
});

test("what is left of a partial file that is not sound from its beginning is written over", async () => {
  const good = readFileSync(path);
  rmSync(path);
  writeFileSync(`${path}.receiving`, new Uint8Array(20_000));
  const receiver = await store.receive(file);
  expect(receiver.offset).toBe(0);
  await receiver.write(good);
  expect(await receiver.finish()).toMatchObject({ kind: "complete" });
  expect(readFileSync(path)).toEqual(good);
});

test("what is wrong with a file that has come is told in words, with what was found and what was expected", async () => {
  const good = readFileSync(path);
  const other = openFileSnapshotStore(join(dataDir, "other"));
  const findingIn = async (bytes: Uint8Array, announced = file): Promise<string> => {
    const receiver = await other.receive(announced);
    await receiver.write(bytes);
    const received = await receiver.finish();
    return received.kind === "damaged" ? received.finding : "none";
  };
  const { bytes, checksum } = file;
  expect(await findingIn(good.subarray(0, -1))).toBe(`it ends after ${bytes - 29} sound bytes, before its end mark`);
  expect(await findingIn(Buffer.concat([good, good]))).toBe("there are bytes after its end mark");
  expect(await findingIn(good, { ...file, bytes: 7, checksum: 8 })).toBe(
    `it has ${bytes} bytes and the checksum ${checksum}, and 7 and 8 were expected`,
  );
  expect(await findingIn(new Uint8Array(0))).toBe("it ends after 0 sound bytes, before its end mark");
  expect(await findingIn(good)).toBe("none");
  await other.close();
});

test("nothing can be added to a file that has arrived before", async () => {
  const before = readFileSync(path);
  const again = await store.receive(file);
  await again.write(new Uint8Array(0));
  expect(await storageErrorOf(Promise.try(() => again.write(Uint8Array.of(1))))).toContain("nothing to be added");
  await again.pause();
  // Once it is paused or abandoned, the file can be received anew.
  for (let times = 0; times < 2; times++) await (await store.receive(file)).abandon();
  expect(readFileSync(path)).toEqual(before);
});

test("P29: the name of a file that has arrived before is on disk before the log may name it", async () => {
  const again = await store.receive(file);
  expect(again.offset).toBe(file.bytes);
  const opened: string[] = [];
  const openFile = fs.open;
  const opening = spyOn(fs, "open").mockImplementation((name, ...rest) => {
    opened.push(String(name));
    return openFile(name, ...rest);
  });
  expect(await again.finish()).toMatchObject({ kind: "complete" });
  opening.mockRestore();
  expect(opened).toEqual([join(dataDir, "snapshots"), dataDir]);
});

test("a snapshot that cannot be read is not said to be in the log as well", async () => {
  rmSync(path);
  mkdirSync(path);
  const message = await storageErrorOf(readAll(store, file));
  expect(message).toContain("EISDIR");
  expect(message).not.toContain("The log still holds");
});

describe("the snapshot of a stopped node", () => {
  test("is sound, or what is wrong with it is said, and nothing is changed", async () => {
    await verifySnapshot(dataDir, file);
    change(flip(6000));
    const message = await damageErrorOf(verifySnapshot(dataDir, file));
    expect(message).toContain(`The snapshot ${path} is damaged`);
    expect(message).not.toContain("backup");
    rmSync(path);
    expect(await damageErrorOf(verifySnapshot(dataDir, file))).toContain(`The snapshot ${path} is missing`);
  });
});

test("P57: the folder and the files are for one user alone, while they grow and afterwards", async () => {
  const modeOf = (name: string): string => (statSync(name).mode & 0o777).toString(8);
  const folder = join(dataDir, "snapshots");
  const writer = await store.create(headerAt(9));
  await writer.write(bytesOf(300_000));
  expect(modeOf(folder)).toBe("700");
  expect(readdirSync(folder)).toHaveLength(2);
  for (const name of readdirSync(folder)) expect(modeOf(join(folder, name))).toBe("600");
});

test("P57: a folder that others could read is closed to them at the next start", async () => {
  const folder = join(dataDir, "snapshots");
  chmodSync(folder, 0o755);
  await openFileSnapshotStore(dataDir).close();
  expect(statSync(folder).mode & 0o777).toBe(0o700);
});

test.each([
  "../graft.sqlite",
  "a/b.snapshot",
  "a.snapshot/../../graft.sqlite",
  "a.snapshot.writing",
  "a.snapshot.old",
  "..snapshot",
  ".snapshot",
  "",
  "x",
  `${"9".repeat(300)}.snapshot`,
])("%j is no name of a snapshot: nothing outside of the folder is touched", async (name) => {
  const announced = { file: name, bytes: 10, checksum: 1 };
  await storageErrorOf(Promise.try(() => store.receive(announced)));
  await storageErrorOf(Promise.try(() => store.read(name, 0, 10)));
  await storageErrorOf(Promise.try(() => store.header(name)));
  await storageErrorOf(readAll(store, announced));
});

test("what somebody else put into the folder is neither listed nor removed", async () => {
  const own = [`${file.file}.old`, "my-snapshot", "notes.txt", "old.SNAPSHOT", "old.snapshot~"].toSorted();
  for (const name of own) writeFileSync(join(dataDir, "snapshots", name), "mine");
  expect(await store.list()).toHaveLength(1);
  await store.retain([file.file]);
  await store.retain([]);
  expect(readdirSync(join(dataDir, "snapshots")).toSorted()).toEqual(own);
});

test("a file's name says its position, and its checksum", () => {
  expect(nameOf({ index: 120, term: 3 }, 0xab_cd)).toBe("000000000120-3-abcd.snapshot");
});

test("files are listed in the order of their positions, and one that is gone by then is not", async () => {
  for (const index of [1000, 7, 99_999_999, 80]) await writeSnapshot(store, [], headerAt(index));
  symlinkSync("nowhere", join(dataDir, "snapshots", "000000000001-1-gone.snapshot"));
  const listed = await store.list();
  expect(listed.map((each) => Number(each.file.split("-")[0]))).toEqual([7, 80, 120, 1000, 99_999_999]);
});

test("a folder that cannot be looked through is a failure of the disk, and says what was to be done", async () => {
  rmSync(dirname(path), { recursive: true });
  expect(await storageErrorOf(store.list())).toContain(`Listing ${dirname(path)} failed`);
  const removing = `Removing what is not needed any more from ${dirname(path)} failed`;
  expect(await storageErrorOf(store.retain([]))).toContain(removing);
});

test("a file that cannot be looked at is a failure, and is not passed over", async () => {
  symlinkSync("loop.snapshot", join(dirname(path), "loop.snapshot"));
  expect(await storageErrorOf(store.list())).toContain("ELOOP");
});

test("a folder that cannot be made is reported with its path", () => {
  const place = join(dataDir, "taken");
  writeFileSync(place, "a file where the folder should be");
  expect(() => openFileSnapshotStore(place)).toThrow(place);
});

test.skipIf(Bun.which("prlimit") === null)(
  "P47: a disk that refuses a write: it is reported, and not tried again",
  async () => {
    const program = Bun.fileURLToPath(import.meta.resolve("./overflow.ts"));
    const child = Bun.spawn(["prlimit", "--fsize=1000000:", process.execPath, program, dataDir], {
      stdout: "pipe",
      stderr: "inherit",
    });
    const lines = (await child.stdout.text()).split("\n");
    expect(await child.exited).toBe(0);
    expect(lines[0]).toContain("Writing the snapshot");
    expect(lines[0]).toContain("EFBIG");
    expect(lines[1]).toContain("failed before");
    expect(lines[2]).toContain("failed before");
    expect((await store.list()).map(({ isComplete }) => isComplete)).toEqual([true]);
  },
);

test("a folder that is removed while the node runs is made again for the next snapshot, sent or written", async () => {
  const received = readFileSync(path);
  for (const next of ["written", "received"]) {
    rmSync(dirname(path), { recursive: true });
    if (next === "written") expect(await readAll(store, await writeSnapshot(store, chunks))).toEqual(chunks);
    else {
      const receiver = await store.receive(file);
      await receiver.write(received);
      expect(await receiver.finish()).toMatchObject({ kind: "complete" });
    }
    expect(statSync(dirname(path)).mode & 0o777).toBe(0o700);
  }
});

test("a data directory that is removed is not made again: whatever else was in it is gone", async () => {
  const empty = mkdtempSync(join(tmpdir(), "graft-gone-"));
  const orphan = openFileSnapshotStore(empty);
  rmSync(empty, { recursive: true });
  expect(await storageErrorOf(writeSnapshot(orphan, chunks))).toContain("ENOENT");
  expect(existsSync(empty)).toBe(false);
  await orphan.close();
});
