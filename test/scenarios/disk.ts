// What one node of a story has on disk, and what is on its way there.
import type { Entry } from "../../src/core/entry.ts";
import type { DurableEffect } from "../../src/core/effects.ts";
import type { Genesis } from "../../src/core/genesis.ts";
import type { Saved } from "../../src/core/restore.ts";
import type { SnapshotRecord } from "../../src/core/snapshot-record.ts";
import {
  applyToDisk,
  beginAnew,
  createMemoryDisk,
  type MemoryDisk,
  savedOn,
} from "../../src/sim/memory/memory-disk.ts";
import { markOf } from "../../src/sim/memory/memory-mark.ts";

export class Disk {
  isStalled = false;
  readonly #durable: MemoryDisk;
  #waiting: DurableEffect[] = [];

  constructor(incarnation: string) {
    this.#durable = createMemoryDisk(incarnation);
  }

  get incarnation(): string {
    return this.#durable.incarnation;
  }

  get genesis(): Genesis | null {
    return this.#durable.genesis;
  }

  get snapshot(): SnapshotRecord | null {
    return this.#durable.snapshot;
  }

  get baseIndex(): number {
    return this.#durable.base.index;
  }

  /** Those after the base. */
  get entries(): readonly Entry[] {
    return this.#durable.entries;
  }

  /** Takes an effect; it is durable with the next `sync`. */
  write(effect: DurableEffect): void {
    this.#waiting.push(effect);
  }

  /** Everything taken is durable now. The last ticket, or null if nothing was waiting. */
  sync(): number | null {
    const ticket = this.#waiting.at(-1)?.ticket ?? null;
    for (const effect of this.#waiting) applyToDisk(this.#durable, effect);
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
    this.#durable.entries = this.#durable.entries.slice(0, -entries);
  }

  /** The damaged log is set aside; the term and the vote are known from elsewhere. */
  setAside(finding: string): void {
    const mark = markOf(this.#durable);
    beginAnew(this.#durable, mark, { finding, clusterUuid: mark.clusterUuid });
  }

  saved(): Saved {
    return savedOn(this.#durable);
  }
}
