// How the file is opened: by one process alone, in a format that is known, with the settings that durability rests on,
// which are read back because SQLite answers a setting that it does not take with silence.
import { Database } from "bun:sqlite";
import { GraftError } from "../../errors.ts";
import { syncDataDirectory } from "./data-directory.ts";
import { giveUp } from "./give-up.ts";
import { applicationId, createTables, formatVersion } from "./schema.ts";
import { damaged, isSqliteError, reasonOf } from "./storage-errors.ts";

/** What SQLite answers to a checkpoint: whether something was in its way, frames in the WAL, frames carried over. */
export interface CheckpointRow {
  readonly busy: number;
  readonly log: number;
  readonly checkpointed: number;
}

/** How long a process that is just ending is waited for before its lock counts as taken, ms. */
const lockTimeoutMs = 250;

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
 * Opens the database, creating its tables under a new incarnation when it is empty. Whatever can be read from it when this
 * returns is on disk. Throws `GraftError("storage")`.
 */
export function openDatabase(file: string, newIncarnation: () => string): Database {
  let db: Database | null = null;
  let isOurs = false;
  try {
    db = new Database(file, { readwrite: true, create: false, strict: true });
    applySettings(db, file, settings);
    // Nothing about the file is changed before it is known to be ours.
    db.run("BEGIN EXCLUSIVE");
    const isNew = checkFormat(db, file);
    db.run("COMMIT");
    isOurs = true;
    if (isNew) keepTrackOfPages(db);
    applySettings(db, file, durabilitySettings);
    if (isNew) createTables(db, newIncarnation());
    // INCREMENTAL: set once and for all when the file was made.
    assertSetting(db, file, "auto_vacuum", 2);
    makeDurable(db);
    syncDataDirectory(file);
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

function readPragma(db: Database, name: string): string | number | undefined {
  const row = db.query(`PRAGMA ${name}`).get() as Record<string, string | number> | null;
  return Object.values(row ?? {})[0];
}

/** Whether the database is empty. Throws when it is neither empty nor of the format that this binary writes. */
export function checkFormat(db: Database, file: string): boolean {
  const id = readPragma(db, "application_id");
  const version = readPragma(db, "user_version");
  if (id === applicationId && version === formatVersion) return false;
  const { tables } = db.query("SELECT count(*) AS tables FROM sqlite_schema").get() as { tables: number };
  if (id === 0 && version === 0 && tables === 0) return true;
  const finding =
    id === applicationId
      ? `has the data format ${version}, and this version of Graft knows only format ${formatVersion}`
      : `is a SQLite database, but not one of Graft's`;
  throw new GraftError(
    "storage",
    `${file} ${finding}. Nothing was changed. Start the version of Graft that wrote it, or name another data_dir.`,
  );
}

function explainOpening(file: string, cause: unknown): GraftError {
  if (isSqliteError(cause, "SQLITE_BUSY")) {
    return new GraftError(
      "storage",
      `Another process (or another node in this one) is using ${file}. A data directory belongs to one node: stop the ` +
        `other process, or name another data_dir. Nothing was changed.`,
      { cause },
    );
  }
  if (isSqliteError(cause, "SQLITE_NOTADB") || isSqliteError(cause, "SQLITE_CORRUPT")) {
    return damaged(file, "the database itself", reasonOf(cause));
  }
  return new GraftError(
    "storage",
    `${file} cannot be opened: ${reasonOf(cause)}. Nothing that was confirmed is affected. Look at the disk, its space ` +
      `and the rights on the file, then start the node again.`,
    { cause },
  );
}
