// What becomes of a database whose disk has failed? It is left alone. SQLite's own closing would sync the WAL once more,
// carry it over and remove it: the second try after a failed fsync that must not be, since the system may report success
// for what it has lost (P47).
import type { Database } from "bun:sqlite";
import { closeSync, fstatSync, openSync, readdirSync, type Stats, statSync } from "node:fs";

/**
 * Referred to until the process ends: what nobody refers to, the garbage collector closes. With the files as they are now:
 * their names may be taken by others later.
 */
const givenUp = new Map<Database, readonly Stats[]>();

/** Files of databases that this process has opened. */
const opened = new Set<string>();

/**
 * The file stays as it is, and locked, until the process ends; whoever opens it next reads what the disk has.
 */
export function giveUp(db: Database, file: string): void {
  leaveAtExit(file);
  givenUp.set(db, statsOf([file]));
}

/** Closes a database that nothing was written to; one that cannot be closed is left alone. */
export function closeOrGiveUp(db: Database, file: string): void {
  try {
    db.close(true);
  } catch {
    giveUp(db, file);
  }
}

/**
 * A process that ends with an open database has failed too (fail-stop.ts), and leaves it as it is. Bun would close it. So its
 * files are taken away from under it just before: what SQLite then tries fails, and changes nothing.
 */
export function leaveAtExit(file: string): void {
  if (opened.size === 0) process.on("exit", takeFilesAway);
  opened.add(file);
}

/** Of these databases and what SQLite keeps beside them, as far as it is there. */
function statsOf(files: readonly string[]): readonly Stats[] {
  return files
    .flatMap((file) => [file, `${file}-wal`])
    .map((path) => statSync(path, { throwIfNoEntry: false }))
    .filter((stats) => stats !== undefined);
}

function takeFilesAway(): void {
  const doomed = [...[...givenUp.values()].flat(), ...statsOf([...opened])];
  for (const name of readdirSync("/dev/fd")) {
    const open = statusOf(Number(name));
    if (open === null || !doomed.some(({ dev, ino }) => dev === open.dev && ino === open.ino)) continue;
    closeSync(Number(name));
    // Takes the number, which a thread that still runs could otherwise get for a file of its own.
    openSync("/dev/null", "r");
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
