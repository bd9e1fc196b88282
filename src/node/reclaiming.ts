// When does a node give back the space of what its log has let go of? In small steps with pauses, while there is room for them.
import type { Clock, Timer } from "../ports/clock.ts";
import type { LogStore } from "../ports/log-store.ts";
import type { DiskWatch } from "./disk-watch.ts";

/** Between two small steps of giving back space, ms: commands go first. */
const reclaimPauseMs = 5;
const noRoomPauseMs = 1_000;
/** What such a step may write, bytes. */
const reclaimBytes = 1024 * 1024;

export interface ReclaimingOptions {
  readonly store: Pick<LogStore, "reclaim">;
  readonly clock: Pick<Clock, "at" | "nowMs">;
  readonly disk: Pick<DiskWatch, "hasRoomFor">;
  /** The log's disk is not to be trusted. */
  readonly failed: (error: unknown) => void;
}

export class Reclaiming {
  readonly #options: ReclaimingOptions;
  #next: Timer | null = null;
  #isStopped = false;

  constructor(options: ReclaimingOptions) {
    this.#options = options;
  }

  begin(pauseMs = reclaimPauseMs): void {
    if (this.#isStopped || this.#next !== null) return;
    const { clock, store, disk, failed } = this.#options;
    this.#next = clock.at(clock.nowMs() + pauseMs, () => {
      this.#next = null;
      // Giving space back takes some first.
      if (!disk.hasRoomFor(reclaimBytes)) return this.begin(noRoomPauseMs);
      try {
        if (store.reclaim()) this.begin();
      } catch (error) {
        failed(error);
      }
    });
  }

  stop(): void {
    this.#isStopped = true;
    this.#next?.cancel();
  }
}
