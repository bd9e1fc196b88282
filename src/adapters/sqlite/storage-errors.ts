// What an operator reads when storage fails: what happened, what it means for the data, what to do next.
import { SQLiteError } from "bun:sqlite";
import type { LogIndex } from "../../core/log-position.ts";
import { GraftError } from "../../errors.ts";

/** What the operating system or SQLite said, with its code. */
export function reasonOf(error: unknown): string {
  if (error instanceof SQLiteError) return `${error.message} (${error.code ?? `SQLite error ${error.errno}`})`;
  return error instanceof Error ? error.message : String(error);
}

export const isMissing = (error: unknown): boolean =>
  error instanceof Error && "code" in error && error.code === "ENOENT";

/** Whether SQLite said this, by the primary code: SQLITE_IOERR also stands for SQLITE_IOERR_WRITE. */
export const isSqliteError = (error: unknown, code: string): boolean =>
  error instanceof SQLiteError && (error.code === code || (error.code ?? "").startsWith(`${code}_`));

/**
 * What SQLite answers when a file is not what was written into it. With a sound file no statement of Graft meets any of
 * them: the statements never change, and whether a write fits is decided before it begins.
 */
const damageCodes = [
  "SQLITE_CORRUPT",
  "SQLITE_NOTADB",
  "SQLITE_CONSTRAINT",
  "SQLITE_MISMATCH",
  "SQLITE_FORMAT",
  // The disk has answered: the file ends before the page does.
  "SQLITE_IOERR_SHORT_READ",
];

export const isDamage = (error: unknown): boolean => damageCodes.some((code) => isSqliteError(error, code));

/** A write, a commit, a checkpoint or a read was answered with an error. */
export function failedOperation(file: string, doing: string, cause: unknown): GraftError {
  if (isDamage(cause)) return damaged(file, "the database itself", `${doing} failed: ${reasonOf(cause)}`);
  const remedy = isSqliteError(cause, "SQLITE_FULL")
    ? "Free space on that disk, then start the node again."
    : "Look at the disk's health and the kernel's log, then start the node again.";
  return new GraftError(
    "storage",
    `${doing} in ${file} failed: ${reasonOf(cause)}. Whether what was being written is on disk is unknown; what was ` +
      `confirmed before is not affected. It is not tried again: after one failed write a disk may report success for ` +
      `data that it has lost, so this node stops. ${remedy}`,
    { cause },
  );
}

/** The system refuses a file or folder before anything is promised on it. */
export const unusable = (path: string, cause: unknown): GraftError =>
  new GraftError(
    "storage",
    `${path} cannot be used: ${reasonOf(cause)}. Nothing that was confirmed is affected. ${remedyFor(cause)}`,
    { cause },
  );

/** Throws `GraftError("storage")` in the place of what the system throws. */
export function orUnusable<T>(path: string, work: () => T): T {
  try {
    return work();
  } catch (error) {
    throw error instanceof GraftError ? error : unusable(path, error);
  }
}

function remedyFor(cause: unknown): string {
  const code = cause instanceof Error && "code" in cause ? String(cause.code) : "";
  if (["ENOSPC", "EDQUOT", "SQLITE_FULL", "SQLITE_IOERR_SHMSIZE"].includes(code)) return "Free space on that disk.";
  if (/^(EACCES|EPERM|EROFS|EISDIR|ENOTDIR|EEXIST|SQLITE_CANTOPEN.*|SQLITE_PERM|SQLITE_READONLY.*)$/.test(code)) {
    return "Let the user that runs the node own the data directory and each file in it, and be able to write them.";
  }
  return "Look at the disk's health and the kernel's log.";
}

/** Every call after the first failure. Its code is that of the failure. */
export const stoppedByFailure = (file: string, first: GraftError): GraftError =>
  new GraftError(first.code, `The log in ${file} is not used any more since an earlier failure: ${first.message}`, {
    cause: first,
  });

export const inUse = (file: string, cause: unknown): GraftError =>
  new GraftError(
    "storage",
    `Another process (or another node in this one) is using ${file}. A data directory belongs to one node: stop the ` +
      `other process, or name another data_dir. Nothing was changed.`,
    { cause },
  );

/** What was read is not what was written. What becomes of the files is said by whoever decides it. */
export const damaged = (file: string, where: string, finding: string): GraftError =>
  new GraftError("damaged", `The log in ${file} is damaged at ${where}: ${finding}.`);

export const damagedEntry = (file: string, index: LogIndex, finding: string): GraftError =>
  damaged(file, `entry ${index}`, finding);

/** The entry is what was written, by a version of Graft that knows more kinds. */
export const unknownKind = (file: string, index: LogIndex, kind: number): GraftError =>
  new GraftError(
    "storage",
    `The log in ${file} holds entry ${index} of the kind ${kind}, which this version of Graft does not know. The entry is not ` +
      `damaged, and nothing was changed. Start the version of Graft that wrote it.`,
  );

/** The caller asked for something that cannot be right; nothing was written or read. */
export const refused = (file: string, reason: string): GraftError =>
  new GraftError("storage", `Refused by the log in ${file}: ${reason}. Nothing was written.`);
