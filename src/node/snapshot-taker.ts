// When does a node make a snapshot of its state machine, and how does it get from there to the disk? (§5) By entries or by
// bytes applied since the last one, whichever comes first; chunk by chunk, while commands go on. What the log lets go of
// then is the core's business.
import type { PlacedActivation } from "../core/activation.ts";
import type { Incarnation, PlacedConfiguration } from "../core/configuration.ts";
import type { Genesis } from "../core/genesis.ts";
import type { LogIndex, LogPosition } from "../core/log-position.ts";
import type { SnapshotRecord } from "../core/snapshot-record.ts";
import type { Logger } from "../ports/logger.ts";
import type { SnapshotStore } from "../ports/snapshot-store.ts";
import type { StateMachine, StateSnapshot } from "../ports/state-machine.ts";
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
  readonly origin: Incarnation;
}

export interface SnapshotTakerOptions {
  /** Contents are compared at multiples of this index. */
  readonly compareEvery: number;
  /** Whether the state is to be trusted. */
  readonly mayTake: () => boolean;
  /** The content of the state at this index has this hash. */
  readonly read: (index: LogIndex, contentHash: number) => void;
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
  readonly kind: "taking" | "hashing";
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
  /** Where the hash of the content has been asked for. */
  #asked: LogIndex | null = null;

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
    return this.#underWay?.kind === "taking" ? this.#underWay.through : null;
  }

  /** For people: why the last attempt failed; null: it succeeded, there was none, or a leader's snapshot has come since. */
  get failure(): string | null {
    return this.#failure;
  }

  /** Entries of so many bytes have been handed to the state machine, the last of them `applied`: it may be time. */
  onHanded(applied: Applied, bytes: number): void {
    this.#handed = applied;
    this.#bytesSince += bytes;
    const isDue = this.#bytesSince >= this.#options.policy.everyBytes || this.#isPlace(applied.index);
    if (isDue && this.#underWay === null && this.#options.mayTake()) void this.take(applied);
    this.#hashIfAsked();
  }

  /**
   * Where the next snapshot is due by the number of entries, or the next hash of the content: whatever is handed over next ends there, so
   * that all nodes take theirs of the same states.
   */
  placeAfter(index: LogIndex): LogIndex {
    const { policy, compareEvery } = this.#options;
    const next = nextMultiple(policy.everyEntries, index);
    const place = this.#isOverdue(index) ? Math.min(next, nextMultiple(compareEvery, index)) : next;
    return this.#asked !== null && this.#asked > index ? Math.min(place, this.#asked) : place;
  }

  /** Has the content hashed as it is at this index, unless the state machine has got further, or a snapshot is being read. */
  askFor(at: LogIndex): void {
    this.#asked = at;
    this.#hashIfAsked();
  }

  #isPlace(index: LogIndex): boolean {
    const { policy, compareEvery } = this.#options;
    return this.#isOverdue(index) && (index % policy.everyEntries === 0 || index % compareEvery === 0);
  }

  /** A multiple of the interval lies behind the latest snapshot. */
  #isOverdue(index: LogIndex): boolean {
    const { everyEntries } = this.#options.policy;
    return Math.floor(index / everyEntries) > Math.floor(this.#lastIndex / everyEntries);
  }

  #hashIfAsked(): void {
    const { stateMachine } = this.#options;
    const index = this.#handed?.index ?? 0;
    if (this.#asked === null || index < this.#asked) return;
    // Of a snapshot that is taken here the hash is told anyway.
    const isDue = index === this.#asked && this.#underWay === null && stateMachine.description.snapshots;
    this.#asked = null;
    if (!isDue) return;
    this.#underWay = {
      kind: "hashing",
      through: index,
      isGivenUp: false,
      done: this.#hash(index, stateMachine.snapshot()),
    };
  }

  /** The state is read through, and nothing is written. */
  async #hash(index: LogIndex, state: Promise<StateSnapshot>): Promise<null> {
    const { logger, read } = this.#options;
    try {
      const source = await state;
      try {
        while ((await source.read()) !== null) if (this.#isGivenUp) return null;
        if (source.contentHash !== null) read(index, source.contentHash);
      } finally {
        source.close();
      }
    } catch (error) {
      const fields = { at: index, reason: toError(error).message };
      logger.log("warn", "the content of the state could not be compared", fields, "content");
    } finally {
      this.#underWay = null;
    }
    return null;
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

  get #isGivenUp(): boolean {
    return this.#underWay?.isGivenUp !== false;
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
    if (!this.#options.mayTake()) return Promise.resolve(null);
    // What is only being hashed is through soon, and the state has gone on then.
    if (this.#underWay?.kind === "hashing") return this.#underWay.done.then(() => this.#takeLater());
    if (this.#underWay !== null) return this.#underWay.done;
    this.#lastIndex = applied.index;
    this.#bytesSince = 0;
    if (!stateMachine.description.snapshots) return Promise.resolve(null);
    logger.log("info", "taking a snapshot", { through: applied.index });
    // Asked for at once: whatever is handed over after this is not in it.
    const done = this.#run(applied, circumstances(applied.index), stateMachine.snapshot());
    this.#underWay = { kind: "taking", through: applied.index, isGivenUp: false, done };
    return done;
  }

  async #takeLater(): Promise<SnapshotRecord | null> {
    return this.#handed === null ? null : this.take(this.#handed);
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
    { genesis, chain, configuration, activation, origin }: Circumstances,
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
        if (this.#isGivenUp) return null;
        if (!hasRoom())
          throw new Error("the disk is nearly full, and what is left of it is for the log; free space on it");
        if (chunk === null) {
          const file = await writer.finish();
          // The state may have been found wrong meanwhile.
          if (this.#isGivenUp) return null;
          if (source.contentHash !== null) this.#options.read(index, source.contentHash);
          return { ...about, origin, ...file };
        }
        await writer.write(chunk);
      }
    } finally {
      // After `finish` there is nothing left to abandon.
      await writer.abandon();
    }
  }
}

const nextMultiple = (of: number, after: LogIndex): LogIndex => (Math.floor(after / of) + 1) * of;
