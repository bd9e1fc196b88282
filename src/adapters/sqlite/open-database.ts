// How the file is opened: by one process alone, in a format that is known, with the settings that durability rests on,
// which are read back because SQLite answers a setting that it does not take with silence.
import { Database } from "bun:sqlite";
import { closeSync, openSync, readSync } from "node:fs";
import { GraftError } from "../../errors.ts";
import { syncNamesBeside } from "./data-directory.ts";
import { lockTimeoutMs } from "./directory-lock.ts";
import { giveUp, leaveAtExit } from "./give-up.ts";
import { applicationId, type Beginning, createTables, formatVersion } from "./schema.ts";
import { damaged, inUse, isDamage, isSqliteError, reasonOf } from "./storage-errors.ts";

/** What SQLite answers to a checkpoint: whether something was in its way, frames in the WAL, frames carried over. */
export interface CheckpointRow {
  readonly busy: number;
  readonly log: number;
  readonly checkpointed: number;
}

/** Well above what gathers between two checkpoints: a WAL that is cut in the ordinary course would cost with each one. */
const walFileBytesMax = 32 * 1024 * 1024;

/** Each setting and what SQLite must say when asked for it afterwards. */
const settings: readonly (readonly [name: string, value: string, readBack: string | number])[] = [
  ["busy_timeout", String(lockTimeoutMs), lockTimeoutMs],
  // Before anything is read: the WAL's index then lives in memory and no other process gets in.
  ["locking_mode", "EXCLUSIVE", "exclusive"],
];

const durabilitySettings: typeof settings = [
  ["locking_mode", "EXCLUSIVE", "exclusive"],
  ["journal_mode", "WAL", "wal"],
  // NORMAL loses committed transactions on power failure.
  ["synchronous", "FULL", 2],
  // macOS only: there a plain fsync stops at the drive's cache.
  ["fullfsync", "ON", 1],
  ["checkpoint_fullfsync", "ON", 1],
  // SQLite hides the errors of its own checkpoints; log-store.ts makes them itself.
  ["wal_autocheckpoint", "0", 0],
  // An unusually large write stretches the WAL; it is cut back to this when it begins anew, so that the space returns.
  ["journal_size_limit", String(walFileBytesMax), walFileBytesMax],
];

/**
 * Opens the database. An empty one becomes what `beginning` says; null: an empty one is damage, and so is one of another
 * format, because the mark beside it is of this one. Whatever can be read from it when this returns is on disk. Throws
 * `GraftError` of code `storage` or `damaged`.
 */
export function openDatabase(file: string, beginning: Beginning | null): Database {
  let db: Database | null = null;
  let isOurs = false;
  try {
    db = new Database(file, { readwrite: true, create: false, strict: true });
    applySettings(db, file, settings);
    // Nothing about the file is changed before it is known to be ours.
    db.run("BEGIN EXCLUSIVE");
    const isNew = isEmptyDatabase(db, file, beginning);
    db.run("COMMIT");
    isOurs = true;
    leaveAtExit(file);
    if (isNew) keepTrackOfPages(db);
    applySettings(db, file, durabilitySettings);
    if (isNew) createTables(db, beginning!);
    // INCREMENTAL: set once and for all when the file was made.
    assertSetting(db, file, "auto_vacuum", 2);
    makeDurable(db);
    syncNamesBeside(file);
    return db;
  } catch (error) {
    if (db !== null && isOurs) giveUp(db, file);
    else db?.close();
    throw error instanceof GraftError ? error : explainOpening(file, error);
  }
}

/** Free pages can then be given back in small steps, when space.ts asks for it. A file that has a page takes it by VACUUM. */
function keepTrackOfPages(db: Database): void {
  db.run("PRAGMA auto_vacuum = INCREMENTAL");
  db.run("VACUUM");
}

/**
 * A process that was killed between writing the WAL and its fsync leaves transactions that only the system's memory holds.
 * They can be read, and would count as saved; a power cut would then take back a vote that has been given (P3, P45). So
 * the WAL is synced and carried over into the database, which is synced too, before anything is read.
 */
function makeDurable(db: Database): void {
  const row = db.query("PRAGMA wal_checkpoint(TRUNCATE)").get() as CheckpointRow | null;
  if (row?.busy === 0 && row.log === 0 && row.checkpointed === 0) return;
  throw new Error(`the WAL could not be carried over (${JSON.stringify(row)})`);
}

function applySettings(db: Database, file: string, wanted: typeof settings): void {
  for (const [name, value] of wanted) db.run(`PRAGMA ${name} = ${value}`);
  for (const [name, , readBack] of wanted) assertSetting(db, file, name, readBack);
}

function assertSetting(db: Database, file: string, name: string, readBack: string | number): void {
  const found = readPragma(db, name);
  if (found === readBack) return;
  throw new GraftError(
    "storage",
    `SQLite does not take the setting ${name} = ${readBack} for ${file}, it says ${found}. Without it what is ` +
      `confirmed could be lost, or space never be given back, so the node does not start. Use a local file system.`,
  );
}

type Pragma = string | number | undefined;

function readPragma(db: Database, name: string): Pragma {
  const row = db.query(`PRAGMA ${name}`).get() as Record<string, string | number> | null;
  return Object.values(row ?? {})[0];
}

function isEmptyDatabase(db: Database, file: string, beginning: Beginning | null): boolean {
  const found = formatOf(db);
  if (found.kind === "ours") return false;
  if (found.kind === "empty" && beginning !== null) return true;
  if (found.kind === "other" && beginning !== null) throw unknownFormat(file, found.finding);
  throw damaged(file, "the database itself", found.kind === "empty" ? "it is empty" : `it ${found.finding}`);
}

export type FoundFormat =
  { readonly kind: "ours" } | { readonly kind: "empty" } | { readonly kind: "other"; readonly finding: string };

/** Whether this binary can read the database. Throws what SQLite throws. */
export function formatOf(db: Database): FoundFormat {
  const id = readPragma(db, "application_id");
  const version = readPragma(db, "user_version");
  const finding = otherFormat(id, version);
  if (finding === null) return { kind: "ours" };
  const { tables } = db.query("SELECT count(*) AS tables FROM sqlite_schema").get() as { tables: number };
  return id === 0 && version === 0 && tables === 0 ? { kind: "empty" } : { kind: "other", finding };
}

/** Before SQLite opens the file: its header says what it is. Throws when it is a sound header of something else. */
export function refuseOtherFormat(file: string): void {
  const header = readHeader(file);
  if (header.toString("latin1", 0, sqliteMagic.length) !== sqliteMagic) return;
  const finding = otherFormat(header.readUInt32BE(68), header.readUInt32BE(60));
  if (finding !== null) throw unknownFormat(file, finding);
}

const sqliteMagic = "SQLite format 3\0";

function readHeader(file: string): Buffer {
  const header = Buffer.alloc(100);
  const descriptor = openSync(file, "r");
  try {
    readSync(descriptor, header, 0, header.length, 0);
    return header;
  } finally {
    closeSync(descriptor);
  }
}

/** SQLite writes to no file whose header names a later format for writing than it knows, which no SQLite has ever written. */
export const namesUnknownWriter = (file: string): boolean => readHeader(file)[18]! > writeFormatMax;

const isTakenForReadOnly = (file: string, cause: unknown): boolean =>
  isSqliteError(cause, "SQLITE_READONLY") && namesUnknownWriter(file);

const writeFormatMax = 2;

function otherFormat(id: Pragma, version: Pragma): string | null {
  if (id !== applicationId) return "is a SQLite database, but not one of Graft's";
  if (version === formatVersion) return null;
  return `has the data format ${version}, and this version of Graft knows only format ${formatVersion}`;
}

export const unknownFormat = (file: string, finding: string): GraftError =>
  new GraftError(
    "storage",
    `${file} ${finding}. Nothing was changed. Start the version of Graft that wrote it, or name another data_dir.`,
  );

function explainOpening(file: string, cause: unknown): GraftError {
  if (isSqliteError(cause, "SQLITE_BUSY")) return inUse(file, cause);
  if (isDamage(cause) || isTakenForReadOnly(file, cause)) return damaged(file, "the database itself", reasonOf(cause));
  const remedy = isSqliteError(cause, "SQLITE_FULL")
    ? "Free space on that disk"
    : "Look at the disk, its space and the rights on the file";
  return new GraftError(
    "storage",
    `${file} cannot be opened: ${reasonOf(cause)}. Nothing that was confirmed is affected. ${remedy}, then start the node again.`,
    { cause },
  );
}
