// What a simulated machine has on its disk: the part of the in-memory store that survives a crash.
// Which writes have reached it, and when, is log-store.ts.
import { activationOf, type PlacedActivation } from "../../core/activation.ts";
import type { Incarnation, MemberKey, PlacedConfiguration } from "../../core/configuration.ts";
import type { DurableEffect, WriteSnapshot } from "../../core/effects.ts";
import type { Entry } from "../../core/entry.ts";
import type { Genesis } from "../../core/genesis.ts";
import { type LogIndex, type LogPosition, logStart, type Term } from "../../core/log-position.ts";
import type { SnapshotRecord } from "../../core/snapshot-record.ts";
import type { Finding, SavedState } from "../../ports/log-store.ts";
import type { Refill } from "../../core/state.ts";

/** Where a log begins: the position before its first entry, with its time and its checksum. */
export interface LogBase extends LogPosition {
  readonly stampMs: number;
  readonly chain: number;
}

/** One store at a time uses a disk, and changes it in place. A test may damage it in between. */
export interface MemoryDisk extends MemoryData {
  readonly incarnation: Incarnation;
  /** What is remembered beside the data; null: it was lost. */
  mark: MemoryMark | null;
  /**
   * The mark that was synced last, and those that were written since. A power cut may leave any of them. Of those that differ only in
   * how far the log reaches, the last one is kept.
   */
  marks: readonly MemoryMark[];
  finding: Finding | null;
  /** Damaged data, the earliest first. */
  readonly setAside: MemoryData[];
}

/** How far the log reached and what was promised: what the data is compared with at the next start (memory-mark.ts). */
export interface MemoryMark {
  readonly generation: number;
  readonly clusterUuid: string | null;
  readonly currentTerm: Term;
  readonly votedFor: MemberKey | null;
  readonly last: LogPosition;
  readonly chain: number;
  readonly hasOtherVoters: boolean;
  readonly isRemoved: boolean;
  /** The data is to be set aside at the next start, for this reason. */
  readonly damage: string | null;
  /** False: a power cut has torn a newer one. What was promised may be more than this one says. */
  readonly isNewest: boolean;
}

const firstMark: MemoryMark = {
  generation: 0,
  clusterUuid: null,
  currentTerm: 0,
  votedFor: null,
  last: logStart,
  chain: 0,
  hasOtherVoters: true,
  isRemoved: false,
  damage: null,
  isNewest: true,
};

/** All that is lost when the log is. */
export interface MemoryData {
  /** How often the data had been set aside before: data of before a refill are no longer this node's. */
  generation: number;
  genesis: Genesis | null;
  currentTerm: Term;
  votedFor: MemberKey | null;
  removed: SavedState["removed"];
  refill: SavedState["refill"];
  base: LogBase;
  baseConfiguration: PlacedConfiguration | null;
  baseActivation: PlacedActivation | null;
  snapshot: SnapshotRecord | null;
  /** The entries after the base. */
  entries: Entry[];
  /** Of these the bytes are not those that were written. Ascending. */
  rotten: readonly LogIndex[];
}

const emptyData = (generation: number): MemoryData => ({
  generation,
  genesis: null,
  currentTerm: 0,
  votedFor: null,
  removed: null,
  refill: null,
  base: { ...logStart, stampMs: 0, chain: 0 },
  baseConfiguration: null,
  baseActivation: null,
  snapshot: null,
  entries: [],
  rotten: [],
});

export const createMemoryDisk = (incarnation: Incarnation): MemoryDisk => ({
  ...emptyData(0),
  incarnation,
  mark: firstMark,
  marks: [firstMark],
  finding: null,
  setAside: [],
});

export const dataOn = (disk: MemoryDisk): MemoryData => {
  const { incarnation: _, mark: _m, marks: _s, finding: _f, setAside: _a, ...data } = disk;
  return { ...data, entries: [...data.entries] };
};

/** The data goes aside, and what is left begins with the promises of the mark. */
export function beginAnew(disk: MemoryDisk, { currentTerm, votedFor }: MemoryMark, refill: Refill | null): void {
  disk.setAside.push(dataOn(disk));
  Object.assign(disk, { ...emptyData(disk.setAside.length), currentTerm, votedFor, refill });
}

/** Costs as much as the effect has entries. The effect must fit; see `whyNot`. */
export function applyToDisk(disk: MemoryDisk, effect: DurableEffect): void {
  switch (effect.kind) {
    case "writeVote":
      disk.currentTerm = effect.currentTerm;
      disk.votedFor = effect.votedFor;
      return;
    case "writeRemoved":
      disk.removed = { position: effect.position, configuration: effect.configuration };
      return;
    case "writeRefilled":
      disk.refill = null;
      return;
    case "writeGenesis":
      disk.genesis = effect.genesis;
      return;
    case "truncateLog":
      disk.entries.length = effect.through - disk.base.index;
      disk.rotten = disk.rotten.filter((index) => index <= effect.through);
      return;
    case "appendLog":
      for (const entry of effect.entries) disk.entries.push(entry);
      return;
    case "writeSnapshot":
      disk.base = cutBelow(disk.base, disk.entries, effect);
      disk.rotten = effect.discardsLog ? [] : disk.rotten.filter((index) => index > effect.base.index);
      disk.baseConfiguration = effect.baseConfiguration;
      disk.baseActivation = effect.baseActivation;
      disk.snapshot = effect.snapshot;
  }
}

/** Takes away the entries that the effect takes away, and returns the new base. */
export function cutBelow(base: LogBase, entries: Entry[], { snapshot, base: to, discardsLog }: WriteSnapshot): LogBase {
  if (discardsLog) {
    entries.length = 0;
    return { ...to, stampMs: snapshot.stampMs, chain: snapshot.chain };
  }
  const chain = chainAt(base, entries, to.index);
  const { stampMs } = entries[to.index - base.index - 1] ?? base;
  entries.splice(0, to.index - base.index);
  return { ...to, stampMs, chain };
}

/** The checksum after the entry at `index`. Costs as much as there are entries up to there: it is seldom asked for. */
export function chainAt(base: LogBase, entries: readonly Entry[], index: LogIndex): number {
  let { chain } = base;
  for (const entry of entries.slice(0, index - base.index)) chain = chainAfter(chain, entry);
  return chain;
}

export function chainAfter(before: number, entry: Entry): number {
  const payload = entry.kind === "command" ? Bun.hash.xxHash3(entry.payload) : 0n;
  const content = JSON.stringify({ ...entry, chain: before, payload: String(payload) }, inOrder);
  return Number(Bun.hash.xxHash3(content) >> 11n);
}

/** Equal entries have equal checksums, however they came into being. */
const inOrder = (_: string, value: unknown): unknown =>
  value === null || typeof value !== "object" || Array.isArray(value)
    ? value
    : Object.fromEntries(Object.entries(value).sort(([a], [b]) => (a < b ? -1 : 1)));

/** What a node finds on the disk when it starts. Costs as much as the log is long. */
export function savedOn(disk: MemoryDisk): SavedState {
  const { incarnation, genesis, currentTerm, votedFor, removed, refill } = disk;
  const { base, baseConfiguration, baseActivation, snapshot, entries } = disk;
  const termStarts: LogPosition[] = [];
  const configurations: SavedState["configurations"][number][] = [];
  const activations: SavedState["activations"][number][] = [];
  for (const entry of entries) {
    const position = { index: entry.index, term: entry.term };
    if (termStarts.at(-1)?.term !== entry.term) termStarts.push(position);
    if (entry.kind === "configuration") configurations.push({ position, configuration: entry.configuration });
    if (entry.kind === "activate") activations.push({ position, ...activationOf(entry) });
  }
  const { index, term, stampMs } = entries.at(-1) ?? base;
  return {
    incarnation,
    genesis,
    currentTerm,
    votedFor,
    base: { index: base.index, term: base.term },
    baseConfiguration,
    baseActivation,
    snapshot,
    last: { index, term },
    lastStampMs: index === 0 ? (genesis?.foundedAtMs ?? 0) : stampMs,
    termStarts,
    configurations,
    activations,
    removed,
    refill,
  };
}
