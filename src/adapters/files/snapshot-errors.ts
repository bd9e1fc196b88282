// What an operator reads when a snapshot's file fails: what happened, what it means for the data, what to do next.
import { GraftError } from "../../errors.ts";

const reasonOf = (error: unknown): string => (error instanceof Error ? error.message : String(error));

export const isMissing = (error: unknown): boolean =>
  error instanceof Error && "code" in error && error.code === "ENOENT";

/** The disk has answered with an error. */
export const failedFile = (path: string, doing: string, cause: unknown): GraftError =>
  failure(path, doing, cause, "Nothing that was confirmed is affected.");

/** The disk has answered with an error before a snapshot was there whole. The log is cut only after that. */
export const failedWrite = (path: string, doing: string, cause: unknown): GraftError =>
  failure(path, doing, cause, "No entry was removed from the log, and nothing that was confirmed is affected.");

function failure(path: string, doing: string, cause: unknown, meaning: string): GraftError {
  const isFull = cause instanceof Error && "code" in cause && (cause.code === "ENOSPC" || cause.code === "EDQUOT");
  const remedy = isFull ? "Free space on that disk." : "Look at the disk's health, its rights and the kernel's log.";
  return new GraftError("storage", `${doing} ${path} failed: ${reasonOf(cause)}. ${meaning} ${remedy}`, { cause });
}

/** What was read is not what was written. What becomes of the files is said by the node that decides it. */
export const damagedFile = (path: string, finding: string): GraftError =>
  new GraftError("damaged", `The snapshot ${path} is damaged: ${finding}. Nothing was deleted or changed.`);

export const missingFile = (path: string): GraftError =>
  new GraftError(
    "damaged",
    `The snapshot ${path} is missing, and the log goes on after it. Graft never removes a snapshot that its log names.`,
  );

/** The caller asked for something that cannot be right; nothing was written or read. */
export const refused = (folder: string, reason: string): GraftError =>
  new GraftError("storage", `Refused by the snapshots in ${folder}: ${reason}. Nothing was written.`);
