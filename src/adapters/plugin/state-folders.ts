// In which folder does each version of a durable state machine keep its state? Each in its own, so that a new version is filled while the state
// of the one before is still whole. What is in a folder is the plugin's business. The snapshot and the log stay the truth.
import { existsSync, mkdirSync, readdirSync, renameSync, rmSync, statSync } from "node:fs";
import { basename, dirname, join } from "node:path";
import type { PluginVersion } from "../../core/activation.ts";

const hashDigits = 16;
/** It begins the name of a folder that is being removed: what a crash leaves of it is no state. */
const removed = "removed-";
const isOurs = (name: string): boolean => /^[0-9a-f]{16}$/.test(name);

/** Of a node. Only the plugin knows what is in it. */
export const statesIn = (dataDir: string): string => join(dataDir, "state");

export interface StoredState {
  /** Of one version. */
  readonly folder: string;
  readonly bytes: number;
}

/** Of a node that does not run. */
export function listStates(dataDir: string): readonly StoredState[] {
  const root = statesIn(dataDir);
  if (!existsSync(root)) return [];
  const folders = readdirSync(root).filter(isOurs).sort();
  return folders.map((folder) => ({ folder, bytes: bytesIn(join(root, folder)) }));
}

function bytesIn(folder: string): number {
  const files = readdirSync(folder, { recursive: true, withFileTypes: true }).filter((each) => each.isFile());
  return files.reduce((sum, { parentPath, name }) => sum + statSync(join(parentPath, name)).size, 0);
}

/** Where the states of one state machine are. */
export type Folders = Pick<StateFolders, "has" | "make" | "keepOnly" | "setAside" | "tell">;

const removeFolder = (path: string): void => rmSync(path, { recursive: true, force: true });

export class StateFolders {
  readonly #root: string;
  readonly #told: (what: string) => void;
  readonly #remove: (path: string) => void;

  /**
   * @param root of one state machine. It need not exist.
   * @param told hears a sentence of what is set aside while the state machine runs
   * @param remove removes a folder with all that is in it
   */
  constructor(root: string, told: (what: string) => void = () => {}, remove = removeFolder) {
    this.#root = root;
    this.#told = told;
    this.#remove = remove;
  }

  tell(what: string): void {
    this.#told(what);
  }

  has(version: PluginVersion): boolean {
    return existsSync(this.#pathOf(version));
  }

  /** The folder of this version, which exists then. Others may not read in it. */
  make(version: PluginVersion): string {
    const path = this.#pathOf(version);
    mkdirSync(path, { recursive: true, mode: 0o700 });
    return path;
  }

  /** Removes the folders of other versions. Null: of all. */
  keepOnly(version: PluginVersion | null): void {
    if (!existsSync(this.#root)) return;
    const kept = version && basename(this.#pathOf(version));
    const others = readdirSync(this.#root).filter((name) => isOurs(name) && name !== kept);
    this.#removeLeft();
    // File by file takes a while, and half of a state may look whole.
    for (const name of others) renameSync(join(this.#root, name), join(this.#root, removed + name));
    this.#removeLeft();
  }

  #removeLeft(): void {
    const left = readdirSync(this.#root).filter((name) => name.startsWith(removed));
    for (const name of left) this.#remove(join(this.#root, name));
  }

  /** Moves the folder of this version to one with the date in its name, and returns where to. Nothing that is damaged is deleted. */
  setAside(version: PluginVersion, now = new Date()): string {
    const path = this.#pathOf(version);
    const dated = join(dirname(this.#root), `damaged-${now.toISOString().slice(0, 19).replaceAll(":", "-")}Z`);
    let free = dated;
    for (let count = 2; existsSync(free); count++) free = `${dated}-${count}`;
    mkdirSync(free, { mode: 0o700 });
    const target = join(free, `${basename(this.#root)}-${basename(path)}`);
    renameSync(path, target);
    return target;
  }

  #pathOf({ hash }: PluginVersion): string {
    return join(this.#root, hash.slice(0, hashDigits));
  }
}
