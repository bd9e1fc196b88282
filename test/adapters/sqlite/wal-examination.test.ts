// Which WALs prove that something in their middle is lost, and which are what a crash leaves. Each case is also read by
// SQLite itself, which says nothing in either.
import { afterEach, beforeEach, describe, expect, test } from "bun:test";
import { rmSync } from "node:fs";
import { examineWal, type WalDamage } from "../../../src/adapters/sqlite/wal-examination.ts";
import {
  createRolledBackWal,
  createWalFile,
  frameBytes,
  headerBytes,
  inOtherByteOrder,
  startOf,
  type WalFile,
} from "./wal-file.ts";

const rows = 12;
let wal: WalFile;
beforeEach(() => {
  wal = createWalFile(rows);
});
afterEach(() => wal.remove());

/** What the examination says of the changed WAL. */
function examine(change: (bytes: Buffer) => Uint8Array | void): WalDamage | null {
  const bytes = Buffer.from(wal.bytes);
  wal.put(change(bytes) ?? bytes);
  return examineWal(wal.path);
}

const flip = (at: number) => (bytes: Buffer) => {
  bytes[at] = bytes[at]! ^ 0x04;
};
const frames = (): number => wal.transactions.reduce((sum, count) => sum + count, 0);
const framesBeforeLast = (): number => frames() - wal.transactions.at(-1)!;

describe("no damage:", () => {
  test("what SQLite has written", () => {
    expect(wal.transactions).toHaveLength(rows);
    expect(wal.bytes).toHaveLength(startOf(frames()));
    expect(examine(() => undefined)).toBeNull();
  });

  test("no WAL, and an empty one", () => {
    expect(examine(() => Buffer.alloc(0))).toBeNull();
    expect(examine((bytes) => bytes.subarray(0, headerBytes - 1))).toBeNull();
    rmSync(wal.path);
    expect(examineWal(wal.path)).toBeNull();
  });

  test("a WAL that ends anywhere: what is missing leaves no trace in it", () => {
    for (let end = 0; end < wal.bytes.length; end += 1371) {
      expect(examine((bytes) => bytes.subarray(0, end))).toBeNull();
    }
  });

  test("the last transaction torn: any of its sectors never written", () => {
    const first = startOf(framesBeforeLast());
    for (let at = first; at < wal.bytes.length; at += 512) {
      expect(examine((bytes) => bytes.fill(0, at, Math.min(at + 512, bytes.length)))).toBeNull();
      expect(examine((bytes) => bytes.fill(0, first, at))).toBeNull();
      expect(examine(flip(at))).toBeNull();
    }
  });

  test("the first transaction of a WAL torn", () => {
    wal.remove();
    wal = createWalFile(1);
    expect(wal.transactions[0]).toBeGreaterThan(0);
    expect(examine(flip(startOf(0) + 100))).toBeNull();
  });

  test("zeros in the place of all frames", () => {
    expect(examine((bytes) => bytes.fill(0, headerBytes))).toBeNull();
  });

  test("sound frames of the time before the WAL was begun anew, and damage to them", () => {
    wal.remove();
    wal = createWalFile(3, 2);
    expect(wal.bytes.length).toBeGreaterThan(startOf(frames()) + 5 * frameBytes);
    expect(examine(() => undefined)).toBeNull();
    for (let at = startOf(frames()); at < wal.bytes.length; at += 4099) expect(examine(flip(at))).toBeNull();
  });
});

describe("a transaction that was rolled back after a part of it was written", () => {
  const afterwards = 3;
  beforeEach(() => {
    wal.remove();
    wal = createRolledBackWal(afterwards);
    // Of the large one more is left than the small ones have overwritten.
    expect(wal.bytes.length).toBeGreaterThan(startOf(frames() + 50));
  });

  test("is no damage, and neither is the torn transaction after it", () => {
    expect(examine(() => undefined)).toBeNull();
    for (let at = startOf(framesBeforeLast()); at < startOf(frames()); at += 512) expect(examine(flip(at))).toBeNull();
  });

  test("hides no damage", () => {
    const frame = framesBeforeLast() - wal.transactions.at(-2)! - 1;
    expect(examine(flip(startOf(frame) + 300))).toMatchObject({ from: startOf(frame), through: startOf(frames()) });
  });
});

describe("P46: damage, although SQLite says nothing:", () => {
  test("a flipped bit in any frame before the last two transactions", () => {
    const last = framesBeforeLast() - wal.transactions.at(-2)!;
    for (let frame = 0; frame < last; frame++) {
      // In the page, its number, the salt, the checksum: each must be noticed.
      for (const offset of [0, 3, 9, 14, 17, 22, 24, 2000, 4119]) {
        const found = examine(flip(startOf(frame) + offset));
        expect(found).toMatchObject({ from: startOf(frame), through: wal.bytes.length });
      }
    }
    examine(flip(startOf(last - 1) + 50));
    expect(wal.rowsRead()).toBeLessThan(rows);
  });

  test("a flipped bit in the page of the last transaction but one", () => {
    const frame = framesBeforeLast() - 1;
    expect(examine(flip(startOf(frame) + 1000))).toEqual({
      from: startOf(frame),
      through: wal.bytes.length,
      transactions: 2,
    });
  });

  test("frames zeroed, or overwritten with others", () => {
    expect(examine((bytes) => bytes.fill(0, startOf(2), startOf(6)))).toMatchObject({ from: startOf(2) });
    expect(examine((bytes) => void bytes.copy(bytes, startOf(5), startOf(1), startOf(3)))).toMatchObject({
      from: startOf(5),
    });
  });

  test("the header: SQLite then takes the whole WAL for nothing", () => {
    for (const at of [0, 3, 5, 10, 17, 21, 25, 30]) {
      expect(examine(flip(at))).toMatchObject({ from: 0, through: wal.bytes.length });
    }
    expect(examine((bytes) => bytes.fill(0, 0, headerBytes))).toMatchObject({ from: 0 });
    wal.put(Buffer.from(wal.bytes).fill(0, 0, headerBytes));
    expect(wal.rowsRead()).toBe(0);
  });

  test("how many transactions are behind it", () => {
    const first = wal.transactions[0]!;
    expect(examine(flip(startOf(first) + 500))?.transactions).toBe(rows - 1);
  });
});

test("a WAL of the other byte order is read as well", () => {
  const turned = inOtherByteOrder(wal.bytes);
  expect(examine(() => turned)).toBeNull();
  expect(wal.rowsRead()).toBe(rows);
  const damaged = Buffer.from(turned);
  flip(startOf(3) + 700)(damaged);
  expect(examine(() => damaged)).toMatchObject({ from: startOf(3), through: wal.bytes.length });
  const headless = Buffer.from(turned);
  flip(26)(headless);
  expect(examine(() => headless)).toMatchObject({ from: 0 });
});
