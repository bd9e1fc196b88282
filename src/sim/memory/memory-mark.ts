// What does a simulated machine remember beside its log, and what does it notice by that at the next start? The rules are those
// of the SQLite store's mark; a test may change the disk under it.
import { hasOtherVoters } from "../../core/configuration.ts";
import type { DurableEffect } from "../../core/effects.ts";
import { genesisConfiguration } from "../../core/genesis.ts";
import { GraftError } from "../../errors.ts";
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
    damage: null,
  };
}

/** The mark after a write that is durable. Appending, which is nearly all that happens, costs as much as it appends. */
export function markAfter(disk: MemoryDisk, effects: readonly DurableEffect[]): MemoryMark {
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
  const finding = mark.damage ?? whatIsMissing(disk, mark);
  if (finding === null) return;
  if (!mark.hasOtherVoters) {
    throw new GraftError("damaged", `${finding}. This node is the only voter. Nothing was changed. Restore a backup.`);
  }
  const hasPromised = mark.clusterUuid !== null || mark.currentTerm > 0;
  beginAnew(disk, mark, hasPromised ? { finding, clusterUuid: mark.clusterUuid } : null);
  disk.mark = markOf(disk);
}

function whatIsMissing(
  disk: MemoryDisk,
  { generation, clusterUuid, currentTerm, votedFor, last, chain }: MemoryMark,
): string | null {
  // While a node is refilled its mark names little. Data that were set aside would pass all that follows.
  if (disk.generation !== generation) return "The data are those that were set aside";
  const uuid = disk.genesis?.clusterUuid ?? disk.refill?.clusterUuid ?? null;
  if (clusterUuid !== null && uuid !== clusterUuid) return `The disk is of the cluster ${uuid}, not of ${clusterUuid}`;
  if (disk.currentTerm < currentTerm) return `The term is ${disk.currentTerm}, and it was ${currentTerm}`;
  if (disk.currentTerm === currentTerm && votedFor !== null && disk.votedFor !== votedFor) {
    return `The vote of term ${currentTerm} is for ${disk.votedFor}, and it was for ${votedFor}`;
  }
  const end = disk.entries.at(-1) ?? disk.base;
  if (last.index < disk.base.index) return null;
  if (last.index > end.index) return `The log ends at ${end.index}, and it reached ${last.index}`;
  if (chainAt(disk.base, disk.entries, last.index) === chain) return null;
  return `The checksum at ${last.index} is not ${chain}`;
}
