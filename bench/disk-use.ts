// How much does a folder hold, and what was the most while somebody looked?
import { lstat, readdir } from "node:fs/promises";
import { join } from "node:path";

/** Bytes of the files below `dir`, as they are allocated on disk. What is not there, or not any more, counts nothing. */
export async function bytesIn(dir: string): Promise<number> {
  let bytes = 0;
  for (const name of (await ifThere(readdir(dir, { recursive: true }))) ?? []) {
    const stats = await ifThere(lstat(join(dir, name)));
    if (stats?.isFile() === true) bytes += stats.blocks * 512;
  }
  return bytes;
}

async function ifThere<T>(found: Promise<T>): Promise<T | null> {
  try {
    return await found;
  } catch (error) {
    if (error instanceof Error && "code" in error && error.code === "ENOENT") return null;
    throw error;
  }
}

export class DiskWatch {
  readonly #dirs: readonly string[];
  readonly #most = new Map<string, number>();
  #isOver = false;
  readonly #watching: Promise<void>;

  /** Looks every `intervalMs` until `end`. */
  constructor(dirs: readonly string[], intervalMs: number) {
    this.#dirs = dirs;
    this.#watching = this.#watch(intervalMs);
  }

  /** The most that any of the folders held. */
  async end(): Promise<number> {
    this.#isOver = true;
    await this.#watching;
    return Math.max(...this.#most.values());
  }

  async #watch(intervalMs: number): Promise<void> {
    while (!this.#isOver) {
      for (const dir of this.#dirs) {
        this.#most.set(dir, Math.max(this.#most.get(dir) ?? 0, await bytesIn(dir)));
      }
      await Bun.sleep(intervalMs);
    }
  }
}
