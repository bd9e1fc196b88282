// Where do damaged files go? Into a folder of the data directory with the date in its name. Nothing is ever deleted: the files
// may hold what no other node has. What a crash interrupts is continued by the same call.
import { copyFileSync, existsSync, mkdirSync, renameSync } from "node:fs";
import { basename, dirname, join } from "node:path";
import { syncNamesBeside, syncPath } from "./data-directory.ts";

/** The database, what SQLite keeps beside it, and the snapshots, which only the database can tell apart. */
const namesBeside = ["-wal", "-shm", "-journal"] as const;
const snapshotsName = "snapshots";

/** A name that no folder of the data directory has. */
export function freeFolderName(dataDir: string, now: Date = new Date()): string {
  const name = `damaged-${now.toISOString().slice(0, 19).replaceAll(":", "-")}Z`;
  let free = name;
  for (let count = 2; existsSync(join(dataDir, free)); count++) free = `${name}-${count}`;
  return free;
}

/** Moves what is there of the database and its snapshots, and returns where to. Throws what the file system throws. */
export function setAside(file: string, folderName: string): string {
  const folder = join(dirname(file), folderName);
  mkdirSync(folder, { recursive: true, mode: 0o700 });
  const paths = [file, ...namesBeside.map((end) => `${file}${end}`), join(dirname(file), snapshotsName)];
  for (const path of paths) if (existsSync(path)) renameSync(path, freePath(folder, basename(path)));
  syncNamesBeside(join(folder, basename(file)));
  syncNamesBeside(file);
  return folder;
}

/** Copies the database and what SQLite keeps beside it, before it is changed in spite of damage. The copy is on disk then. */
export function copyAside(file: string, folderName: string): void {
  const folder = join(dirname(file), folderName);
  mkdirSync(folder, { recursive: true, mode: 0o700 });
  const paths = [file, ...namesBeside.map((end) => `${file}${end}`)];
  for (const path of paths.filter((each) => existsSync(each))) {
    const copy = join(folder, basename(path));
    copyFileSync(path, copy);
    syncPath(copy);
  }
  syncNamesBeside(join(folder, basename(file)));
  syncNamesBeside(file);
}

function freePath(folder: string, name: string): string {
  let path = join(folder, name);
  for (let count = 2; existsSync(path); count++) path = join(folder, `${name}-${count}`);
  return path;
}
