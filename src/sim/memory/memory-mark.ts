// What does a simulated machine remember beside its log, and what does it notice by that at the next start? The rules are those
// of the SQLite store's mark; a test may change the disk under it.
import { hasOtherVoters } from "../../core/configuration.ts";
import type { DurableEffect } from "../../core/effects.ts";
import { genesisConfiguration } from "../../core/genesis.ts";
import { GraftError } from "../../errors.ts";
import { type LogIndex, logStart } from "../../core/log-position.ts";
import { beginAnew, chainAfter, chainAt, type MemoryDisk, type MemoryMark } from "./memory-disk.ts";

/** What the disk holds now has been promised. Costs as much as the log is long. */
export function markOf(disk: MemoryDisk): MemoryMark {
  const { genesis, refill, currentTerm, votedFor, base, entries, baseConfiguration, incarnation } = disk;
  const inLog = entries.findLast((entry) => entry.kind === "configuration");
  const founding = genesis === null ? null : genesisConfiguration(genesis);
  const configuration = inLog?.configuration ?? baseConfiguration?.configuration ?? founding;
  const { index, term } = entries.at(-1) ?? base;
  return {
    generation: disk.generation,
    clusterUuid: genesis?.clusterUuid ?? refill?.clusterUuid ?? null,
    currentTerm,
    votedFor,
    last: { index, term },
    chain: chainAt(base, entries, index),
    hasOtherVoters: configuration === null || hasOtherVoters(configuration, incarnation),
    isRemoved: disk.removed !== null,
    damage: null,
    isNewest: true,
  };
}

/**
 * The mark is lowered, and synced, before a write takes entries away, so that a crash in between is no false alarm. Null: this one takes
 * none away that the mark names.
 */
export function loweredMark(disk: MemoryDisk, effects: readonly DurableEffect[]): MemoryMark | null {
  if (disk.mark === null) return null;
  const through = Math.min(...effects.map(endAfter));
  if (through >= disk.mark.last.index) return null;
  if (through < disk.base.index) return { ...disk.mark, last: logStart, chain: 0 };
  const { index, term } = disk.entries[through - disk.base.index - 1] ?? disk.base;
  return { ...disk.mark, last: { index, term }, chain: chainAt(disk.base, disk.entries, index) };
}

/** After which index the effect takes entries away. */
function endAfter(effect: DurableEffect): number {
  if (effect.kind === "truncateLog") return effect.through;
  return effect.kind === "writeSnapshot" && effect.discardsLog ? -1 : Number.POSITIVE_INFINITY;
}

/**
 * Others build on these as soon as they are confirmed, so the mark is synced first. SQLite's store also syncs it with another
 * configuration. Here that mark may be lost.
 */
const syncedKinds: ReadonlySet<DurableEffect["kind"]> = new Set([
  "writeVote",
  "writeGenesis",
  "writeRemoved",
  "writeRefilled",
]);

/** A write is durable. */
export function moveMark(disk: MemoryDisk, effects: readonly DurableEffect[]): void {
  const before = disk.mark;
  const mark = markAfter(disk, effects);
  disk.mark = mark;
  if (effects.some(({ kind }) => syncedKinds.has(kind))) syncMark(disk, mark);
  else if (disk.marks.length > 1 && differOnlyInReach(before, mark)) disk.marks = [...disk.marks.slice(0, -1), mark];
  else disk.marks = [...disk.marks, mark];
}

export function syncMark(disk: MemoryDisk, mark: MemoryMark): void {
  disk.mark = mark;
  disk.marks = [mark];
}

const differOnlyInReach = (before: MemoryMark | null, after: MemoryMark): boolean =>
  before?.hasOtherVoters === after.hasOtherVoters;

/** What an end of the process, or a power cut, leaves of the marks. */
export interface MarkLeft {
  /** How many of the marks that were not synced are lost, the latest first. */
  readonly lost: number;
  /** The one that is left names no later entry than this: it was written again with each transaction. */
  readonly through: LogIndex;
  /** One of these was torn. */
  readonly isTorn: boolean;
  /** The mark had been lowered for the write that has not arrived. */
  readonly isLowered: boolean;
  /** The mark had not been moved for the last write that has arrived. */
  readonly isBehind: boolean;
}

export const wholeMark: MarkLeft = {
  lost: 0,
  through: Number.POSITIVE_INFINITY,
  isTorn: false,
  isLowered: false,
  isBehind: false,
};

/** @param missing the write that has not arrived */
export function leaveMark(
  disk: MemoryDisk,
  { lost, through, isTorn, isLowered }: MarkLeft,
  missing: readonly DurableEffect[],
): void {
  const lowered = isLowered ? loweredMark(disk, missing) : null;
  const left = lowered ?? namingLess(disk, Math.max(0, disk.marks.length - 1 - lost), through);
  // The slot that was synced last is never written before another one has been synced, so it is the one that is left.
  const isOlder = isTorn && lowered === null && disk.marks.length > 1;
  if (disk.mark !== null && left !== undefined) syncMark(disk, isOlder ? { ...disk.marks[0]!, isNewest: false } : left);
}

/** One of the marks as it was when the log reached `through`, but not before the mark that precedes it. */
function namingLess(disk: MemoryDisk, at: number, through: LogIndex): MemoryMark | undefined {
  const [before, mark] = [disk.marks[at - 1], disk.marks[at]];
  if (before === undefined || mark === undefined || through >= mark.last.index) return mark;
  const index = Math.max(through, before.last.index, disk.base.index);
  const { term } = disk.entries[index - disk.base.index - 1] ?? disk.base;
  return { ...mark, last: { index, term }, chain: chainAt(disk.base, disk.entries, index) };
}

/** The mark after a write that is durable. Appending, which is nearly all that happens, costs as much as it appends. */
function markAfter(disk: MemoryDisk, effects: readonly DurableEffect[]): MemoryMark {
  const appended = effects.flatMap((effect) => (effect.kind === "appendLog" ? effect.entries : []));
  const isPlain =
    effects.every(({ kind }) => kind === "appendLog") && !appended.some(({ kind }) => kind === "configuration");
  if (disk.mark === null || !isPlain) return markOf(disk);
  const { index, term } = appended.at(-1) ?? disk.mark.last;
  return { ...disk.mark, last: { index, term }, chain: appended.reduce(chainAfter, disk.mark.chain) };
}

/** Looks at a disk before it is used. Throws `GraftError("damaged")` where the node may not go on with it. */
export function settleDamage(disk: MemoryDisk): void {
  if (disk.finding !== null) throw new GraftError("damaged", `${disk.finding.text}. An administrator has to decide.`);
  const { mark } = disk;
  if (mark === null) {
    throw new GraftError(
      "damaged",
      "The mark is missing. Nothing was changed. Join the cluster again with an empty disk.",
    );
  }
  const finding = mark.damage ?? whatIsMissing(disk, mark) ?? whatIsRotten(disk);
  if (finding !== null) setAside(disk, mark, finding);
  syncMark(disk, markOf(disk));
}

function setAside(disk: MemoryDisk, mark: MemoryMark, finding: string): void {
  if (!mark.isNewest) {
    throw new GraftError(
      "damaged",
      `${finding}. The mark is damaged as well. Nothing was changed. Join the cluster again.`,
    );
  }
  if (!mark.hasOtherVoters) {
    const remedy = "Restore a backup. Join the cluster again if others run it by now.";
    throw new GraftError("damaged", `${finding}. This node is the only voter. Nothing was changed. ${remedy}`);
  }
  const hasPromised = mark.clusterUuid !== null || mark.currentTerm > 0;
  beginAnew(disk, mark, hasPromised ? { finding, clusterUuid: mark.clusterUuid } : null);
}

/** A start reads the last entry. Others are read when they are needed. */
function whatIsRotten({ base, entries, rotten }: MemoryDisk): string | null {
  const last = entries.at(-1) ?? base;
  return rotten.includes(last.index) ? `Entry ${last.index} is not what was written` : null;
}

function whatIsMissing(disk: MemoryDisk, mark: MemoryMark): string | null {
  const { generation, clusterUuid, currentTerm, votedFor, last, chain } = mark;
  // While a node is refilled its mark names little. Data that were set aside would pass all that follows.
  if (disk.generation !== generation) return "The data are those that were set aside";
  const uuid = disk.genesis?.clusterUuid ?? disk.refill?.clusterUuid ?? null;
  if (clusterUuid !== null && uuid !== clusterUuid) return `The disk is of the cluster ${uuid}, not of ${clusterUuid}`;
  if (disk.currentTerm < currentTerm) return `The term is ${disk.currentTerm}, and it was ${currentTerm}`;
  if (disk.currentTerm === currentTerm && votedFor !== null && disk.votedFor !== votedFor) {
    return `The vote of term ${currentTerm} is for ${disk.votedFor}, and it was for ${votedFor}`;
  }
  if (mark.isRemoved && disk.removed === null) return "The disk does not say that this node was removed";
  const end = disk.entries.at(-1) ?? disk.base;
  if (last.index < disk.base.index) return null;
  if (last.index > end.index) return `The log ends at ${end.index}, and it reached ${last.index}`;
  if (chainAt(disk.base, disk.entries, last.index) === chain) return null;
  return `The checksum at ${last.index} is not ${chain}`;
}
