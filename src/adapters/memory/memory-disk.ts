// What a simulated machine has on its disk: the part of the in-memory store that survives a crash.
// Which writes have reached it, and when, is log-store.ts.
import type { Incarnation, MemberKey } from "../../core/configuration.ts";
import type { DurableEffect } from "../../core/effects.ts";
import type { Entry } from "../../core/entry.ts";
import type { Genesis } from "../../core/genesis.ts";
import { type LogPosition, logStart, type Term } from "../../core/log-position.ts";
import type { SavedState } from "../../ports/log-store.ts";

/** One store at a time uses a disk, and changes it in place. */
export interface MemoryDisk {
  readonly incarnation: Incarnation;
  genesis: Genesis | null;
  currentTerm: Term;
  votedFor: MemberKey | null;
  snapshot: LogPosition & { readonly stampMs: number };
  /** The entries after the snapshot. */
  readonly entries: Entry[];
}

/** An empty disk. With a snapshot's end the log begins behind it. */
export const createMemoryDisk = (incarnation: Incarnation, snapshot: LogPosition = logStart): MemoryDisk => ({
  incarnation,
  genesis: null,
  currentTerm: snapshot.term,
  votedFor: null,
  snapshot: { ...snapshot, stampMs: 0 },
  entries: [],
});

/** Costs as much as the effect has entries. The effect must fit; see `whyNot`. */
export function applyToDisk(disk: MemoryDisk, effect: DurableEffect): void {
  switch (effect.kind) {
    case "writeVote":
      disk.currentTerm = effect.currentTerm;
      disk.votedFor = effect.votedFor;
      return;
    case "writeGenesis":
      disk.genesis = effect.genesis;
      return;
    case "truncateLog":
      disk.entries.length = effect.through - disk.snapshot.index;
      return;
    case "appendLog":
      for (const entry of effect.entries) disk.entries.push(entry);
  }
}

/** What a node finds on the disk when it starts. Costs as much as the log is long. */
export function savedOn(disk: MemoryDisk): SavedState {
  const { incarnation, genesis, currentTerm, votedFor, snapshot, entries } = disk;
  const termStarts: LogPosition[] = [];
  const configurations: SavedState["configurations"][number][] = [];
  for (const entry of entries) {
    const position = { index: entry.index, term: entry.term };
    if (termStarts.at(-1)?.term !== entry.term) termStarts.push(position);
    if (entry.kind === "configuration") configurations.push({ position, configuration: entry.configuration });
  }
  const { index, term, stampMs } = entries.at(-1) ?? snapshot;
  return {
    incarnation,
    genesis,
    currentTerm,
    votedFor,
    snapshot: { index: snapshot.index, term: snapshot.term },
    last: { index, term },
    lastStampMs: index === 0 ? (genesis?.foundedAtMs ?? 0) : stampMs,
    termStarts,
    configurations,
  };
}
