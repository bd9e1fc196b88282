// What becomes of a database whose disk has failed? It is left alone. SQLite's own closing would sync the WAL once more,
// carry it over and remove it: the second try after a failed fsync that must not be, since the system may report success
// for what it has lost (P47).
import type { Database } from "bun:sqlite";
import { closeSync, fstatSync, readdirSync, type Stats, statSync } from "node:fs";

/**
 * Referred to until the process ends: what nobody refers to, the garbage collector closes. With the files as they are now:
 * their names may be taken by others later.
 */
const givenUp = new Map<Database, readonly Stats[]>();

/**
 * The file stays as it is, and locked, until the process ends; whoever opens it next reads what the disk has.
 *
 * When a process exits Bun closes every database that is still open. So its files are taken away from under it just
 * before, when nothing opens others that could get their numbers: what SQLite then tries fails, and changes nothing.
 */
export function giveUp(db: Database, file: string): void {
  if (givenUp.size === 0) process.on("exit", takeFilesAway);
  const files = [file, `${file}-wal`].map((path) => statSync(path, { throwIfNoEntry: false }));
  givenUp.set(
    db,
    files.filter((stats) => stats !== undefined),
  );
}

/** Closes a database that nothing was written to; one that cannot be closed is left alone. */
export function closeOrGiveUp(db: Database, file: string): void {
  try {
    db.close(true);
  } catch {
    giveUp(db, file);
  }
}

function takeFilesAway(): void {
  const doomed = [...givenUp.values()].flat();
  for (const name of readdirSync("/dev/fd")) {
    const open = statusOf(Number(name));
    if (open !== null && doomed.some(({ dev, ino }) => dev === open.dev && ino === open.ino)) closeSync(Number(name));
  }
}

/** Null when it is not open: the one that read the list is closed by now. */
function statusOf(descriptor: number): Stats | null {
  try {
    return fstatSync(descriptor);
  } catch (error) {
    if (error instanceof Error && "code" in error && error.code === "EBADF") return null;
    throw error;
  }
}
