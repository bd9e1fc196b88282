// Is there enough room on the disk? Below a threshold the node takes no commands: what is left is for what must go on, above all
// for the compaction that makes room again. The threshold to come back lies higher, so that nothing swings.
import type { Millis } from "../core/log-position.ts";
import type { Clock } from "../ports/clock.ts";
import type { DiskSpace, Room } from "../ports/disk-space.ts";

export interface SpacePolicy {
  /** The larger of the two is the threshold. */
  readonly minFreeBytes: number;
  readonly minFreePercent: number;
}

/** The disk is nearly full until there is this much more than the threshold, as a factor. */
const enoughAgain = 1.2;
/** Snapshots, made or received, leave this much of the threshold to the log, as a factor. */
const leftByBulk = 0.25;
/** What a write must leave, bytes: SQLite carries its WAL over into the database after it. */
const leftByWrites = 16 * 1024 * 1024;
/** What a write takes for each byte of its entries: the WAL, and the database later. */
const bytesPerByte = 2;
/** No disk is filled faster than this, bytes a ms: so long is what was measured good for. */
const fillBytesPerMs = 8 * 1024 * 1024;
const goodForMsMax = 1_000;

export interface DiskWatchModules {
  readonly disk: DiskSpace;
  readonly clock: Pick<Clock, "nowMs" | "soon">;
  /** The system does not say how much is free: the node cannot continue. Never called from within a question. */
  readonly failed: (error: unknown) => void;
}

export class DiskWatch {
  readonly #modules: DiskWatchModules;
  readonly #policy: SpacePolicy;
  #freeBytes = 0;
  #threshold = 0;
  #isLow = false;
  #goodUntilMs: Millis = Number.NEGATIVE_INFINITY;

  constructor(modules: DiskWatchModules, policy: SpacePolicy) {
    this.#modules = modules;
    this.#policy = policy;
  }

  /** Nearly full: no commands. */
  get isLow(): boolean {
    this.#look();
    return this.#isLow;
  }

  /** How many bytes must be free for commands to be taken. */
  get threshold(): number {
    this.#look();
    return this.#threshold;
  }

  /** A write of entries that weigh so many bytes fits, and what follows from it. */
  hasRoomFor(bytes: number): boolean {
    this.#look();
    const needed = bytesPerByte * bytes + leftByWrites;
    // What was measured a moment ago may be less by now.
    if (this.#freeBytes < 2 * needed) this.#measure();
    return this.#freeBytes >= needed;
  }

  /** A snapshot may grow further without taking what the log needs. */
  get hasRoomForBulk(): boolean {
    this.#look();
    return this.#freeBytes >= Math.max(leftByBulk * this.#threshold, 2 * leftByWrites);
  }

  #look(): void {
    if (this.#modules.clock.nowMs() >= this.#goodUntilMs) this.#measure();
  }

  /**
   * Timers, requests and peers ask. None of them can end the node in an orderly way, so no error reaches them: they get the answer
   * of before, and the node ends in its next turn.
   */
  #measure(): void {
    const { disk, clock, failed } = this.#modules;
    try {
      this.#note(disk.measure());
    } catch (error) {
      this.#goodUntilMs = clock.nowMs() + goodForMsMax;
      clock.soon(() => failed(error));
    }
  }

  #note({ freeBytes, totalBytes }: Room): void {
    const { minFreeBytes, minFreePercent } = this.#policy;
    this.#freeBytes = freeBytes;
    this.#threshold = Math.max(minFreeBytes, (minFreePercent / 100) * totalBytes);
    this.#isLow = freeBytes < this.#threshold * (this.#isLow ? enoughAgain : 1);
    const margin = Math.max(0, freeBytes - 2 * leftByWrites);
    this.#goodUntilMs = this.#modules.clock.nowMs() + Math.min(goodForMsMax, margin / fillBytesPerMs);
  }
}
