// A log store without a file, for tests and the simulator: what is written becomes durable when its owner says so, and
// a crash keeps exactly that. Deterministic; a write costs as much as it has entries.
import type { Incarnation } from "../../core/configuration.ts";
import type { DurableEffect, WriteSnapshot } from "../../core/effects.ts";
import { type Entry, entryBytes } from "../../core/entry.ts";
import { type LogIndex, type LogPosition, samePosition, type Term } from "../../core/log-position.ts";
import { GraftError } from "../../errors.ts";
import type { Finding, LogStore, SavedState } from "../../ports/log-store.ts";
import {
  applyToDisk,
  chainAfter,
  chainAt,
  createMemoryDisk,
  cutBelow,
  type LogBase,
  type MemoryDisk,
  savedOn,
} from "./memory-disk.ts";
import {
  leaveMark,
  loweredMark,
  type MarkLeft,
  markOf,
  moveMark,
  settleDamage,
  syncMark,
  wholeMark,
} from "./memory-mark.ts";

export interface MemoryLogStoreOptions {
  /** Of a new disk; a given disk keeps its own. */
  readonly incarnation: Incarnation;
  /** What an earlier store's `crash` returned. */
  readonly disk?: MemoryDisk;
  /** Every write is durable at once and `onDurable` is called from inside `write`, as with SQLite. */
  readonly autoDurable?: boolean;
}

export interface MemoryLogStore extends LogStore {
  /** Nothing more fits. */
  isFull: boolean;
  /** It has been closed, or has failed: every call throws. */
  readonly isBroken: boolean;
  /** Writes that are not durable yet. */
  readonly pendingWrites: number;
  /** Makes the oldest pending write durable and calls its `onDurable`. False when there is none. */
  flushOne(): boolean;
  /** The same for all that are pending now. */
  flushAll(): void;
  /**
   * The end of the process, or of the power: of what is pending, the oldest `arrived` writes (default 0) have reached the disk all the
   * same; the others are lost. No `onDurable` is called. Later calls throw.
   */
  crash(arrived?: number, mark?: MarkLeft): MemoryDisk;
  /** Power off and an empty disk of another incarnation in its place. Later calls throw. */
  wipe(incarnation: Incarnation): MemoryDisk;
  /** The disk breaks: what is pending stays so for ever, and this and every later call throws `GraftError("storage")`. */
  breakDisk(): void;
}

export const createMemoryLogStore = (options: MemoryLogStoreOptions): MemoryLogStore => new InMemoryLogStore(options);

interface PendingWrite {
  readonly effects: readonly DurableEffect[];
  readonly onDurable: () => void;
}

class InMemoryLogStore implements MemoryLogStore {
  readonly saved: SavedState;
  isFull = false;
  readonly #disk: MemoryDisk;
  readonly #autoDurable: boolean;
  /** Of everything written, durable or not. */
  #base: LogBase;
  #latestSnapshot: LogIndex;
  #entries: Entry[];
  #hasGenesis: boolean;
  #isRemoved: boolean;
  readonly #pending: PendingWrite[] = [];
  #stopped: GraftError | null = null;

  constructor({ incarnation, disk = createMemoryDisk(incarnation), autoDurable = false }: MemoryLogStoreOptions) {
    settleDamage(disk);
    this.#disk = disk;
    this.#autoDurable = autoDurable;
    this.#base = disk.base;
    this.#latestSnapshot = disk.snapshot?.position.index ?? 0;
    this.#entries = [...disk.entries];
    this.#hasGenesis = disk.genesis !== null;
    this.#isRemoved = disk.removed !== null;
    this.saved = savedOn(disk);
  }

  get isBroken(): boolean {
    return this.#stopped !== null;
  }

  get pendingWrites(): number {
    return this.#pending.length;
  }

  write(effects: readonly DurableEffect[], onDurable: () => void): "written" | "noRoom" {
    this.#assertUsable();
    if (this.isFull) return "noRoom";
    this.#check(effects);
    for (const effect of effects) this.#show(effect);
    this.#pending.push({ effects, onDurable });
    if (this.#autoDurable) this.flushAll();
    return "written";
  }

  reopen(): SavedState {
    this.#assertUsable();
    this.#pending.length = 0;
    this.#entries = [...this.#disk.entries];
    this.#base = this.#disk.base;
    this.#latestSnapshot = this.#disk.snapshot?.position.index ?? 0;
    this.#hasGenesis = this.#disk.genesis !== null;
    this.#isRemoved = this.#disk.removed !== null;
    return savedOn(this.#disk);
  }

  read(first: LogIndex, last: LogIndex, bytesMax: number): readonly Entry[] {
    this.#assertUsable();
    const before = this.#base.index;
    if (!(first > before && first <= last && last <= before + this.#entries.length)) {
      throw refused(`reading entries ${first} to ${last}, the log ends at ${before + this.#entries.length}`);
    }
    this.#mustBeSound(first, last);
    let bytes = 0;
    let end = first - before - 1;
    while (end < last - before) {
      bytes += entryBytes(this.#entryAt(before + end + 1));
      if (bytes > bytesMax && end >= first - before) break;
      end++;
    }
    return this.#entries.slice(first - before - 1, end);
  }

  chainAt(index: LogIndex): number {
    this.#assertUsable();
    const last = this.#base.index + this.#entries.length;
    if (index >= this.#base.index && index <= last) return chainAt(this.#base, this.#entries, index);
    throw refused(`the checksum at ${index}, the log goes from ${this.#base.index} to ${last}`);
  }

  chainAfter(before: number, entry: Entry): number {
    return chainAfter(before, entry);
  }

  keepDamage(finding: string): void {
    syncMark(this.#disk, { ...(this.#disk.mark ?? markOf(this.#disk)), damage: finding });
    this.#stop(new GraftError("damaged", finding));
  }

  keepFinding(finding: Finding): void {
    this.#disk.finding ??= finding;
  }

  /** What a snapshot covers is gone at once. */
  reclaim(): boolean {
    this.#assertUsable();
    return false;
  }

  flushOne(): boolean {
    this.#assertUsable();
    const write = this.#pending.shift();
    if (write === undefined) return false;
    this.#settle(write);
    write.onDurable();
    return true;
  }

  flushAll(): void {
    for (let count = this.#pending.length; count > 0 && this.#stopped === null; count--) this.flushOne();
  }

  crash(arrived = 0, mark: MarkLeft = wholeMark): MemoryDisk {
    const writes = this.#pending.slice(0, arrived);
    writes.forEach((write, at) => this.#settle(write, !mark.isBehind || at < writes.length - 1));
    leaveMark(this.#disk, mark, this.#pending[arrived]?.effects ?? []);
    this.close();
    return this.#disk;
  }

  wipe(incarnation: Incarnation): MemoryDisk {
    this.close();
    return createMemoryDisk(incarnation);
  }

  breakDisk(): void {
    this.#stop(new GraftError("storage", "The disk failed, and a failed write is not tried again."));
  }

  close(): void {
    this.#pending.length = 0;
    this.#stop(new GraftError("storage", "The log has been closed."));
  }

  #settle({ effects }: PendingWrite, isMarked = true): void {
    const lowered = loweredMark(this.#disk, effects);
    if (lowered !== null) syncMark(this.#disk, lowered);
    for (const effect of effects) applyToDisk(this.#disk, effect);
    if (isMarked) moveMark(this.#disk, effects);
  }

  #stop(reason: GraftError): void {
    this.#stopped ??= reason;
  }

  #show(effect: DurableEffect): void {
    if (effect.kind === "appendLog") for (const entry of effect.entries) this.#entries.push(entry);
    else if (effect.kind === "truncateLog") this.#entries.length = effect.through - this.#base.index;
    else if (effect.kind === "writeGenesis") this.#hasGenesis = true;
    else if (effect.kind === "writeSnapshot") this.#showSnapshot(effect);
    else if (effect.kind === "writeRemoved") this.#isRemoved = true;
  }

  #showSnapshot(effect: WriteSnapshot): void {
    const { position, chain } = effect.snapshot;
    if (!effect.discardsLog && chainAt(this.#base, this.#entries, position.index) !== chain) {
      const finding = `The log is damaged at entry ${position.index}: the snapshot that ends there has another checksum.`;
      this.#stop(new GraftError("damaged", finding));
      this.#assertUsable();
    }
    this.#base = cutBelow(this.#base, this.#entries, effect);
    this.#latestSnapshot = position.index;
  }

  /** Refuses what does not fit before any of it is shown. Only positions are followed, no entry is copied. */
  #check(effects: readonly DurableEffect[]): void {
    let base = this.#base.index;
    let index = base + this.#entries.length;
    let term = this.#termAt(index);
    let hasGenesis = this.#hasGenesis;
    let latestSnapshot = this.#latestSnapshot;
    // The terms of entries of this very write, for a truncation that falls among them.
    const fresh = new Map<LogIndex, Term>();
    for (const effect of effects) {
      if (effect.kind === "writeGenesis") {
        if (hasGenesis) throw refused("a genesis is there already");
        hasGenesis = true;
      } else if (effect.kind === "writeRemoved") {
        if (this.#isRemoved) throw refused("the node has been removed already");
      } else if (effect.kind === "truncateLog") {
        checkTruncation(effect.through, latestSnapshot, index);
        index = effect.through;
        term = fresh.get(index) ?? this.#termAt(index);
      } else if (effect.kind === "writeSnapshot") {
        const termAt = (at: LogIndex): Term | null =>
          at < base || at > index ? null : (fresh.get(at) ?? this.#termAt(at));
        checkSnapshot(effect, { base, latestSnapshot, termAt });
        base = effect.base.index;
        latestSnapshot = effect.snapshot.position.index;
        if (effect.discardsLog) ({ index, term } = effect.base);
        fresh.set(base, effect.base.term);
      } else if (effect.kind === "appendLog") {
        for (const entry of effect.entries) {
          checkPlace(entry, { index, term });
          ({ index, term } = entry);
          if (effects.length > 1) fresh.set(index, term);
        }
      }
    }
  }

  #termAt(index: LogIndex): Term {
    return index === this.#base.index ? this.#base.term : this.#entryAt(index).term;
  }

  #entryAt(index: LogIndex): Entry {
    const entry = this.#entries[index - this.#base.index - 1];
    if (entry === undefined) throw refused(`entry ${index} is not in the log`);
    return entry;
  }

  /** Stops at the first entry that is not what was written, though it may lie behind what fits into one answer. */
  #mustBeSound(first: LogIndex, last: LogIndex): void {
    const rotten = this.#disk.rotten.find((index) => index >= first && index <= last);
    if (rotten === undefined) return;
    this.#stop(new GraftError("damaged", `The log is damaged at entry ${rotten}: it is not what was written.`));
    this.#assertUsable();
  }

  #assertUsable(): void {
    if (this.#stopped !== null) throw this.#stopped;
  }
}

function checkTruncation(through: LogIndex, snapshotIndex: LogIndex, lastIndex: LogIndex): void {
  if (through >= snapshotIndex && through <= lastIndex) return;
  throw refused(`a truncation to ${through}, a snapshot covers through ${snapshotIndex}, the log ends at ${lastIndex}`);
}

interface Sketch {
  readonly base: LogIndex;
  readonly latestSnapshot: LogIndex;
  readonly termAt: (index: LogIndex) => Term | null;
}

function checkSnapshot(write: WriteSnapshot, log: Sketch): void {
  const { snapshot, base, baseConfiguration, baseActivation, discardsLog } = write;
  const { position, configuration, activation } = snapshot;
  const goesOn = position.index >= log.latestSnapshot && base.index >= log.base && base.index <= position.index;
  const configured = configuration.position.index <= position.index && baseConfiguration.position.index <= base.index;
  const activated =
    (activation?.position.index ?? 0) <= position.index && (baseActivation?.position.index ?? 0) <= base.index;
  const isHeld = log.termAt(position.index) === position.term && log.termAt(base.index) === base.term;
  if (goesOn && configured && activated && (discardsLog ? samePosition(base, position) : isHeld)) return;
  throw refused(`a snapshot through ${position.index} with the base ${base.index}, after ${log.latestSnapshot}`);
}

function checkPlace(entry: Entry, previous: LogPosition): void {
  if (entry.index > previous.index + 1) throw refused(`entry ${entry.index} would leave a gap after ${previous.index}`);
  if (entry.index <= previous.index) throw refused(`entry ${entry.index} is not after the log's end ${previous.index}`);
  const wholeTime = Number.isSafeInteger(entry.stampMs) && entry.stampMs >= 0;
  if (entry.term >= Math.max(1, previous.term) && wholeTime) return;
  throw refused(`entry ${entry.index} of term ${entry.term}, time ${entry.stampMs}, after term ${previous.term}`);
}

const refused = (reason: string): GraftError =>
  new GraftError("storage", `Refused by the log in memory: ${reason}. Nothing was written.`);
