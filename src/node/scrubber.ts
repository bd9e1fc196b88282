// Is what lies on the disk still what was written? Bits rot where nobody reads. The scrub reads the whole log and the latest
// snapshot in the background, in small steps at a bounded rate, so that damage is found while the other nodes' copies are sound.
import type { LogIndex, Millis } from "../core/log-position.ts";
import { entryBytes } from "../core/entry.ts";
import type { SnapshotRecord } from "../core/snapshot-record.ts";
import type { State } from "../core/state.ts";
import { GraftError } from "../errors.ts";
import type { Clock, Timer } from "../ports/clock.ts";
import type { Logger } from "../ports/logger.ts";
import type { LogStore } from "../ports/log-store.ts";
import type { SnapshotStore } from "../ports/snapshot-store.ts";

/** One step reads about this much, bytes, and the next one comes after a pause, ms: some 5 MiB/s. */
const stepBytes = 256 * 1024;
const pauseMs = 50;

export interface ScrubberOptions {
  /** From the end of one scrub to the next, ms; 0: never. */
  readonly intervalMs: Millis;
  readonly store: Pick<LogStore, "read">;
  readonly snapshots: Pick<SnapshotStore, "contents">;
  readonly clock: Clock;
  readonly logger: Logger;
  readonly state: () => State;
  /** This snapshot is damaged, and the log's latest. */
  readonly snapshotDamaged: (snapshot: SnapshotRecord, finding: string) => Promise<void>;
  /** The log is damaged, or cannot be read. */
  readonly failed: (error: unknown) => void;
}

export class Scrubber {
  readonly #options: ScrubberOptions;
  #timer: Timer | null = null;
  #isStopped = false;
  #wake: (() => void) | null = null;

  constructor(options: ScrubberOptions) {
    this.#options = options;
  }

  /** The first scrub comes at some point of the first interval: another one on each node. */
  start(): void {
    const { intervalMs, clock } = this.#options;
    const part = ((clock.randomBytes(1)[0] ?? 0) + 1) / 256;
    this.#scrubAfter(intervalMs * part);
  }

  stop(): void {
    this.#isStopped = true;
    this.#timer?.cancel();
    this.#wake?.();
  }

  #scrubAfter(ms: Millis): void {
    const { intervalMs, clock } = this.#options;
    if (intervalMs === 0 || this.#isStopped) return;
    this.#timer = clock.at(clock.nowMs() + ms, () => void this.#scrub());
  }

  /** Never rejects. */
  async #scrub(): Promise<void> {
    const { logger, clock, intervalMs, failed } = this.#options;
    const startedMs = clock.nowMs();
    try {
      logger.log("info", "scrubbing the log and the snapshot");
      const entries = await this.#readLog();
      const snapshotBytes = await this.#readSnapshot();
      if (this.#isStopped) return;
      logger.log("info", "scrubbed", { ...entries, snapshotBytes, ms: Math.round(clock.nowMs() - startedMs) });
      this.#scrubAfter(intervalMs);
    } catch (error) {
      if (!this.#isStopped) failed(error);
    }
  }

  /** Each read compares the checksum of every entry, which is chained over the entry before it. */
  async #readLog(): Promise<{ readonly entries: number; readonly bytes: number }> {
    const { store, state } = this.#options;
    let [entries, bytes] = [0, 0];
    const through = state().durability.persistedIndex;
    for (let next: LogIndex = 0; await this.#pause();) {
      const { log, durability } = state();
      // Meanwhile the log may have been cut at both ends.
      const first = Math.max(next, log.base.index + 1);
      const last = Math.min(through, durability.persistedIndex);
      if (first > last) break;
      const read = store.read(first, last, stepBytes);
      next = read.at(-1)!.index + 1;
      entries += read.length;
      bytes += read.reduce((sum, entry) => sum + entryBytes(entry), 0);
    }
    return { entries, bytes };
  }

  async #readSnapshot(): Promise<number> {
    const { snapshots, state, snapshotDamaged } = this.#options;
    const { snapshot } = state();
    let bytes = 0;
    if (snapshot === null) return bytes;
    try {
      for await (const chunk of snapshots.contents(snapshot)) {
        bytes += chunk.byteLength;
        // One that has been replaced meanwhile may be gone any moment.
        if (!(await this.#pause()) || state().snapshot !== snapshot) break;
      }
    } catch (error) {
      if (!(error instanceof GraftError)) throw error;
      if (state().snapshot === snapshot) await snapshotDamaged(snapshot, error.message);
    }
    return bytes;
  }

  /** False: the node has stopped meanwhile. */
  async #pause(): Promise<boolean> {
    if (this.#isStopped) return false;
    const { clock } = this.#options;
    await new Promise<void>((resolve) => {
      this.#wake = resolve;
      this.#timer = clock.at(clock.nowMs() + pauseMs, resolve);
    });
    return !this.#isStopped;
  }
}
