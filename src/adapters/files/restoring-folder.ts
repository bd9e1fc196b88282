// How does a whole data directory come into being at once? It is made in a folder inside the place where it is to be, and
// its files are moved up at the end: the database last, and by a step that never replaces one. Before that step there is no
// node there, after it there is one, complete.
import { existsSync } from "node:fs";
import fs from "node:fs/promises";
import { dirname, join, resolve } from "node:path";
import { GraftError } from "../../errors.ts";
import { syncFolder } from "./snapshot-folder.ts";

const databaseName = "graft.sqlite";
const snapshotsName = "snapshots";
const markName = "graft.mark";
/** A node does not start where this is and the database is not. */
const restoringName = "restoring";

export class RestoringFolder {
  /** Where the data directory is made. */
  readonly path: string;
  readonly #dataDir: string;

  private constructor(dataDir: string) {
    this.#dataDir = dataDir;
    this.path = join(dataDir, restoringName);
  }

  /** Creates the directory if there is none. Throws `GraftError("storage")` unless it is empty. */
  static async prepare(dataDir: string): Promise<RestoringFolder> {
    const folder = new RestoringFolder(resolve(dataDir));
    await folder.#orFailed(() => folder.#prepare());
    return folder;
  }

  /** What is in it is complete and closed: it becomes the data directory. Throws `GraftError("storage")`. */
  async settle(): Promise<void> {
    await this.#orFailed(async () => {
      const path = join(this.path, databaseName);
      if (existsSync(`${path}-wal`)) throw new Error(`${path} has not been closed`);
      const moved: (readonly [from: string, to: string])[] = [];
      try {
        // The database comes last: a node needs the snapshots and the mark beside it.
        for (const name of [snapshotsName, markName]) {
          const [from, to] = [join(this.path, name), join(this.#dataDir, name)];
          await fs.rename(from, to);
          moved.push([from, to]);
        }
        await syncFolder(this.#dataDir);
        await fs.link(path, join(this.#dataDir, databaseName));
      } catch (error) {
        // The next restore needs an empty directory.
        for (const [from, to] of moved) await fs.rename(to, from);
        throw error;
      }
    });
    await this.#orFailed(async () => {
      await syncFolder(this.#dataDir);
      await fs.rm(this.path, { recursive: true });
    }, "The node was made there. Whether it outlives a power cut is not known");
  }

  /** Nothing is left of it. */
  async abandon(): Promise<void> {
    await fs.rm(this.path, { recursive: true, force: true });
  }

  async #prepare(): Promise<void> {
    const created = await fs.mkdir(this.#dataDir, { recursive: true, mode: 0o700 });
    if (created !== undefined) await syncFoldersBetween(dirname(this.#dataDir), dirname(created));
    const present = await fs.readdir(this.#dataDir);
    if (present.includes(restoringName) && !present.includes(databaseName)) throw this.#interrupted();
    if (present.length > 0) throw this.#notEmpty(present);
    await fs.mkdir(this.path, { mode: 0o700 });
  }

  #interrupted(): GraftError {
    return new GraftError(
      "storage",
      `An earlier restore into ${this.#dataDir} did not come to its end, or is still under way. Nothing was changed. If ` +
        `none is, empty the directory, in which there is nothing else, and restore again.`,
    );
  }

  #notEmpty(names: readonly string[]): GraftError {
    const found = names.toSorted().slice(0, 3).join(", ");
    return new GraftError(
      "storage",
      `${this.#dataDir} is not empty: it holds ${found}${names.length > 3 ? ", …" : ""}. A backup is restored only where ` +
        `nothing can be lost. Nothing was changed. Move what is there away, or name another data_dir.`,
    );
  }

  async #orFailed(work: () => Promise<void>, result = "No node was made there"): Promise<void> {
    try {
      await work();
    } catch (cause) {
      if (cause instanceof GraftError) throw cause;
      const reason = cause instanceof Error ? cause.message : String(cause);
      throw new GraftError("storage", `Restoring into ${this.#dataDir} failed: ${reason}. ${result}.`, { cause });
    }
  }
}

/** The names of folders that are new survive a power cut as well. */
async function syncFoldersBetween(from: string, to: string): Promise<void> {
  for (let folder = from; ; folder = dirname(folder)) {
    await syncFolder(folder);
    if (folder === to || folder === dirname(folder)) return;
  }
}
