// What do state machines that keep their state on disk find there again? Each version has a folder, which holds data and records of commits. A
// crash may lose the last of these, since a commit need not wait for the disk.
import type { RecordChange } from "../adapters/plugin/api.ts";
import type { Folders } from "../adapters/plugin/state-folders.ts";
import type { PluginVersion } from "../core/activation.ts";
import type { Chance } from "./chance.ts";

/** What one commit has made of a folder. */
export interface StateCommit {
  /** What was there before is gone. */
  readonly isCleared: boolean;
  readonly data: ReadonlyMap<string, Uint8Array>;
  readonly records: readonly RecordChange[];
}

export interface StoredState {
  readonly data: ReadonlyMap<string, Uint8Array>;
  readonly records: ReadonlyMap<string, Uint8Array>;
}

/** How many commits a crash may lose. */
const unsyncedMax = 3;
/** How many crashes lose some. */
const losesOften = 0.5;

const nothing: StoredState = { data: new Map(), records: new Map() };

interface Folder {
  synced: StoredState;
  /** Oldest first. */
  readonly unsynced: StateCommit[];
}

export class StateDisk implements Folders {
  /** By the hashes of versions, which are the names. */
  readonly #folders = new Map<string, Folder>();
  /** The last life has ended with a crash. */
  hasCrashed = false;

  has({ hash }: PluginVersion): boolean {
    return this.#folders.has(hash);
  }

  make({ hash }: PluginVersion): string {
    if (!this.#folders.has(hash)) this.#folders.set(hash, { synced: nothing, unsynced: [] });
    return hash;
  }

  keepOnly(version: PluginVersion | null): void {
    for (const hash of this.#folders.keys()) if (hash !== version?.hash) this.#folders.delete(hash);
  }

  setAside({ hash }: PluginVersion): never {
    throw new Error(`the state of ${hash} cannot be opened, and nothing has damaged it`);
  }

  tell(what: string): never {
    throw new Error(what);
  }

  read(folder: string): StoredState {
    const { synced, unsynced } = this.#folders.get(folder)!;
    return unsynced.reduce(after, synced);
  }

  commit(folder: string, commit: StateCommit): void {
    const { synced, unsynced } = this.#folders.get(folder)!;
    unsynced.push(commit);
    if (unsynced.length > unsyncedMax) this.#folders.get(folder)!.synced = after(synced, unsynced.shift()!);
  }

  crash(chance: Chance): void {
    this.hasCrashed = true;
    for (const { unsynced } of this.#folders.values()) {
      if (unsynced.length > 0 && chance.happens(losesOften)) unsynced.length -= 1 + chance.below(unsynced.length);
    }
  }
}

function after(before: StoredState, { isCleared, data, records }: StateCommit): StoredState {
  const from = isCleared ? nothing : before;
  const kept = new Map(from.records);
  for (const [key, value] of records) {
    if (value === null) kept.delete(key);
    else kept.set(key, value);
  }
  return { data: new Map([...from.data, ...data]), records: kept };
}
