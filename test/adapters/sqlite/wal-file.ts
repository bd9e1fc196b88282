// A WAL of real transactions, and ways to change it as rot, a crash or another byte order would.
import { Database } from "bun:sqlite";
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";

export const headerBytes = 32;
export const frameBytes = 24 + 4096;

export interface WalFile {
  readonly path: string;
  /** What SQLite has written. */
  readonly bytes: Buffer;
  /** How many frames each transaction has, in order. */
  readonly transactions: readonly number[];
  /** Puts these bytes in the place of the WAL. */
  readonly put: (bytes: Uint8Array) => void;
  /** How many rows SQLite reads with the WAL as it is. It removes the WAL. */
  readonly rowsRead: () => number;
  readonly remove: () => void;
}

/** @param generations how often the WAL is carried over and begun anew; what is left of the longer one before stays behind */
export function createWalFile(transactions = 12, generations = 1): WalFile {
  return createWith((db) => {
    let frames: number[] = [];
    for (let generation = generations; generation > 0; generation--) {
      db.run("PRAGMA wal_checkpoint(PASSIVE)");
      frames = fill(db, transactions * generation ** 2);
    }
    return frames;
  });
}

/** @param write returns how many frames each transaction has that is in force */
function createWith(write: (db: Database) => number[]): WalFile {
  const folder = mkdtempSync(join(tmpdir(), "graft-wal-"));
  const file = join(folder, "data.sqlite");
  const db = new Database(file);
  db.run("PRAGMA locking_mode = EXCLUSIVE");
  db.run("PRAGMA journal_mode = WAL");
  db.run("PRAGMA wal_autocheckpoint = 0");
  db.run("CREATE TABLE heap (id INTEGER PRIMARY KEY, thing BLOB)");
  const frames = write(db);
  const bytes = readFileSync(`${file}-wal`);
  const database = readFileSync(file);
  db.close();
  return {
    path: `${file}-wal`,
    bytes,
    transactions: frames,
    put: (changed) => writeFileSync(`${file}-wal`, changed),
    rowsRead() {
      writeFileSync(file, database);
      using reader = new Database(file);
      return (reader.query("SELECT count(*) AS rows FROM heap").get() as { rows: number }).rows;
    },
    remove: () => rmSync(folder, { recursive: true }),
  };
}

/** A WAL in which a large transaction has been rolled back after SQLite had begun to write it, and small ones have followed. */
export function createRolledBackWal(transactionsAfter: number): WalFile {
  return createWith((db) => {
    const before = fill(db, 4);
    db.run("PRAGMA cache_size = 10");
    db.run("BEGIN");
    for (let at = 0; at < 60; at++) db.run("INSERT INTO heap (thing) VALUES (?)", [Buffer.alloc(20_000, at)]);
    db.run("ROLLBACK");
    const framesBefore = before.reduce((sum, frames) => sum + frames, 0);
    return [...before, ...fill(db, transactionsAfter, framesBefore)];
  });
}

/** Transactions of one to some twenty frames, each of one row. */
function fill(db: Database, count: number, framesBefore = 0): number[] {
  let before = framesBefore;
  const frames: number[] = [];
  for (let at = 0; at < count; at++) {
    db.run("INSERT INTO heap (thing) VALUES (?)", [Buffer.alloc(100 + ((at * 7919) % 9) * 9000, at)]);
    const { log } = db.query("PRAGMA wal_checkpoint(NOOP)").get() as { log: number };
    frames.push(log - before);
    before = log;
  }
  return frames;
}

export const startOf = (frame: number): number => headerBytes + frame * frameBytes;

/** The same WAL as a machine of the other byte order writes it. */
export function inOtherByteOrder(bytes: Buffer): Buffer {
  const turned = Buffer.from(bytes);
  turned.writeUInt32BE(turned.readUInt32BE(0) ^ 1, 0);
  const isLittle = (turned.readUInt32BE(0) & 1) === 0;
  let sum = sumOver(turned.subarray(0, 24), isLittle, [0, 0]);
  put(turned, 24, sum);
  for (let at = headerBytes; at < turned.length; at += frameBytes) {
    sum = sumOver(turned.subarray(at, at + 8), isLittle, sum);
    sum = sumOver(turned.subarray(at + 24, at + frameBytes), isLittle, sum);
    put(turned, at + 16, sum);
  }
  return turned;
}

type Sum = readonly [number, number];

const put = (bytes: Buffer, at: number, [first, second]: Sum): void => {
  bytes.writeUInt32BE(first, at);
  bytes.writeUInt32BE(second, at + 4);
};

function sumOver(bytes: Buffer, isLittle: boolean, before: Sum): Sum {
  let [first, second] = before;
  const word = (at: number): number => (isLittle ? bytes.readUInt32LE(at) : bytes.readUInt32BE(at));
  for (let at = 0; at < bytes.length; at += 8) {
    first = (first + word(at) + second) >>> 0;
    second = (second + word(at + 4) + first) >>> 0;
  }
  return [first, second];
}
