// What could a power cut leave of a folder? This double sees every write and every sync of the files in it, those of SQLite and those
// by `node:fs`. What was synced is kept. Of what was not synced any sectors may be there. Names are kept in order, as a journaling
// file system keeps them, from the last sync of the folder on.
import { Database } from "bun:sqlite";
import { spyOn } from "bun:test";
import * as fs from "node:fs";
import { join, relative } from "node:path";
import { type FileCalls, watchedCount, watchFile, watchNone } from "./sqlite-file-calls.ts";

type Call = (...args: unknown[]) => unknown;
type Draw = (below: number) => number;

const { readFileSync, readdirSync, statSync, fstatSync, mkdirSync, writeFileSync } = { ...fs };
const bootIdFile = "/proc/sys/kernel/random/boot_id";
const sectorBytes = 512;
const databaseName = "graft.sqlite";

/** Of a file that is not watched, no sync is done either. */
const unseen: FileCalls = { wrote: () => true, cut: () => true, synced: () => true };

/** The files by their names in the folder. */
export type Image = ReadonlyMap<string, Buffer>;

/** SQLite also cuts a database to more than its length: the last pages may be free ones, which it never writes. */
type Change = { readonly at: number; readonly bytes: Uint8Array } | { readonly cutTo: number };

class WatchedFile {
  #durable: Buffer;
  #changes: Change[] = [];

  constructor(content: Buffer) {
    this.#durable = content;
  }

  change(change: Change): void {
    this.#changes.push(change);
  }

  sync(): void {
    this.#durable = this.now();
    this.#changes = [];
  }

  /** As every process sees it. */
  now(): Buffer {
    return this.#changes.reduce(changed, this.#durable);
  }

  /** As a power cut may leave it. */
  left(draw: Draw): Buffer {
    const all = this.#changes.length;
    switch (draw(5)) {
      case 0:
        return this.now();
      case 1: {
        // The last one is torn.
        const arrived = draw(all + 1);
        const torn = this.#changes[arrived];
        const before = this.#changes.slice(0, arrived).reduce(changed, this.#durable);
        return torn === undefined
          ? before
          : sectorsOf(torn)
              .slice(0, 1 + draw(8))
              .reduce(changed, before);
      }
      case 2: {
        // One sector is missing.
        const sectors = this.#changes.flatMap(sectorsOf);
        const missing = draw(sectors.length);
        return sectors.filter((_, at) => at !== missing).reduce(changed, this.#durable);
      }
      case 3: {
        // The file has its length, and the end of it is empty.
        const now = this.now();
        const from = this.#durable.length + draw(Math.max(1, now.length - this.#durable.length));
        return Buffer.from(now).fill(0, Math.min(now.length, from));
      }
      default:
        return this.#changes
          .flatMap(sectorsOf)
          .filter(() => draw(2) === 0)
          .reduce(changed, this.#durable);
    }
  }
}

function changed(before: Buffer, change: Change): Buffer {
  if ("cutTo" in change) return Buffer.concat([before], change.cutTo);
  const { at, bytes } = change;
  const after = Buffer.alloc(Math.max(before.length, at + bytes.length));
  before.copy(after);
  after.set(bytes, at);
  return after;
}

function sectorsOf(change: Change): Change[] {
  if ("cutTo" in change) return [change];
  const sectors: Change[] = [];
  const end = change.at + change.bytes.length;
  for (let at = change.at; at < end;) {
    const next = Math.min(end, (Math.floor(at / sectorBytes) + 1) * sectorBytes);
    sectors.push({ at, bytes: change.bytes.subarray(at - change.at, next - change.at) });
    at = next;
  }
  return sectors;
}

type Names = ReadonlyMap<string, WatchedFile>;

export class PowerDisk implements Disposable {
  /** Called after each change and each sync. */
  onStep: () => void = () => {};
  /** Nothing that has these words is done any more: "write graft.sqlite-wal", "sync graft.mark". */
  fails: (call: string) => boolean = () => false;
  /** After a power cut the system has another one. */
  bootId = "boot 0";
  #folder: string | null = null;
  /** By their inodes. */
  #files = new Map<number, WatchedFile>();
  #names: Names = new Map();
  #durableNames: Names = new Map();
  #laterNames: Names[] = [];
  readonly #spies: { mockRestore(): void }[] = [];

  constructor() {
    this.#around(fs, "readFileSync", (real, args) => (args[0] === bootIdFile ? this.bootId : real(...args)));
    this.#around(fs, "writeSync", (real, args) => this.#writing(real, args));
    this.#around(fs, "fsyncSync", (_, [descriptor]) => this.#syncing(descriptor as number));
    this.#around(fs, "writeFileSync", (real, args) => this.#writingWhole(real, args));
    for (const name of ["openSync", "renameSync", "mkdirSync", "rmSync"])
      this.#around(fs, name, (real, args) => this.#afterwards(real(...args)));
    for (const name of ["run", "prepare", "query", "close"]) this.#aroundSqlite(name);
  }

  /** How many files SQLite has open, as far as they are seen. */
  get openFiles(): number {
    return watchedCount();
  }

  /** What is in the folder is durable. Null: none is watched. */
  watch(folder: string | null): void {
    this.#folder = folder;
    this.#files = new Map();
    this.#look();
    for (const file of this.#files.values()) file.sync();
    this.#durableNames = this.#names;
    this.#laterNames = [];
  }

  /** Runs `work` with nothing watched. */
  aside<T>(work: () => T): T {
    const folder = this.#folder;
    this.#folder = null;
    try {
      return work();
    } finally {
      this.#folder = folder;
    }
  }

  /** As the end of the process leaves it. */
  now(): Image {
    return new Map([...this.#names].map(([name, file]) => [name, file.now()]));
  }

  /** As a power cut may leave it. */
  left(draw: Draw): Image {
    const names = [this.#durableNames, ...this.#laterNames];
    const drawn = names[names.length - 1 - (draw(3) === 0 ? draw(names.length) : 0)]!;
    return new Map([...drawn].map(([name, file]) => [name, file.left(draw)]));
  }

  [Symbol.dispose](): void {
    for (const spy of this.#spies) spy.mockRestore();
    watchNone();
  }

  #around(module: object, name: string, act: (real: Call, args: readonly unknown[]) => unknown): void {
    const table = module as Record<string, Call>;
    const real = table[name]!;
    this.#spies.push(spyOn(table, name).mockImplementation((...args: unknown[]) => act(real, args)));
  }

  #aroundSqlite(name: string): void {
    const table = Database.prototype as unknown as Record<string, Call>;
    const real = table[name]!;
    const act = (db: Database, args: readonly unknown[]): unknown => {
      this.#attach(db);
      const result = real.apply(db, [...args]);
      if (name === "run" && String(args[0]).startsWith("PRAGMA journal_mode = WAL")) this.#openWal(db);
      return name === "close" ? this.#afterwards(result) : result;
    };
    const spy = spyOn(table, name).mockImplementation(function (this: Database, ...args: unknown[]) {
      return act(this, args);
    });
    this.#spies.push(spy);
  }

  #fileOf(descriptor: number): WatchedFile | null {
    return this.#folder === null ? null : (this.#files.get(fstatSync(descriptor).ino) ?? null);
  }

  #nameOf(file: WatchedFile): string {
    return [...this.#names].find(([, each]) => each === file)?.[0] ?? "";
  }

  #fail(call: string): void {
    if (this.fails(call)) throw Object.assign(new Error(`EIO: ${call}`), { code: "EIO" });
  }

  #writing(real: Call, args: readonly unknown[]): unknown {
    const [descriptor, bytes, offset, length, position] = args as [number, Uint8Array, number, number, number];
    const file = this.#fileOf(descriptor);
    if (file === null) return real(...args);
    this.#fail(`write ${this.#nameOf(file)}`);
    const count = real(...args) as number;
    file.change({ at: position, bytes: bytes.slice(offset, offset + Math.min(length, count)) });
    this.onStep();
    return count;
  }

  #syncing(descriptor: number): void {
    if (this.#folder === null) return;
    const { ino } = fstatSync(descriptor);
    const file = this.#files.get(ino);
    if (file !== undefined) {
      this.#fail(`sync ${this.#nameOf(file)}`);
      file.sync();
    } else if (ino === statSync(this.#folder).ino) {
      this.#durableNames = this.#names;
      this.#laterNames = [];
    }
    this.onStep();
  }

  #writingWhole(real: Call, args: readonly unknown[]): unknown {
    const result = real(...args);
    const [target, content] = args as [number | string, Uint8Array | string];
    const file = typeof target === "number" ? this.#fileOf(target) : null;
    if (file !== null) file.change({ at: 0, bytes: Buffer.from(content as string) });
    return this.#afterwards(result);
  }

  #afterwards<T>(result: T): T {
    if (this.#folder !== null && this.#look()) this.onStep();
    return result;
  }

  /** Whether a name is new or gone. */
  #look(): boolean {
    if (this.#folder === null) return false;
    const files = new Map<number, WatchedFile>();
    const names = new Map<string, WatchedFile>();
    for (const entry of readdirSync(this.#folder, { recursive: true, withFileTypes: true })) {
      if (!entry.isFile() || entry.name === "graft.lock" || entry.name.endsWith("-shm")) continue;
      const path = join(entry.parentPath, entry.name);
      const { ino } = statSync(path);
      // A new file is read before SQLite opens it: closing a descriptor of a database would drop SQLite's locks on it.
      const file = this.#files.get(ino) ?? new WatchedFile(readFileSync(path));
      files.set(ino, file);
      names.set(relative(this.#folder, path), file);
    }
    this.#files = files;
    const isSame =
      names.size === this.#names.size && [...names].every(([name, file]) => this.#names.get(name) === file);
    this.#names = names;
    if (!isSame) this.#laterNames.push(names);
    return !isSame;
  }

  #isWatched(db: Database): boolean {
    return this.#folder !== null && db.filename === join(this.#folder, databaseName);
  }

  #attach(db: Database): void {
    if (!db.filename.endsWith(databaseName)) return;
    const isWatched = this.#isWatched(db);
    watchFile(db, "database", isWatched ? this.#callsOf(databaseName) : unseen);
    watchFile(db, "wal", isWatched ? this.#callsOf(`${databaseName}-wal`) : unseen);
  }

  /** SQLite opens the WAL when it first reads. */
  #openWal(db: Database): void {
    if (!db.filename.endsWith(databaseName)) return;
    db.query("SELECT count(*) FROM sqlite_schema").get();
    this.#attach(db);
  }

  #callsOf(name: string): FileCalls {
    const folder = this.#folder;
    const act = (call: string, change: (file: WatchedFile) => void): boolean => {
      if (this.#folder !== folder) return true;
      if (this.fails(`${call} ${name}`)) return false;
      if (!this.#names.has(name)) this.#look();
      const file = this.#names.get(name);
      if (file !== undefined) change(file);
      this.onStep();
      return true;
    };
    return {
      wrote: (bytes, at) => act("write", (file) => file.change({ at, bytes })),
      cut: (length) => act("cut", (file) => file.change({ cutTo: length })),
      synced: () => act("sync", (file) => file.sync()),
    };
  }
}

/** Puts the image into a folder that is not there yet. */
export function putImage(image: Image, folder: string): void {
  mkdirSync(folder, { recursive: true, mode: 0o700 });
  for (const [name, content] of image) {
    const path = join(folder, name);
    if (name.includes("/")) mkdirSync(join(path, ".."), { recursive: true });
    writeFileSync(path, content);
  }
}
