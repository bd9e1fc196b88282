// The entries most lately appended, kept in memory so that sending and applying them needs no read from the store; what is
// older is read from there. Holds everything that is not durable yet, and knows the chained checksum at every position of the
// log as the core sees it, also of entries that the store has not been given yet.
import { type Entry, entryBytes } from "../core/entry.ts";
import type { Chains } from "../core/histories.ts";
import type { LogIndex, LogPosition } from "../core/log-position.ts";
import type { SnapshotRecord } from "../core/snapshot-record.ts";
import type { LogStore } from "../ports/log-store.ts";

const letGo: Entry = Object.freeze({ kind: "noop", index: 0, term: 0, stampMs: 0 });

export type TailStore = Pick<LogStore, "read" | "chainAt" | "chainAfter" | "saved">;

export class LogTail implements Chains {
  readonly #store: TailStore;
  readonly #bytesMax: number;
  #entries: Entry[] = [];
  /** The chained checksum after each of the entries. */
  #chains: number[] = [];
  /** The position before the first entry kept here, and the chained checksum there. */
  #start: { readonly index: LogIndex; readonly chain: number };
  /** Entries before this place in the array have been let go; the array is shortened now and then. */
  #skipped = 0;
  #bytes = 0;

  /** Keeps about `bytesMax` bytes of entries, and whatever is not durable. */
  constructor(store: TailStore, bytesMax: number) {
    this.#store = store;
    this.#bytesMax = bytesMax;
    const { index } = store.saved.last;
    this.#start = { index, chain: store.chainAt(index) };
  }

  append(entries: readonly Entry[]): void {
    let chain = this.#chains.at(-1) ?? this.#start.chain;
    for (const entry of entries) {
      chain = this.#store.chainAfter(chain, entry);
      this.#entries.push(entry);
      this.#chains.push(chain);
      this.#bytes += entryBytes(entry);
    }
  }

  /** Forgets everything: the log begins anew after this snapshot, behind what was here. */
  clear({ position, chain }: Pick<SnapshotRecord, "position" | "chain">): void {
    this.#beginAt(position.index, chain);
  }

  /**
   * The chained checksum after the entry at `index`, which is in the log or at its base. Throws as the store does when it is
   * neither.
   */
  chainAt(index: LogIndex): number {
    const { index: start, chain } = this.#start;
    if (index < start) return this.#store.chainAt(index);
    if (index === start) return chain;
    const found = this.#chains[this.#skipped + index - start - 1];
    if (found === undefined) throw new Error(`entry ${index} is not in the log's tail`);
    return found;
  }

  /** Forgets everything: the store's own log, which ends there, counts, and nothing else. */
  restart({ index }: LogPosition): void {
    this.#beginAt(index, this.#store.chainAt(index));
  }

  /** Forgets the entries after `through`. */
  truncate(through: LogIndex): void {
    if (through < this.#start.index) return this.#beginAt(through, this.#store.chainAt(through));
    while (this.#entries.length > this.#skipped && this.#entries.at(-1)!.index > through) {
      this.#bytes -= entryBytes(this.#entries.pop()!);
      this.#chains.pop();
    }
  }

  /** Lets go of the oldest entries beyond the bound, but of none after `persistedIndex`. */
  trim(persistedIndex: LogIndex): void {
    while (this.#bytes > this.#bytesMax && this.#skipped < this.#entries.length) {
      const oldest = this.#entries[this.#skipped]!;
      if (oldest.index > persistedIndex) break;
      this.#bytes -= entryBytes(oldest);
      this.#start = { index: oldest.index, chain: this.#chains[this.#skipped]! };
      // The place stays for now, but what it held must be free to go: a few entries can weigh gigabytes.
      this.#entries[this.#skipped] = letGo;
      this.#skipped++;
    }
    if (this.#skipped > 4096 && this.#skipped * 2 > this.#entries.length) {
      this.#entries = this.#entries.slice(this.#skipped);
      this.#chains = this.#chains.slice(this.#skipped);
      this.#skipped = 0;
    }
  }

  /**
   * The entries from `first` to `last` in order: at least one, then as many as fit into `bytesMax`. Throws when the store
   * does, or when the range is neither here nor there.
   */
  read(first: LogIndex, last: LogIndex, bytesMax: number): readonly Entry[] {
    const from = this.#entries[this.#skipped]?.index;
    if (from === undefined || last < from) return this.#store.read(first, last, bytesMax);
    if (first >= from) return this.#cached(first, last, bytesMax);
    const older = this.#store.read(first, from - 1, bytesMax);
    const bytesLeft = bytesMax - older.reduce((sum, entry) => sum + entryBytes(entry), 0);
    const isWhole = older.at(-1)?.index === from - 1;
    const next = this.#entries[this.#skipped]!;
    return isWhole && entryBytes(next) <= bytesLeft ? [...older, ...this.#cached(from, last, bytesLeft)] : older;
  }

  chainAfter(before: number, entry: Entry): number {
    return this.#store.chainAfter(before, entry);
  }

  #beginAt(index: LogIndex, chain: number): void {
    this.#entries = [];
    this.#chains = [];
    this.#skipped = 0;
    this.#bytes = 0;
    this.#start = { index, chain };
  }

  #cached(first: LogIndex, last: LogIndex, bytesMax: number): readonly Entry[] {
    const oldest = this.#entries[this.#skipped]!.index;
    const start = this.#skipped + (first - oldest);
    const end = this.#skipped + (last - oldest);
    let bytes = 0;
    let at = start;
    for (; at <= end; at++) {
      const entry = this.#entries[at];
      if (entry === undefined) throw new Error(`entry ${first + at - start} is not in the log's tail`);
      bytes += entryBytes(entry);
      if (bytes > bytesMax && at > start) break;
    }
    return this.#entries.slice(start, at);
  }
}
