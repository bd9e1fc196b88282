// What one simulated machine has on its disk, and what becomes of it. The store's mark is believed to be as good as in files: it
// notices at the next start what the disk has lost. When the mark itself is lost the store refuses to open.
import type { LogStore } from "../ports/log-store.ts";
import { createMemoryLogStore, type MemoryLogStore } from "./memory/log-store.ts";
import { createMemoryDisk, dataOn, type MemoryData, type MemoryDisk } from "./memory/memory-disk.ts";
import { markOf, syncMark, wholeMark } from "./memory/memory-mark.ts";
import {
  createMemorySnapshotFiles,
  createMemorySnapshotStore,
  type MemorySnapshotFiles,
} from "./memory/snapshot-store.ts";
import type { LogIndex, Term } from "../core/log-position.ts";
import type { PlacedConfiguration } from "../core/configuration.ts";
import type { DurableEffect } from "../core/effects.ts";
import type { Room } from "../ports/disk-space.ts";
import type { SnapshotStore } from "../ports/snapshot-store.ts";
import type { Chance, Range } from "./chance.ts";
import type { Life } from "./life.ts";
import { StateDisk } from "./state-disk.ts";

export interface DiskPace {
  /** How often a write is durable before `write` returns, as with SQLite; else after `diskMs`. */
  readonly inlineWrites: number;
  readonly diskMs: Range;
}

/** What a life of the node has of its disk. */
interface Opened {
  readonly store: LogStore;
  readonly snapshots: SnapshotStore;
  /** What is durable, now and later. */
  readonly data: MemoryDisk;
}

/** What a disk can do to the data on it while the machine is down. */
export const damages = ["rollBack", "loseTail", "forgetVote", "flipEntry", "flipSnapshot"] as const;
export type DamageName = (typeof damages)[number];

export const damageSentences: Readonly<Record<DamageName, string>> = {
  rollBack: "it is what it was at an earlier crash",
  loseTail: "the end of its log is lost",
  forgetVote: "it has forgotten its vote",
  flipEntry: "one entry has changed",
  flipSnapshot: "a bit of a snapshot has changed",
};

/** How much there is on a disk. `low`: a node takes no commands, and may still write and take snapshots. */
const freeBytes = { plenty: 2 ** 40, low: 2 ** 34, none: 0 } as const;
const totalBytes = 2 ** 40;

const ascending = (one: number, other: number): number => one - other;

/** Whether the mark names less than the data, so that a lost end would not be noticed. */
function marksLess({ mark, entries, base }: MemoryDisk): boolean {
  const { index, term } = entries.at(-1) ?? base;
  return mark !== null && (mark.last.index < index || mark.last.term < term);
}

/** Whether the mark is wrong about other voters, so that its node would give the wrong advice. */
const namesOtherVoters = (disk: MemoryDisk): boolean =>
  disk.mark !== null && disk.mark.hasOtherVoters !== markOf(disk).hasOtherVoters;

export class MachineDisk {
  readonly #chance: Chance;
  readonly #pace: DiskPace;
  #files: MemorySnapshotFiles = createMemorySnapshotFiles();
  #disk: MemoryDisk | null = null;
  #store: MemoryLogStore | null = null;
  #life: Life | null = null;
  /** An earlier state of the data. */
  #past: MemoryData | null = null;
  /** Damaged, and no start has looked at it since. */
  #isDamaged = false;
  /** The generation of the data that hold another history than was confirmed, with checksums that fit. Others have been begun anew. */
  #forged: number | null = null;
  /** A snapshot that is damaged as long as the file has these bytes. */
  #flipped: { readonly file: string; readonly bytes: Uint8Array } | null = null;
  /** A crash has left a mark that says less than the data. */
  #isMarkOld = false;
  /** There is no mark beside the data, so no node may start with them. */
  hasLostMark = false;
  /** Of its state machine. */
  states = new StateDisk();
  #room: keyof typeof freeBytes = "plenty";
  #isStuck = false;
  #isBroken = false;

  constructor(chance: Chance, pace: DiskPace) {
    this.#chance = chance;
    this.#pace = pace;
  }

  /** Whether it holds everything that it has confirmed. */
  get isWhole(): boolean {
    const isFlipped = this.#flipped !== null && this.#files.complete.get(this.#flipped.file) === this.#flipped.bytes;
    const isSound = (this.#disk?.rotten ?? []).length === 0 && (this.#disk?.refill ?? null) === null;
    return !this.#isDamaged && !this.hasLostMark && !this.isForged && !isFlipped && isSound;
  }

  /** Null: it is empty. */
  get incarnation(): string | null {
    return this.#disk?.incarnation ?? null;
  }

  get isForged(): boolean {
    return this.#forged !== null && this.#forged === this.#disk?.generation;
  }

  /** Its node has found that another one has another history, and does not start again before somebody has decided. */
  get hasDiverged(): boolean {
    return this.#disk?.finding?.kind === "diverged";
  }

  /** Whether its node knows which cluster it is of. */
  get isFounded(): boolean {
    return (this.#disk?.genesis ?? null) !== null;
  }

  /** Whether its node has been removed from the cluster, and knows. */
  get isRemoved(): boolean {
    return (this.#disk?.removed ?? null) !== null;
  }

  /** A crash has torn the newest mark. */
  get hasOlderMark(): boolean {
    return this.#disk?.mark?.isNewest === false;
  }

  get room(): keyof typeof freeBytes {
    return this.#room;
  }

  /** Nothing that it is given becomes durable at present. */
  get isStuck(): boolean {
    return this.#isStuck;
  }

  /** Of the snapshot that its log names; null: it names none. */
  get snapshotFile(): string | null {
    return this.#disk?.snapshot?.file ?? null;
  }

  /** Those in the log. */
  get configurations(): readonly PlacedConfiguration[] {
    return (this.#disk?.entries ?? []).flatMap((entry) =>
      entry.kind === "configuration" ? [{ position: entry, configuration: entry.configuration }] : [],
    );
  }

  /** Whether this entry is on it, or a snapshot in its place. */
  holds(index: LogIndex, term: Term): boolean {
    if (this.#disk === null) return false;
    const { base, entries } = this.#disk;
    return index <= base.index || entries[index - base.index - 1]?.term === term;
  }

  /** Whether this entry is in its log, not only in a snapshot. */
  hasEntry(index: LogIndex, term: Term): boolean {
    const { base, entries } = this.#disk ?? { base: { index: 0 }, entries: [] };
    return entries[index - base.index - 1]?.term === term;
  }

  /** Every write fails in this life of the node. */
  get isBroken(): boolean {
    return this.#isBroken;
  }

  /** For one life of the node. */
  open(id: string, life: Life): Opened {
    const data = (this.#disk ??= createMemoryDisk(`${id}${this.#chance.hex()}`));
    const store = createMemoryLogStore({ incarnation: data.incarnation, disk: data });
    store.isFull = this.#room === "none";
    this.#store = store;
    this.#life = life;
    this.#isDamaged = false;
    this.#isBroken = false;
    return { store: this.#paced(store, life), snapshots: createMemorySnapshotStore(this.#files), data };
  }

  measure(): Room {
    return { freeBytes: freeBytes[this.#room], totalBytes };
  }

  /**
   * Power is lost. Some of what was under way has arrived, also of what has failed. Of the marks beside the data those may be lost that
   * were not synced, and the latest of these may be torn.
   */
  crash(isTorn: boolean): void {
    const store = this.#store!;
    this.#store = null;
    this.states.crash(this.#chance);
    const arrived = this.#chance.below(store.pendingWrites + 1);
    const marks = this.#disk!.marks.length;
    const lost = this.#chance.happens(0.5) ? this.#chance.below(marks + 1) : 0;
    // A mark that names a few entries less shows nothing here: such a disk is not damaged further (`damage`).
    const [isLowered, isBehind] = [this.#chance.happens(0.5), this.#chance.happens(0.5)];
    store.crash(arrived, { ...wholeMark, lost, isTorn, isLowered, isBehind });
    this.#isMarkOld = marksLess(this.#disk!);
  }

  /** The node has closed it. */
  close(): void {
    if (this.#isBroken) return this.crash(false);
    this.#store!.crash();
    this.#store = null;
    this.states.hasCrashed = false;
    this.#isMarkOld = false;
  }

  /** While the machine is down: there is another disk in it, and nothing on that. */
  replace(): void {
    this.#files = createMemorySnapshotFiles();
    this.states = new StateDisk();
    this.#disk = null;
    this.#isMarkOld = false;
    this.hasLostMark = false;
    this.#past = null;
    this.#flipped = null;
    this.#isDamaged = false;
    this.#forged = null;
  }

  /** What is on it now may come back one day. */
  remember(): void {
    if (this.#disk !== null) this.#past = dataOn(this.#disk);
  }

  /** While the machine is down. False: there is nothing that it could do this to, or no node could notice it. */
  damage(name: DamageName): boolean {
    // A lost end of the log that no mark names: docs/operations.md, "What no node can see alone".
    if (this.#isMarkOld && (name === "rollBack" || name === "loseTail")) return false;
    // SQLite's store syncs the mark with each configuration: only damage in that very moment meets a mark from before it.
    if (this.#disk !== null && namesOtherVoters(this.#disk)) return false;
    const isDone = this.#disk !== null && this.#harm(this.#disk, name);
    if (isDone && name !== "flipSnapshot") this.#isDamaged = true;
    return isDone;
  }

  /** While the machine is down. False: there is none. */
  loseMark(): boolean {
    if (this.#disk === null || this.hasLostMark) return false;
    this.#disk.mark = null;
    this.hasLostMark = true;
    return true;
  }

  /** Nearly full. */
  runLow(): void {
    if (this.#room === "plenty") this.#room = "low";
  }

  /** While the machine is down: changes a command that its node has yet to apply. Null: there is none that `mayChange` takes. */
  forge(mayChange: (index: LogIndex, term: Term) => boolean, chance: Chance): LogIndex | null {
    const disk = this.#disk;
    const applied = disk?.snapshot?.position.index ?? 0;
    const [found] = chance.shuffled(
      (disk?.entries ?? []).filter(
        ({ kind, index, term }) => kind === "command" && index > applied && mayChange(index, term),
      ),
    );
    if (disk === null || found?.kind !== "command") return null;
    disk.entries[found.index - disk.base.index - 1] = { ...found, payload: Uint8Array.from([...found.payload, 1]) };
    syncMark(disk, markOf(disk));
    this.#forged = disk.generation;
    return found.index;
  }

  /** While the machine is down: an administrator has what is on it set aside. */
  condemn(why: string): void {
    const mark = this.#disk?.mark ?? null;
    if (this.#disk === null || mark === null) return;
    syncMark(this.#disk, { ...mark, damage: why });
    this.#forged = null;
    this.#isDamaged = true;
  }

  /** An administrator has decided which history is right. */
  clearFinding(): void {
    if (this.#disk !== null) this.#disk.finding = null;
  }

  fill(): void {
    this.#room = "none";
    if (this.#store !== null) this.#store.isFull = true;
  }

  /** Nothing that it is given becomes durable. */
  stick(): void {
    this.#isStuck = true;
  }

  /** Every write fails from now on, in this life of the node. */
  break(): void {
    if (this.#store === null) return;
    this.#isBroken = true;
    this.#store.breakDisk();
  }

  /** Neither full nor stuck any more. */
  recover(): void {
    this.#room = "plenty";
    this.#isStuck = false;
    if (this.#store === null) return;
    this.#store.isFull = false;
    this.#life?.run(() => this.#flushAll());
  }

  #harm(disk: MemoryDisk, name: DamageName): boolean {
    const { entries } = disk;
    switch (name) {
      case "rollBack":
        if (this.#past === null) return false;
        Object.assign(disk, { ...this.#past, entries: [...this.#past.entries] });
        return true;
      case "loseTail":
        if (entries.length === 0) return false;
        entries.length = this.#chance.below(entries.length);
        disk.rotten = disk.rotten.filter((index) => index <= disk.base.index + entries.length);
        return true;
      case "forgetVote": {
        if (this.#past === null) return false;
        // A log never holds a term that its vote has not reached: they are written together.
        const term = Math.max(this.#past.currentTerm, (entries.at(-1) ?? disk.base).term);
        Object.assign(disk, {
          currentTerm: term,
          votedFor: term === this.#past.currentTerm ? this.#past.votedFor : null,
        });
        return true;
      }
      case "flipEntry": {
        const commands = entries.filter(({ kind }) => kind === "command");
        if (commands.length === 0) return false;
        // The start notices it in the last entry, and in another one whoever reads it first. What had changed before stays so.
        disk.rotten = [...new Set([...disk.rotten, this.#chance.pick(commands).index])].sort(ascending);
        return true;
      }
      case "flipSnapshot": {
        const [file] = this.#chance.shuffled([...this.#files.complete.keys()]);
        if (file === undefined) return false;
        const bytes = this.#files.complete.get(file)!.slice();
        bytes[this.#chance.below(bytes.length)]! ^= 1;
        this.#files.complete.set(file, bytes);
        this.#flipped = { file, bytes };
        return true;
      }
    }
  }

  #paced(store: MemoryLogStore, life: Life): LogStore {
    const write = (effects: readonly DurableEffect[], onDurable: () => void): "written" | "noRoom" => {
      const written = store.write(effects, onDurable);
      if (this.#isStuck) return written;
      if (this.#chance.happens(this.#pace.inlineWrites)) store.flushAll();
      else {
        life.after(this.#chance.from(this.#pace.diskMs), () => {
          if (!this.#isStuck && !store.isBroken) store.flushOne();
        });
      }
      return written;
    };
    return {
      saved: store.saved,
      write,
      reopen: () => store.reopen(),
      read: (first, last, bytesMax) => store.read(first, last, bytesMax),
      chainAt: (index) => store.chainAt(index),
      chainAfter: (before, entry) => store.chainAfter(before, entry),
      reclaim: () => store.reclaim(),
      keepDamage: (finding) => store.keepDamage(finding),
      keepFinding: (finding) => store.keepFinding(finding),
      close: () => this.#flushAll(),
    };
  }

  #flushAll(): void {
    if (this.#store?.isBroken === false) this.#store.flushAll();
  }
}
