// The mark's file: what is read back of it after a crash at any moment, and after rot in any of its bytes.
import { afterEach, beforeEach, describe, expect, test } from "bun:test";
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { decodeSlot, firstPromises, type Mark, Slot, slotBytes } from "../../../src/adapters/sqlite/mark.ts";
import { MarkFile, readMark } from "../../../src/adapters/sqlite/mark-file.ts";
import { keyOf } from "../../contracts/log-entries.ts";
import { RecordedDisk } from "../../doubles/recorded-disk.ts";

let folder: string;
let path: string;
beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), "graft-mark-"));
  path = join(folder, "graft.mark");
});
afterEach(() => rmSync(folder, { recursive: true }));

const markAt = (index: number, currentTerm = 1): Mark => ({
  ...firstPromises("0123456789abcdef0123456789abcdef", "fedcba9876543210fedcba9876543210"),
  currentTerm,
  votedFor: keyOf("n2"),
  last: { index, term: 1 },
  chain: 7 * index,
  state: { kind: "inUse" },
});

const indexFound = (): number => {
  const found = readMark(path);
  if (found.kind !== "mark") throw new Error(`no mark, but ${found.kind}`);
  return found.mark.last.index;
};

function withBytes(change: (bytes: Buffer) => void): void {
  const bytes = readFileSync(path);
  change(bytes);
  writeFileSync(path, bytes);
}

test("the latest one is read back, by this process and by the next", () => {
  const file = MarkFile.create(path, markAt(0));
  expect(readMark(path)).toMatchObject({ kind: "mark", mark: markAt(0), isNewest: true });
  for (let index = 1; index < 8; index++) {
    file.write(markAt(index));
    if (index % 3 === 0) file.sync();
    expect(indexFound()).toBe(index);
  }
  file.close();
  const found = readMark(path);
  if (found.kind !== "mark") throw new Error("no mark");
  const again = MarkFile.open(path, found);
  again.write(markAt(9));
  expect(indexFound()).toBe(9);
  again.close();
  expect(readFileSync(path)).toHaveLength(2 * slotBytes);
});

/** A process that was killed may have written it last. Its other slot is overwritten next. */
test("P61: a mark as it is found is on disk before it is built on", () => {
  using disk = new RecordedDisk();
  const file = MarkFile.create(path, markAt(0));
  file.write(markAt(1));
  file.close();
  expect(disk.lost(path, folder)).toEqual(["the content of graft.mark"]);
  const found = readMark(path);
  if (found.kind !== "mark") throw new Error("no mark");
  const again = MarkFile.open(path, found);
  expect(disk.lost(path, folder)).toEqual([]);
  again.close();
});

test.each([1, 7, 100])("a disk that writes %i bytes a call gets all of a mark", (most) => {
  const file = MarkFile.create(path, markAt(0));
  using disk = new RecordedDisk();
  disk.writeBytesMax = most;
  for (let index = 1; index < 4; index++) {
    file.writeSynced(markAt(index));
    expect(indexFound()).toBe(index);
  }
  file.close();
});

test("a mark that moves on says how far, and the rest as before", () => {
  const file = MarkFile.create(path, markAt(0));
  file.write(markAt(1, 3));
  for (const index of [2, 3, 2 ** 52 + 1]) {
    file.moveOn({ last: { index, term: 2 }, chain: 2 ** 53 - index });
    const expected = { ...markAt(1, 3), last: { index, term: 2 }, chain: 2 ** 53 - index };
    expect([file.mark, readMark(path)]).toMatchObject([expected, { kind: "mark", mark: expected }]);
  }
  file.close();
});

test("no file: there is no mark", () => {
  expect(readMark(path)).toEqual({ kind: "none" });
});

test("only the second slot is ever empty, and only before anything was written to it", () => {
  MarkFile.create(path, markAt(0)).close();
  expect(readMark(path)).toMatchObject({ kind: "mark", isNewest: true });
});

/** As after a power cut: the system has been started since both slots were written. */
function restartSystem(): void {
  withBytes((bytes) => {
    for (const at of [0, slotBytes]) {
      const slot = bytes.subarray(at, at + slotBytes);
      const content = decodeSlot(slot);
      if (content.kind === "mark") new Slot(slot).write({ ...content, bootId: "of-another-start" });
    }
  });
}

test("P61: what was synced last is never overwritten before another one is synced", () => {
  const file = MarkFile.create(path, markAt(0));
  file.writeSynced(markAt(5, 9));
  const synced = readFileSync(path);
  // A power cut may take back or tear everything since then, whatever it was.
  for (let index = 6; index < 20; index++) {
    if (index % 3 === 0) file.write(markAt(index, 9));
    else file.moveOn(markAt(index));
    const withoutTear = readFileSync(path);
    for (const slot of [0, 1]) {
      const same = readFileSync(path).subarray(slot * slotBytes, (slot + 1) * slotBytes);
      const isTouched = !same.equals(synced.subarray(slot * slotBytes, (slot + 1) * slotBytes));
      if (isTouched) withBytes((bytes) => bytes.fill(0xab, slot * slotBytes + 10, slot * slotBytes + 200));
    }
    restartSystem();
    expect(indexFound()).toBe(5);
    writeFileSync(path, withoutTear);
  }
  file.close();
});

describe("rot", () => {
  beforeEach(() => {
    const file = MarkFile.create(path, markAt(1));
    file.writeSynced(markAt(2));
    file.close();
  });

  test("in any byte that is believed is noticed: nothing to go by, or the other slot where the system was started since", () => {
    const written = readFileSync(path);
    restartSystem();
    const sound = readFileSync(path);
    const length = sound.readUInt32BE(slotBytes + 16);
    for (let at = slotBytes; at < slotBytes + 52 + length; at++) {
      withBytes((bytes) => (bytes[at] = bytes[at]! ^ 0x20));
      expect(readMark(path)).toMatchObject({ kind: "mark", mark: markAt(1), isNewest: false });
      writeFileSync(path, sound);
    }
    for (let at = slotBytes; at < slotBytes + 52 + length; at++) {
      writeFileSync(path, written);
      withBytes((bytes) => (bytes[at] = bytes[at]! ^ 0x20));
      expect(readMark(path)).toEqual({ kind: "unreadable" });
    }
  });

  test.each([0, 1])(
    "P61: that has made slot %d empty leaves nothing to go by: it may have held a newer vote",
    (slot) => {
      const found = readMark(path);
      if (found.kind !== "mark") throw new Error("no mark");
      const file = MarkFile.open(path, found);
      file.writeSynced(markAt(3));
      file.close();
      withBytes((bytes) => bytes.fill(0, slot * slotBytes, (slot + 1) * slotBytes));
      restartSystem();
      expect(readMark(path)).toEqual({ kind: "unreadable" });
      writeFileSync(path, readFileSync(path).subarray(0, slotBytes));
      expect(readMark(path)).toEqual({ kind: "unreadable" });
    },
  );

  test("that has made all of the file zeros, or has cut it off, leaves nothing to go by", () => {
    for (const bytes of [2 * slotBytes, slotBytes + 100, 10, 0]) {
      writeFileSync(path, Buffer.alloc(bytes));
      expect(readMark(path)).toEqual({ kind: "unreadable" });
    }
  });

  test("in both slots leaves nothing to go by", () => {
    withBytes((bytes) => {
      bytes[40] = bytes[40]! ^ 1;
      bytes[slotBytes + 40] = bytes[slotBytes + 40]! ^ 1;
    });
    expect(readMark(path)).toEqual({ kind: "unreadable" });
  });
});

test.each(['\u0000\u{1f4be}"\\', "\u0001", "\u{1f4be}", "\ud800", "a"])(
  "a finding of any length of %j fits",
  (character) => {
    const finding = character.repeat(5000);
    const state = { kind: "damaged", finding, folder: "damaged-2026" } as const;
    const file = MarkFile.create(path, markAt(1));
    file.writeSynced({ ...markAt(2), state: { kind: "recovering", to: "x", before: state } });
    file.close();
    const found = readMark(path);
    const text = found.kind === "mark" && JSON.stringify(found.mark.state);
    expect(text).toContain("damaged-2026");
  },
);
