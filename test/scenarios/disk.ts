// What one node of a story has on disk, and what is on its way there.
import type { MemberKey, PlacedConfiguration } from "../../src/core/configuration.ts";
import type { DurableEffect } from "../../src/core/effects.ts";
import type { Entry } from "../../src/core/entry.ts";
import type { Genesis } from "../../src/core/genesis.ts";
import { type LogPosition, logStart } from "../../src/core/log-position.ts";
import type { Saved } from "../../src/core/restore.ts";
import type { SnapshotRecord } from "../../src/core/snapshot-record.ts";

export class Disk {
  readonly incarnation: string;
  isStalled = false;
  /** Those after the base. */
  entries: readonly Entry[] = [];
  base: LogPosition & { readonly stampMs: number } = { ...logStart, stampMs: 0 };
  baseConfiguration: PlacedConfiguration | null = null;
  snapshot: SnapshotRecord | null = null;
  genesis: Genesis | null = null;
  removed: Saved["removed"] = null;
  refill: Saved["refill"] = null;
  #vote: { readonly currentTerm: number; readonly votedFor: MemberKey | null } = { currentTerm: 0, votedFor: null };
  #waiting: DurableEffect[] = [];

  constructor(incarnation: string) {
    this.incarnation = incarnation;
  }

  /** Takes an effect; it is durable with the next `sync`. */
  write(effect: DurableEffect): void {
    this.#waiting.push(effect);
  }

  /** Everything taken is durable now. The last ticket, or null if nothing was waiting. */
  sync(): number | null {
    const ticket = this.#waiting.at(-1)?.ticket ?? null;
    for (const effect of this.#waiting) this.#apply(effect);
    this.#waiting = [];
    return ticket;
  }

  /** A power cut: how many writes were lost. */
  forget(): number {
    const lost = this.#waiting.length;
    this.#waiting = [];
    this.isStalled = false;
    return lost;
  }

  /** The last entries are gone, without a word. */
  lose(entries: number): void {
    this.entries = this.entries.slice(0, -entries);
  }

  /** The damaged log is set aside; the term and the vote are known from elsewhere. */
  setAside(finding: string): void {
    this.refill = { finding, clusterUuid: this.genesis?.clusterUuid ?? null };
    this.genesis = null;
    this.entries = [];
    this.base = { ...logStart, stampMs: 0 };
    this.baseConfiguration = null;
    this.snapshot = null;
  }

  saved(): Saved {
    const last = this.entries.at(-1) ?? this.base;
    return {
      genesis: this.genesis,
      ...this.#vote,
      base: { index: this.base.index, term: this.base.term },
      baseConfiguration: this.baseConfiguration,
      snapshot: this.snapshot,
      last: { index: last.index, term: last.term },
      lastStampMs: last.stampMs,
      termStarts: this.entries
        .filter((entry, at) => entry.term !== this.entries[at - 1]?.term)
        .map(({ index, term }) => ({ index, term })),
      configurations: this.entries.flatMap((entry) =>
        entry.kind === "configuration"
          ? [{ position: { index: entry.index, term: entry.term }, configuration: entry.configuration }]
          : [],
      ),
      removed: this.removed,
      refill: this.refill,
    };
  }

  #apply(effect: DurableEffect): void {
    switch (effect.kind) {
      case "writeVote":
        this.#vote = { currentTerm: effect.currentTerm, votedFor: effect.votedFor };
        return;
      case "appendLog":
        this.entries = [...this.entries, ...effect.entries];
        return;
      case "truncateLog":
        this.entries = this.entries.slice(0, effect.through - this.base.index);
        return;
      case "writeRemoved":
        this.removed = { position: effect.position, configuration: effect.configuration };
        return;
      case "writeRefilled":
        this.refill = null;
        return;
      case "writeGenesis":
        this.genesis = effect.genesis;
        return;
      case "writeSnapshot": {
        const { base, discardsLog, snapshot } = effect;
        const at = this.entries.find(({ index }) => index === base.index) ?? this.base;
        this.entries = discardsLog ? [] : this.entries.filter(({ index }) => index > base.index);
        this.base = { ...base, stampMs: discardsLog ? snapshot.stampMs : at.stampMs };
        this.baseConfiguration = effect.baseConfiguration;
        this.snapshot = snapshot;
        return;
      }
    }
  }
}
