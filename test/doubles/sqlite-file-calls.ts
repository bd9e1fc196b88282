// What does SQLite do with its files? It has a table of functions for each open file. This double puts functions of its own into that
// table, so that it sees each write, cut and sync in order, and may let it fail. It needs no tool outside Bun.
import type { Database } from "bun:sqlite";
import { CFunction, FFIType, JSCallback, type Pointer, ptr, read, toArrayBuffer } from "bun:ffi";

/** What SQLite asks of one file. False: the disk fails, and nothing is done. */
export interface FileCalls {
  readonly wrote: (bytes: Uint8Array, at: number) => boolean;
  readonly cut: (length: number) => boolean;
  readonly synced: () => boolean;
}

/** SQLITE_FCNTL_FILE_POINTER and SQLITE_FCNTL_JOURNAL_POINTER: the second one names the WAL where there is one. */
const fileOf = { database: 7, wal: 28 } as const;

// The places in `sqlite3_io_methods`, in words of eight bytes, and how many version 3 of it has.
const [closeAt, writeAt, truncateAt, syncAt, methodWords] = [1, 3, 4, 5, 19];

/** SQLITE_IOERR_WRITE, SQLITE_IOERR_TRUNCATE and SQLITE_IOERR_FSYNC. */
const errors = { write: 778, truncate: 1546, sync: 1034 } as const;

const { ptr: pointer, i32, i64 } = FFIType;
const writing = { args: [pointer, pointer, i32, i64], returns: i32 } as const;
const cutting = { args: [pointer, i64], returns: i32 } as const;
const closing = { args: [pointer], returns: i32 } as const;
const syncing = { args: [pointer, i32], returns: i32 } as const;

interface Watched {
  readonly calls: FileCalls;
  /** The place of SQLite's own table. */
  readonly methods: number;
}

/** By the places of the files that SQLite has open. */
const watched = new Map<number, Watched>();

/** By the places of SQLite's own tables. Referred to while SQLite calls the functions in them. */
const ownTables = new Map<number, { readonly at: number; readonly kept: readonly unknown[] }>();

/** False: SQLite has not opened that file yet. What has happened before is not seen. */
export function watchFile(db: Database, which: keyof typeof fileOf, calls: FileCalls): boolean {
  const answer = new BigUint64Array(1);
  db.fileControl(fileOf[which], answer);
  const file = Number(answer[0]);
  const methods = file === 0 ? 0 : read.ptr(file, 0);
  if (methods === 0) return false;
  if ([...ownTables.values()].some(({ at }) => at === methods)) return true;
  const own = ownTables.get(methods) ?? ownTable(methods);
  ownTables.set(methods, own);
  watched.set(file, { calls, methods });
  setTable(file, own.at);
  return true;
}

/** How many files are watched. */
export const watchedCount = (): number => watched.size;

/**
 * Each file that is open has SQLite's own table again. Without this a database that is left open would call functions that are gone
 * with the test file that made them.
 */
export function watchNone(): void {
  for (const [file, { methods }] of watched) setTable(file, methods);
  watched.clear();
}

function setTable(file: number, at: number): void {
  new BigUint64Array(toArrayBuffer(file, 0, 8))[0] = BigInt(at);
}

function ownTable(methods: number): { readonly at: number; readonly kept: readonly unknown[] } {
  const table = new BigUint64Array(toArrayBuffer(methods, 0, 8 * methodWords).slice(0));
  const real = (at: number): Pointer => Number(table[at]) as Pointer;
  const close = CFunction({ ptr: real(closeAt), ...closing });
  const write = CFunction({ ptr: real(writeAt), ...writing });
  const truncate = CFunction({ ptr: real(truncateAt), ...cutting });
  const ownClose = new JSCallback((file: Pointer): number => {
    watched.delete(file);
    return close(file) as number;
  }, closing);
  const ownWrite = new JSCallback((file: Pointer, bytes: Pointer, count: number, at: bigint): number => {
    const copied = new Uint8Array(toArrayBuffer(bytes, 0, count)).slice();
    return watched.get(file)!.calls.wrote(copied, Number(at)) ? write(file, bytes, count, at) : errors.write;
  }, writing);
  const ownTruncate = new JSCallback(
    (file: Pointer, length: bigint): number =>
      watched.get(file)!.calls.cut(Number(length)) ? truncate(file, length) : errors.truncate,
    cutting,
  );
  // The real sync is left out: what is durable is known here, and the machine that runs the test does not lose power.
  const ownSync = new JSCallback(
    (file: Pointer): number => (watched.get(file)!.calls.synced() ? 0 : errors.sync),
    syncing,
  );
  table[closeAt] = BigInt(ownClose.ptr!);
  table[writeAt] = BigInt(ownWrite.ptr!);
  table[truncateAt] = BigInt(ownTruncate.ptr!);
  table[syncAt] = BigInt(ownSync.ptr!);
  return { at: ptr(table), kept: [table, close, write, truncate, ownClose, ownWrite, ownTruncate, ownSync] };
}
