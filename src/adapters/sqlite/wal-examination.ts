// Has SQLite's WAL lost something in its middle? SQLite reads the WAL up to the first frame that does not match its checksum
// and ignores everything behind that frame. It says nothing, because after a crash this is the ordinary end. But each
// transaction is synced before the next one begins, so a crash can tear only the last one. A sound end of a transaction behind that
// of the bad frame therefore proves damage. Reads the file by its documented format, and only while SQLite has it not open.
import { closeSync, fstatSync, openSync, readSync } from "node:fs";
import { isMissing } from "./storage-errors.ts";

/** What was found; positions are bytes in the file, the end not included. */
export interface WalDamage {
  /** Where the first bad frame begins; 0 for the header. */
  readonly from: number;
  /** Where the last sound frame behind it ends. */
  readonly through: number;
  /** How many transactions end at the bad frame or behind it, as far as their frames can be read. */
  readonly transactions: number;
}

const headerBytes = 32;
const frameHeaderBytes = 24;
/** What Graft's databases have; taken when the header that says it is damaged. */
const ordinaryPageBytes = 4096;

/** The last bit says in which byte order the checksums read the file. */
const magic = 0x377f0682;
const walVersion = 3_007_000;

interface Checksum {
  readonly first: number;
  readonly second: number;
}

interface Frame {
  readonly page: number;
  /** Pages of the database after the transaction that ends here; 0 where none ends. */
  readonly committedPages: number;
  readonly salt: Checksum;
  readonly stored: Checksum;
  /** What the checksum should be when it continues from this one. */
  readonly sumAfter: (before: Checksum) => Checksum;
}

interface Wal {
  readonly frames: number;
  readonly frameBytes: number;
  readonly startOf: (frame: number) => number;
  /** Frames count from 0. The same buffer is used for all of them. */
  readonly read: (frame: number) => Frame;
}

/** Null: nothing shows damage; the last transaction may be torn. Throws what the file system throws. */
export function examineWal(path: string): WalDamage | null {
  const descriptor = openIfThere(path);
  if (descriptor === null) return null;
  try {
    const header = new DataView(new ArrayBuffer(headerBytes));
    if (readFully(descriptor, header, 0) < headerBytes) return null;
    return isSoundHeader(header) ? examineFrames(descriptor, header) : examineHeaderless(descriptor, header);
  } finally {
    closeSync(descriptor);
  }
}

function examineFrames(descriptor: number, header: DataView): WalDamage | null {
  const isLittle = (header.getUint32(0) & 1) === 0;
  const wal = openFrames(descriptor, header.getUint32(8), isLittle);
  const salt = pairAt(header, 16);
  let sum = pairAt(header, 24);
  for (let at = 0; at < wal.frames; at++) {
    const frame = wal.read(at);
    const isSound = frame.page > 0 && same(frame.salt, salt) && same(frame.sumAfter(sum), frame.stored);
    if (!isSound) return lookBehind(wal, at, salt);
    sum = frame.stored;
  }
  return null;
}

/**
 * The frame `bad` breaks the chain. A crash explains it unless a sound transaction ends behind the end of its own. Sound frames
 * alone prove nothing: a transaction that was rolled back, on a full disk, leaves some behind.
 */
function lookBehind(wal: Wal, bad: number, salt: Checksum): WalDamage | null {
  let hasEnded = false;
  let before: Checksum | null = null;
  let end: number | null = null;
  let transactions = 0;
  for (let at = bad; at < wal.frames; at++) {
    const frame = wal.read(at);
    const isOfThisAge = same(frame.salt, salt) && frame.page > 0;
    const isSound = isOfThisAge && before !== null && same(frame.sumAfter(before), frame.stored);
    const isCommit = isOfThisAge && frame.committedPages > 0;
    if (isSound && isCommit && hasEnded) end = at;
    if (isCommit) transactions++;
    if (isCommit) hasEnded = true;
    before = frame.stored;
  }
  if (end === null) return null;
  return { from: wal.startOf(bad), through: wal.startOf(end) + wal.frameBytes, transactions };
}

/**
 * SQLite syncs a new header before it writes the first frame behind it. So a sound frame behind a bad header proves
 * damage. Both byte orders are tried, because the header that says which one holds cannot be believed.
 */
function examineHeaderless(descriptor: number, header: DataView): WalDamage | null {
  const pageBytes = isPageSize(header.getUint32(8)) ? header.getUint32(8) : ordinaryPageBytes;
  for (const isLittle of [true, false]) {
    const wal = openFrames(descriptor, pageBytes, isLittle);
    let before = { stored: pairAt(header, 24), salt: pairAt(header, 16) };
    let end: number | null = null;
    let transactions = 0;
    for (let at = 0; at < wal.frames; at++) {
      const frame = wal.read(at);
      const continues = at === 0 || same(frame.salt, before.salt);
      if (frame.page > 0 && continues && same(frame.sumAfter(before.stored), frame.stored)) end = at;
      if (frame.committedPages > 0 && continues) transactions++;
      before = frame;
    }
    if (end !== null) return { from: 0, through: wal.startOf(end) + wal.frameBytes, transactions };
  }
  return null;
}

function isSoundHeader(header: DataView): boolean {
  const found = header.getUint32(0);
  if ((found & ~1) >>> 0 !== magic || header.getUint32(4) !== walVersion) return false;
  if (!isPageSize(header.getUint32(8))) return false;
  const sum = sumOver(header, { from: 0, to: 24, isLittle: (found & 1) === 0 }, { first: 0, second: 0 });
  return same(sum, pairAt(header, 24));
}

const isPageSize = (bytes: number): boolean => bytes >= 512 && bytes <= 65_536 && (bytes & (bytes - 1)) === 0;

function openFrames(descriptor: number, pageBytes: number, isLittle: boolean): Wal {
  const frameBytes = frameHeaderBytes + pageBytes;
  const view = new DataView(new ArrayBuffer(frameBytes));
  const startOf = (frame: number): number => headerBytes + frame * frameBytes;
  const frames = Math.floor((fstatSync(descriptor).size - headerBytes) / frameBytes);
  const read = (frame: number): Frame => {
    readFully(descriptor, view, startOf(frame));
    return {
      page: view.getUint32(0),
      committedPages: view.getUint32(4),
      salt: pairAt(view, 8),
      stored: pairAt(view, 16),
      sumAfter(before) {
        const head = sumOver(view, { from: 0, to: 8, isLittle }, before);
        return sumOver(view, { from: frameHeaderBytes, to: frameBytes, isLittle }, head);
      },
    };
  };
  return { frames, frameBytes, startOf, read };
}

interface Range {
  readonly from: number;
  readonly to: number;
  readonly isLittle: boolean;
}

/** SQLite's checksum: two sums over pairs of 32-bit words, each fed with the other. */
function sumOver(view: DataView, { from, to, isLittle }: Range, before: Checksum): Checksum {
  let { first, second } = before;
  for (let at = from; at < to; at += 8) {
    first = (first + view.getUint32(at, isLittle) + second) >>> 0;
    second = (second + view.getUint32(at + 4, isLittle) + first) >>> 0;
  }
  return { first, second };
}

const pairAt = (view: DataView, at: number): Checksum => ({
  first: view.getUint32(at),
  second: view.getUint32(at + 4),
});
const same = (a: Checksum, b: Checksum): boolean => a.first === b.first && a.second === b.second;

function readFully(descriptor: number, into: DataView, position: number): number {
  let count = 0;
  while (count < into.byteLength) {
    const read = readSync(descriptor, into, count, into.byteLength - count, position + count);
    if (read === 0) break;
    count += read;
  }
  return count;
}

function openIfThere(path: string): number | null {
  try {
    return openSync(path, "r");
  } catch (error) {
    if (isMissing(error)) return null;
    throw error;
  }
}
