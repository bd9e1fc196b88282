// What was left of a disk is looked at: a start from the files must find what a start finds on one of the model's disks.
import { Database, SQLiteError } from "bun:sqlite";
import { existsSync, rmSync } from "node:fs";
import { join } from "node:path";
import { openSqliteLogStore } from "../../../../src/adapters/sqlite/log-store.ts";
import type { DurableEffect } from "../../../../src/core/effects.ts";
import type { LogIndex } from "../../../../src/core/log-position.ts";
import type { LogStore } from "../../../../src/ports/log-store.ts";
import { createMemoryLogStore } from "../../../../src/sim/memory/log-store.ts";
import type { MemoryDisk } from "../../../../src/sim/memory/memory-disk.ts";
import { type MarkLeft, wholeMark } from "../../../../src/sim/memory/memory-mark.ts";
import { type Image, type PowerDisk, putImage } from "../../../doubles/power-disk.ts";
import type { Draw } from "../random-writes.ts";
import { copyOf, faults, type Past, type Story } from "./faults.ts";
import { ModelOutcomes } from "./model-outcomes.ts";
import { outcomeOf } from "./outcome.ts";

export type End = "the process ends" | "the power is cut";

/** The disks that the model may have after such an end, with marks of the files that reach to one of `reaches`. */
export type Disks = (end: End, reaches: readonly LogIndex[]) => readonly MemoryDisk[];

/** A moment at which everything stops. */
export interface Left extends Story {
  readonly end: End;
  /** A write has begun, and nobody has been told that it is durable. */
  readonly isWithinWrite: boolean;
  /** The database was being opened, and may have been damaged before. */
  readonly isStart: boolean;
  readonly disks: readonly MemoryDisk[];
}

/** A disk to go on with: the files, and the model's disks with the same outcome. They may differ in what a later damage would show. */
export interface Chosen {
  readonly image: Image;
  readonly disks: readonly MemoryDisk[];
  readonly bootId: string;
  /** Of a start. */
  readonly outcome: string;
  /** Whether SQLite finds nothing wrong with the pages of its database, once a start has looked at it. */
  readonly isSound: boolean;
}

export interface Figures {
  writes: number;
  /** How often a start looked at files that were left behind. */
  starts: number;
  /** How often a fault besides an end within a write came to more than the model has. */
  passedOver: number;
  /** By what had happened, and what came of it. */
  readonly outcomes: Map<string, number>;
}

/** Which of the marks such an end may leave. A power cut takes those that were not synced. */
function marksLeft(end: End, marks: MemoryDisk["marks"], reaches: readonly LogIndex[]): MarkLeft[] {
  const left = [wholeMark, { ...wholeMark, isLowered: true }];
  if (end === "the process ends") return left;
  const older = marks.map((_, lost) => ({ ...wholeMark, lost: lost + 1 }));
  const shorter = [wholeMark, ...older].flatMap((mark) => reaches.map((through) => ({ ...mark, through })));
  return [...left, ...older, ...shorter, { ...wholeMark, isTorn: true }];
}

/** What a crash leaves of a disk while these effects are written. `arrived` says whether they may be there, or must be. */
export const crashed =
  (before: MemoryDisk, effects: readonly DurableEffect[], arrived: readonly (0 | 1)[]): Disks =>
  (end, reaches) => {
    // What has been confirmed has moved the mark.
    const behind = arrived.includes(0) ? [{ ...wholeMark, isBehind: true }] : [];
    const marks = [...marksLeft(end, before.marks, reaches), ...behind];
    return arrived.flatMap((count) => marks.map((mark) => crashedOnce(before, effects, { count, mark })));
  };

interface Crash {
  readonly count: 0 | 1;
  readonly mark: MarkLeft;
}

function crashedOnce(before: MemoryDisk, effects: readonly DurableEffect[], { count, mark }: Crash): MemoryDisk {
  const disk = copyOf(before);
  const store = createMemoryLogStore({ incarnation: "", disk });
  // Opening has renewed the marks.
  disk.mark = before.mark;
  disk.marks = before.marks;
  if (effects.length > 0) store.write(effects, () => {});
  return store.crash(effects.length > 0 ? count : 0, mark);
}

/**
 * What an interrupted start leaves: the files of before it, or those of after it. The next start has the same outcome from both. But a
 * fault in between may not: the mark then names what the start has found, or says that the data is to be set aside. A power cut may tear it.
 */
export const opening =
  (disks: readonly MemoryDisk[]): Disks =>
  (end) => {
    const left = [...disks, ...disks.map(started)];
    return end === "the process ends" ? left : [...left, ...disks.map(withOlderMark)];
  };

/** Damaged data is set aside, and the mark names what there is. */
function started(before: MemoryDisk): MemoryDisk {
  const disk = copyOf(before);
  createMemoryLogStore({ incarnation: "", disk }).close();
  return disk;
}

const withOlderMark = (disk: MemoryDisk): MemoryDisk => ({
  ...copyOf(disk),
  mark: disk.mark && { ...disk.mark, isNewest: false },
});

export class Look {
  readonly #folder: string;
  readonly #files: PowerDisk;
  readonly #draw: Draw;
  readonly #figures: Figures;
  readonly #outcomes = new ModelOutcomes();
  #folders = 0;
  #boots = 0;
  #ids = 0;

  constructor(options: {
    readonly folder: string;
    readonly files: PowerDisk;
    readonly draw: Draw;
    readonly figures: Figures;
  }) {
    this.#folder = options.folder;
    this.#files = options.files;
    this.#draw = options.draw;
    this.#figures = options.figures;
  }

  put(image: Image): string {
    const folder = join(this.#folder, String(++this.#folders));
    putImage(image, folder);
    return folder;
  }

  open(dataDir: string): LogStore {
    return openSqliteLogStore({ dataDir, randomBytes: (count) => new Uint8Array(count).fill(++this.#ids) });
  }

  /** Throws when the model does not have the outcome. */
  at(left: Left, name: string, past: Past): Chosen {
    const fault = faults[name]!;
    const { end, disks } = left;
    const image = fault.harm(left.image, past, this.#draw);
    const bootId = end === "the power is cut" ? `boot ${++this.#boots}` : this.#files.bootId;
    const { found, isSound } = this.#startFrom(image, bootId);
    if (name === "nothing" && !isSound && !left.isStart) throw new Error(`after ${end} the database has damaged pages`);
    this.#count(`${end}, ${name}`, found);
    const modelled = disks.flatMap((disk) => fault.model(disk, past, left));
    const same = modelled.filter((each) => this.#outcomes.of(each) === found);
    if (same.length > 0) return { image, disks: same, bootId, outcome: found, isSound };
    // The mark does not name the write yet, or names less for its sake, so nothing tells what rot has taken from the same pages.
    if (name !== "nothing" && left.isWithinWrite) {
      this.#figures.passedOver++;
      return { image, disks: modelled, bootId, outcome: found, isSound: false };
    }
    const known = [...new Set(modelled.map((each) => this.#outcomes.of(each)))].join("\n    ");
    throw new Error(
      `after ${end}, and then: ${name}, SQLite has\n    ${found}\n  and the model has only\n    ${known}`,
    );
  }

  #startFrom(image: Image, bootId: string): { readonly found: string; readonly isSound: boolean } {
    const dataDir = this.put(image);
    const running = this.#files.bootId;
    this.#files.bootId = bootId;
    try {
      return this.#files.aside(() => {
        const found = outcomeOf(() => this.open(dataDir));
        return { found, isSound: isSoundDatabase(join(dataDir, "graft.sqlite")) };
      });
    } finally {
      this.#files.bootId = running;
      rmSync(dataDir, { recursive: true });
    }
  }

  #count(what: string, found: string): void {
    this.#figures.starts++;
    const kind = /^it does not start.*|^its log cannot be read|^to be refilled/.exec(found)?.[0] ?? "starts";
    const key = `${what}: ${kind}`;
    this.#figures.outcomes.set(key, (this.#figures.outcomes.get(key) ?? 0) + 1);
  }
}

function isSoundDatabase(file: string): boolean {
  if (!existsSync(file)) return true;
  using db = new Database(file);
  try {
    const found = db.query("PRAGMA integrity_check").values();
    return found[0]?.[0] === "ok";
  } catch (error) {
    if (error instanceof SQLiteError) return false;
    throw error;
  }
}
