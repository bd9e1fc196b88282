// When does a node make a snapshot of its state machine, and how does it get from there to the disk? (§5) By entries or by
// bytes applied since the last one, whichever comes first; chunk by chunk, while commands go on. What the log lets go of
// then is the core's business.
import type { PlacedActivation } from "../core/activation.ts";
import type { PlacedConfiguration } from "../core/configuration.ts";
import type { Genesis } from "../core/genesis.ts";
import type { LogIndex, LogPosition } from "../core/log-position.ts";
import type { SnapshotRecord } from "../core/snapshot-record.ts";
import type { Logger } from "../ports/logger.ts";
import type { SnapshotStore } from "../ports/snapshot-store.ts";
import type { Reached, StateMachine, StateSnapshot } from "../ports/state-machine.ts";
import { toError } from "./node-end.ts";

/** After how much of the log a snapshot is taken. */
export interface SnapshotPolicy {
  readonly everyEntries: number;
  readonly everyBytes: number;
}

/** The last entry handed to the state machine. */
export interface Applied extends LogPosition {
  readonly stampMs: number;
}

/** What stands beside the state in a snapshot. */
export interface Circumstances {
  readonly genesis: Genesis;
  readonly chain: number;
  readonly configuration: PlacedConfiguration;
  readonly activation: PlacedActivation | null;
}

export interface SnapshotTakerOptions {
  readonly cluster: string;
  readonly policy: SnapshotPolicy;
  readonly stateMachine: StateMachine;
  readonly snapshots: SnapshotStore;
  readonly logger: Logger;
  readonly circumstances: (through: LogIndex) => Circumstances;
  /** Whether the disk may take more of it. */
  readonly hasRoom: () => boolean;
  /** The file is complete and durable. */
  readonly taken: (snapshot: SnapshotRecord) => void;
}

interface Taking {
  readonly through: LogIndex;
  isGivenUp: boolean;
  readonly done: Promise<SnapshotRecord | null>;
}

export class SnapshotTaker {
  readonly #options: SnapshotTakerOptions;
  #lastIndex: LogIndex;
  #handed: Applied | null = null;
  #bytesSince = 0;
  #underWay: Taking | null = null;
  #failure: string | null = null;

  /** @param after where the latest snapshot ends */
  constructor(after: LogIndex, options: SnapshotTakerOptions) {
    this.#options = options;
    this.#lastIndex = after;
  }

  /** The last entry that the state machine has been given, or that it was restored with; null before the first. */
  get handed(): Applied | null {
    return this.#handed;
  }

  /** The end of the one under way; null when there is none. */
  get takingThrough(): LogIndex | null {
    return this.#underWay?.through ?? null;
  }

  /** For people: why the last attempt failed; null: it succeeded, there was none, or a leader's snapshot has come since. */
  get failure(): string | null {
    return this.#failure;
  }

  /** Entries of so many bytes have been handed to the state machine, the last of them `applied`: it may be time. */
  onHanded(applied: Applied, bytes: number): void {
    this.#handed = applied;
    this.#bytesSince += bytes;
    const { everyEntries, everyBytes } = this.#options.policy;
    const isDue = applied.index - this.#lastIndex >= everyEntries || this.#bytesSince >= everyBytes;
    if (isDue && this.#underWay === null) void this.take(applied);
  }

  /** The state has been replaced by that of a snapshot, and the log was cut there. */
  onRestored(through: Applied): void {
    this.#handed = through;
    this.#lastIndex = through.index;
    this.#bytesSince = 0;
    this.#failure = null;
  }

  /** The state machine goes on with a state that it has kept on disk. */
  onResumed(through: Applied): void {
    this.#handed = through;
  }

  /**
   * The state machine has been given nothing yet. A snapshot is not due before the log goes beyond the latest one. Why one of the state machine
   * before has failed, says nothing of this one.
   */
  onEmptied(): void {
    this.#handed = null;
    this.#bytesSince = 0;
    this.#failure = null;
  }

  /** The state machine is about to be restored: what is being read of it is of no use any more. Resolves once it is let go. */
  async giveUp(): Promise<void> {
    if (this.#underWay === null) return;
    this.#underWay.isGivenUp = true;
    await this.#underWay.done;
  }

  /**
   * Takes one through `applied`, the last entry that the state machine has been given: to be called before it is given
   * another. Resolves with its record once it is durable; null when it could not be taken: the log says why, and the next
   * one is tried after as many entries again.
   */
  take(applied: Applied): Promise<SnapshotRecord | null> {
    const { stateMachine, logger, circumstances } = this.#options;
    if (this.#underWay !== null) return this.#underWay.done;
    this.#lastIndex = applied.index;
    this.#bytesSince = 0;
    if (!stateMachine.description.snapshots) return Promise.resolve(null);
    logger.log("info", "taking a snapshot", { through: applied.index });
    // Asked for at once: whatever is handed over after this is not in it.
    const done = this.#run(applied, circumstances(applied.index), stateMachine.snapshot(reachedBy(applied)));
    this.#underWay = { through: applied.index, isGivenUp: false, done };
    return done;
  }

  async #run(
    applied: Applied,
    circumstances: Circumstances,
    state: Promise<StateSnapshot>,
  ): Promise<SnapshotRecord | null> {
    const { logger, taken } = this.#options;
    try {
      const source = await state;
      try {
        const record = await this.#write(applied, circumstances, source);
        if (record === null) return null;
        this.#failure = null;
        logger.log("info", "snapshot taken", { through: applied.index, bytes: record.bytes });
        taken(record);
        return record;
      } finally {
        source.close();
      }
    } catch (error) {
      // Nothing depends on it: the log is as long as it was. The next one is tried when it is due.
      this.#failure = toError(error).message;
      logger.log("error", "no snapshot could be taken", { through: applied.index, reason: this.#failure });
      return null;
    } finally {
      this.#underWay = null;
    }
  }

  async #write(
    { index, term, stampMs }: Applied,
    { genesis, chain, configuration, activation }: Circumstances,
    source: StateSnapshot,
  ): Promise<SnapshotRecord | null> {
    const { snapshots, stateMachine, cluster, hasRoom } = this.#options;
    const { name, version } = stateMachine.description;
    const about = { position: { index, term }, stampMs, chain, configuration, activation };
    const { clusterUuid } = genesis;
    const writer = await snapshots.create({ cluster, clusterUuid, ...about, plugin: { name, version } });
    try {
      for (;;) {
        const chunk = await source.read();
        if (this.#underWay?.isGivenUp !== false) return null;
        if (!hasRoom())
          throw new Error("the disk is nearly full, and what is left of it is for the log; free space on it");
        if (chunk === null) return { ...about, ...(await writer.finish()) };
        await writer.write(chunk);
      }
    } finally {
      // After `finish` there is nothing left to abandon.
      await writer.abandon();
    }
  }
}

/** A state on disk has its place there from then on, also where the last entries had no effect. */
const reachedBy = ({ index, term, stampMs }: Applied): Reached => ({ index, term, timeMs: stampMs });
