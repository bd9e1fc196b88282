// What would a power cut take? This double watches the calls to the file system, and lets them through. A content counts as durable
// when its file was synced after the last write. A name counts as durable when its folder was synced after the name was given.
// It sees `node:fs` and `node:fs/promises`. What SQLite writes by itself it does not see, and power-disk.ts does.
import { spyOn } from "bun:test";
import * as fs from "node:fs";
import type { FileHandle } from "node:fs/promises";
import * as promises from "node:fs/promises";
import promisesByDefault from "node:fs/promises";
import { basename, dirname, join, relative, resolve } from "node:path";

type Call = (...args: unknown[]) => unknown;
type Around = (real: Call, args: readonly unknown[]) => unknown;

const { existsSync, fstatSync, statSync } = { ...fs };

const keyOf = ({ dev, ino }: fs.Stats): string => `${dev}:${ino}`;
const inputOutputError = (path: string): Error =>
  Object.assign(new Error(`EIO: ${path}`), { code: "EIO", syscall: "fsync" });

export class RecordedDisk implements Disposable {
  /** Names that were given to a file before its content was durable. */
  readonly tooEarly: string[] = [];
  /** The paths that were synced, in order. */
  readonly synced: string[] = [];
  /** A sync of these fails, and nothing reaches the disk by it. */
  failsToSync: (path: string) => boolean = () => false;
  /** These cannot be opened. */
  failsToOpen: (path: string) => boolean = () => false;
  /** A removal of these fails. */
  failsToRemove: (path: string) => boolean = () => false;
  /** Called before a file gets a second name. */
  onLink: () => void = () => {};
  /** One call writes no more than so many bytes. */
  writeBytesMax = Number.POSITIVE_INFINITY;
  /** One call reads no more than so many bytes. */
  readBytesMax = Number.POSITIVE_INFINITY;
  readonly #spies: { mockRestore(): void }[] = [];
  /** By file: how often it was written, and how many of these writes are durable. */
  readonly #written = new Map<string, number>();
  readonly #durable = new Map<string, number>();
  /** By folder: the names in it that no sync has made durable. */
  readonly #newNames = new Map<string, Set<string>>();
  readonly #paths = new Map<number, string>();

  constructor() {
    const writeSync: Around = (real, [descriptor, bytes, offset, length, position]) => {
      this.#wrote(descriptor as number);
      return real(descriptor, bytes, offset, Math.min(length as number, this.writeBytesMax), position);
    };
    this.#around(fs, "openSync", (real, args) => this.#opening(args, () => real(...args) as number));
    this.#around(fs, "writeSync", writeSync);
    this.#around(fs, "fsyncSync", (real, args) => this.#syncing(args[0] as number, () => real(...args)));
    this.#around(fs, "writeFileSync", (real, args) => this.#writingFile(args, () => real(...args)));
    this.#around(fs, "copyFileSync", (real, args) => this.#creating(String(args[1]), () => real(...args)));
    for (const name of ["renameSync", "linkSync"])
      this.#around(fs, name, (real, args) => this.#naming(args, () => real(...args)));
    this.#around(fs, "mkdirSync", (real, args) => this.#making(args, real(...args)));
    for (const module of [promises, promisesByDefault]) this.#watchPromises(module);
  }

  /** What a power cut would take of the file or folder at `path`, in words. Names are looked at up to the folder `root`. */
  lost(path: string, root: string): readonly string[] {
    const name = relative(root, path) || ".";
    if (!existsSync(path)) return [`${name} is not there`];
    const key = keyOf(statSync(path));
    const lost = statSync(path).isFile() && !this.#isDurable(key) ? [`the content of ${name}`] : [];
    for (let at = path; at !== root && at !== dirname(at); at = dirname(at)) {
      const names = this.#newNames.get(keyOf(statSync(dirname(at))));
      if (names?.has(basename(at)) === true) lost.push(`the name ${relative(root, at)}`);
    }
    return lost;
  }

  [Symbol.dispose](): void {
    for (const spy of this.#spies) spy.mockRestore();
  }

  #watchPromises(module: object): void {
    this.#around(module, "open", async (real, args) => {
      const path = resolve(String(args[0]));
      if (this.failsToOpen(path)) throw inputOutputError(path);
      const before = this.#stateOf(args);
      return this.#watched((await real(...args)) as FileHandle, path, before);
    });
    this.#around(module, "writeFile", async (real, args) => {
      const path = resolve(String(args[0]));
      const isNew = !existsSync(path);
      await real(...args);
      this.#created(path, isNew);
    });
    for (const name of ["rename", "link"]) {
      this.#around(module, name, async (real, args) => {
        if (name === "link") this.onLink();
        const isEarly = this.#isEarly(String(args[0]));
        await real(...args);
        this.#named(String(args[1]), isEarly);
      });
    }
    this.#around(module, "mkdir", async (real, args) => this.#making(args, await real(...args)));
    this.#around(module, "rm", (real, args) =>
      this.failsToRemove(String(args[0])) ? Promise.reject(inputOutputError(String(args[0]))) : real(...args),
    );
  }

  #around(module: object, name: string, act: Around): void {
    const table = module as Record<string, Call>;
    const real = table[name]!;
    this.#spies.push(spyOn(table, name).mockImplementation((...args: unknown[]) => act(real, args)));
  }

  #stateOf([path, flags]: readonly unknown[]): { readonly isNew: boolean; readonly isCut: boolean } {
    const mayWrite = typeof flags === "string" && flags.startsWith("w");
    return { isNew: mayWrite && !existsSync(String(path)), isCut: mayWrite };
  }

  #opening(args: readonly unknown[], open: () => number): number {
    const before = this.#stateOf(args);
    const descriptor = open();
    const path = resolve(String(args[0]));
    this.#paths.set(descriptor, path);
    if (before.isCut) this.#created(path, before.isNew);
    return descriptor;
  }

  #watched(handle: FileHandle, path: string, before: { readonly isNew: boolean; readonly isCut: boolean }): FileHandle {
    this.#paths.set(handle.fd, path);
    if (before.isCut) this.#created(path, before.isNew);
    const table = handle as unknown as Record<string, Call>;
    const [write, sync, truncate, writeFile, read] = ["write", "sync", "truncate", "writeFile", "read"].map((name) =>
      table[name]!.bind(handle),
    );
    table["read"] = (into, offset, length, position) =>
      read!(into, offset, Math.min(length as number, this.readBytesMax), position);
    table["write"] = (bytes, offset, length, position) => {
      this.#wrote(handle.fd);
      return write!(bytes, offset, Math.min(length as number, this.writeBytesMax), position);
    };
    table["truncate"] = (...args) => {
      this.#wrote(handle.fd);
      return truncate!(...args);
    };
    table["writeFile"] = (...args) => {
      this.#wrote(handle.fd);
      return writeFile!(...args);
    };
    table["sync"] = async () => {
      const done = this.#beginSync(handle.fd);
      await sync!();
      done();
    };
    return handle;
  }

  #writingFile(args: readonly unknown[], write: () => unknown): unknown {
    const [target] = args;
    if (typeof target !== "number") return this.#creating(String(target), write);
    this.#wrote(target);
    return write();
  }

  #creating(path: string, create: () => unknown): unknown {
    const isNew = !existsSync(path);
    const result = create();
    this.#created(resolve(path), isNew);
    return result;
  }

  #created(path: string, isNew: boolean): void {
    this.#count(keyOf(statSync(path)));
    if (isNew) this.#newName(path);
  }

  #wrote(descriptor: number): void {
    this.#count(keyOf(fstatSync(descriptor)));
  }

  #count(key: string): void {
    this.#written.set(key, (this.#written.get(key) ?? 0) + 1);
  }

  #isDurable(key: string): boolean {
    return (this.#written.get(key) ?? 0) === (this.#durable.get(key) ?? 0);
  }

  #syncing(descriptor: number, sync: () => unknown): void {
    const done = this.#beginSync(descriptor);
    sync();
    done();
  }

  /** What is written while a sync is under way is not made durable by it. */
  #beginSync(descriptor: number): () => void {
    const path = this.#paths.get(descriptor)!;
    if (this.failsToSync(path)) throw inputOutputError(path);
    const key = keyOf(fstatSync(descriptor));
    const written = this.#written.get(key) ?? 0;
    const names = [...(this.#newNames.get(key) ?? [])];
    return () => {
      this.synced.push(path);
      this.#durable.set(key, written);
      for (const name of names) this.#newNames.get(key)!.delete(name);
    };
  }

  #naming([from, to]: readonly unknown[], name: () => unknown): void {
    const isEarly = this.#isEarly(String(from));
    name();
    this.#named(String(to), isEarly);
  }

  #isEarly(from: string): boolean {
    const stats = statSync(from);
    return stats.isFile() && !this.#isDurable(keyOf(stats));
  }

  #named(to: string, isEarly: boolean): void {
    if (isEarly) this.tooEarly.push(resolve(to));
    this.#newName(resolve(to));
  }

  /** `made` is what `mkdir` answers: the first folder that is new, or nothing. */
  #making([path, options]: readonly unknown[], made: unknown): unknown {
    const isRecursive = (options as { readonly recursive?: boolean } | undefined)?.recursive === true;
    const first = isRecursive ? made : String(path);
    if (typeof first !== "string") return made;
    const from = resolve(first);
    const rest = relative(from, resolve(String(path))).split("/");
    let at = from;
    this.#newName(at);
    for (const part of rest.filter((each) => each !== "")) this.#newName((at = join(at, part)));
    return made;
  }

  #newName(path: string): void {
    const key = keyOf(statSync(dirname(path)));
    const names = this.#newNames.get(key) ?? new Set();
    this.#newNames.set(key, names.add(basename(path)));
  }
}
