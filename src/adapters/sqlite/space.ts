// How the file gives back the space of entries that a snapshot has made superfluous (P51): in steps so small that a write
// which comes in between hardly notices, each a transaction of its own. Nothing here is a promise to anyone: what a crash
// interrupts leaves rows at or below the base, which are found again at the next start.
import type { Database, Statement } from "bun:sqlite";
import type { LogIndex } from "../../core/log-position.ts";

/** One step deletes at most as many rows, and rows of at most as many bytes, whichever comes first; one at least. */
const rowsPerStep = 1000;
const bytesPerStep = 1024 * 1024;

/** One step moves at most as many pages from the file's end into its gaps. */
const pagesPerStep = 64;

/** So much stays in the file as free pages: a log that is cut grows again, and need not ask the file system for all of it. */
const keptFreeBytes = 16 * 1024 * 1024;

interface Row {
  readonly idx: number;
  readonly bytes: number;
}

export class Space {
  readonly #candidates: Statement<Row, [number, number]>;
  readonly #delete: Statement<never, [number]>;
  readonly #vacuum: Statement<unknown, []>;
  readonly #freePages: Statement<{ freelist_count: number }, []>;
  readonly #pageBytes: number;
  /** Not known before the first step: looking costs a step's beginning, and a start has more urgent things to do. */
  #hasWork = true;

  constructor(db: Database) {
    this.#candidates = db.prepare("SELECT idx, length(payload) AS bytes FROM log WHERE idx <= ? ORDER BY idx LIMIT ?");
    this.#delete = db.prepare("DELETE FROM log WHERE idx <= ?");
    this.#vacuum = db.prepare(`PRAGMA incremental_vacuum(${pagesPerStep})`);
    this.#freePages = db.prepare("PRAGMA freelist_count");
    this.#pageBytes = (db.query("PRAGMA page_size").get() as { page_size: number }).page_size;
  }

  /** False when the last step has found nothing left to do. */
  get hasWork(): boolean {
    return this.#hasWork;
  }

  /** The base has moved: there may be work again. */
  look(): void {
    this.#hasWork = true;
  }

  /** One step. Returns about how many bytes it has added to the WAL. Throws what SQLite throws. */
  step(base: LogIndex): number {
    const deleted = this.#deleteRows(base);
    if (deleted > 0) return deleted;
    const before = this.#surplusPages();
    // It gives back one page each time it is asked for a row.
    if (before > 0) this.#vacuum.all();
    const after = this.#surplusPages();
    this.#hasWork = after > 0 && after < before;
    // A page that moves is written, and so is the one that pointed to it.
    return 2 * (before - after) * this.#pageBytes;
  }

  #surplusPages(): number {
    const { freelist_count: free } = this.#freePages.get()!;
    return Math.max(0, free - Math.floor(keptFreeBytes / this.#pageBytes));
  }

  #deleteRows(base: LogIndex): number {
    let last: LogIndex | null = null;
    let bytes = 0;
    for (const row of this.#candidates.iterate(base, rowsPerStep)) {
      bytes += row.bytes;
      if (last !== null && bytes > bytesPerStep) break;
      last = row.idx;
    }
    if (last === null) return 0;
    this.#delete.run(last);
    return this.#pageBytes + bytes;
  }
}
