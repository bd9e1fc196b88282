// All that a node does with snapshots, beside the core that decides what they mean for the log: taking, fetching and
// serving them, removing files that nothing names any more, and giving back the space of what the log has let go of.
import { type Incarnation, incarnationOf, type MemberKey, toMemberKey } from "../core/configuration.ts";
import type { Ticket } from "../core/events.ts";
import type { LogIndex, Millis } from "../core/log-position.ts";
import type { PluginVersion } from "../core/activation.ts";
import { activationAt, configurationAt } from "../core/log-terms.ts";
import type { SnapshotRecord } from "../core/snapshot-record.ts";
import type { WakeTime } from "../core/wake-time.ts";
import type { State } from "../core/state.ts";
import { isKnown } from "../core/vouching.ts";
import { GraftError } from "../errors.ts";
import type { Clock } from "../ports/clock.ts";
import type { CopyStanding } from "../ports/copy-messages.ts";
import type { Logger } from "../ports/logger.ts";
import type { LogStore } from "../ports/log-store.ts";
import type { SnapshotStore } from "../ports/snapshot-store.ts";
import type { Reached, RenewableStateMachine } from "../ports/state-machine.ts";
import type { BulkLink, PeerIdentity, Transport } from "../ports/transport.ts";
import { Backups } from "./backups.ts";
import type { DiskWatch } from "./disk-watch.ts";
import type { ArrivedEvent } from "./mailbox.ts";
import { OutdatedDamage, toError } from "./node-end.ts";
import { Reclaiming } from "./reclaiming.ts";
import { Scrubber } from "./scrubber.ts";
import { type CopySource, unprovenOrigin } from "./own-copy.ts";
import { SnapshotChecker } from "./snapshot-checker.ts";
import { SnapshotFetcher } from "./snapshot-fetcher.ts";
import { SnapshotServer } from "./snapshot-server.ts";
import { type Circumstances, type SnapshotPolicy, SnapshotTaker } from "./snapshot-taker.ts";

export interface SnapshotModules {
  readonly store: LogStore;
  readonly snapshots: SnapshotStore;
  readonly transport: Transport;
  readonly stateMachine: RenewableStateMachine;
  readonly clock: Clock;
  readonly logger: Logger;
}

export interface NodeSnapshotsOptions {
  readonly cluster: string;
  readonly policy: SnapshotPolicy;
  readonly scrubIntervalMs: Millis;
  readonly compareEvery: number;
  /** Whose content the state is now; null: it is not to be trusted. */
  readonly origin: () => Incarnation | null;
  /** Files that copies which are wrong are being offered. */
  readonly offered: () => readonly string[];
  /** The content of the state at this index has this hash. */
  readonly contentRead: (index: LogIndex, contentHash: number) => void;
  /** The state is about to be that of this snapshot; null: it is empty. */
  readonly restoring: (snapshot: CopySource | null) => void;
  /** Another snapshot is durable in the place of the own one, and its state is to replace one that is wrong. */
  readonly replaced: () => void;
  readonly state: () => State;
  readonly disk: Pick<DiskWatch, "hasRoomForBulk" | "hasRoomFor">;
  readonly arrive: (event: ArrivedEvent) => void;
  /** The log's disk is not to be trusted, or an invariant is broken. */
  readonly failed: (error: unknown) => void;
}

export class NodeSnapshots {
  readonly taker: SnapshotTaker;
  readonly backups: Backups;
  readonly #modules: SnapshotModules;
  readonly #options: NodeSnapshotsOptions;
  readonly #fetcher: SnapshotFetcher;
  readonly #checker: SnapshotChecker;
  readonly #server: SnapshotServer;
  readonly #scrubber: Scrubber;
  readonly #reclaiming: Reclaiming;
  /** Complete files of which the core has been told: it may come to point to them. */
  #candidates: readonly SnapshotRecord[] = [];
  /** A snapshot's record is on its way to the disk with this ticket: files that it replaces go after that. */
  #written: Ticket | null = null;
  /** The disk is nearly full, and what could be done about it has been. */
  #isRelieved = false;
  /** Files that the state machine is being restored from, or will be as soon as it has let go of its state. */
  readonly #restoring = new Set<string>();
  /** The snapshot that is to replace a state which is wrong. */
  #replacement: SnapshotRecord | null = null;
  /** The state is wrong, and so is each snapshot that was made of it. */
  #isWrong = false;
  /** The file of the snapshot that is recorded in the place of those, until its state has begun. */
  #recordedFile: string | null = null;
  /** The latest two files that the state began with, or that were made of it. */
  #filesOfState: readonly string[] = [];

  constructor(modules: SnapshotModules, options: NodeSnapshotsOptions) {
    const { store, snapshots, transport, stateMachine, clock, logger } = modules;
    this.#modules = modules;
    this.#options = options;
    this.taker = new SnapshotTaker(store.saved.snapshot?.position.index ?? 0, {
      cluster: options.cluster,
      policy: options.policy,
      compareEvery: options.compareEvery,
      mayTake: () => options.origin() !== null,
      read: options.contentRead,
      stateMachine,
      snapshots,
      logger,
      circumstances: (through) => this.#circumstances(through),
      hasRoom: () => options.disk.hasRoomForBulk,
      taken: (snapshot) => {
        this.#checker.onTaken(snapshot);
        this.#filesOfState = [...this.#filesOfState, snapshot.file].slice(-2);
        this.#finished("snapshotTaken", snapshot);
      },
    });
    this.#fetcher = new SnapshotFetcher({
      transport,
      snapshots,
      clock,
      logger,
      hasRoom: () => options.disk.hasRoomForBulk,
      machine: () => stateMachine.description.name,
      fetched: (snapshot) => {
        const isReplacement = snapshot.file === this.#replacement?.file;
        this.#finished(isReplacement ? "snapshotReplaced" : "snapshotFetched", snapshot);
      },
      damaged: (from, { file }) => options.arrive({ kind: "fetchFailed", from, file }),
    });
    this.#checker = new SnapshotChecker({
      snapshots,
      takeAnother: () => this.#takeAnother(),
      logger,
      failed: options.failed,
    });
    this.#scrubber = new Scrubber({
      ...modules,
      intervalMs: options.scrubIntervalMs,
      state: options.state,
      snapshotDamaged: (snapshot, finding) => this.#checker.replace(snapshot, finding),
      failed: options.failed,
    });
    this.#reclaiming = new Reclaiming({ ...modules, disk: options.disk, failed: options.failed });
    this.#server = new SnapshotServer(snapshots, logger);
    this.backups = new Backups({
      snapshots,
      clock,
      taker: this.taker,
      description: () => stateMachine.description,
      latest: () => options.state().snapshot,
      mayShow: () => options.origin() !== null,
      stop: options.failed,
    });
  }

  /** Goes on with the space that a stop has left over. Half-read files stay: the leader may offer them again. */
  start(): void {
    this.#scrubber.start();
    this.#reclaiming.begin();
  }

  stop(): void {
    this.#reclaiming.stop();
    this.#scrubber.stop();
    this.#fetcher.stop("the node stops");
  }

  /** The state machine starts from this snapshot, with this version active; null: as it is. Resolves with the time for which it asks. What was being read of its state before is let go first. */
  async restore(snapshot: SnapshotRecord, plugin: PluginVersion | null): Promise<WakeTime> {
    // A newer one may replace it in the log before the state machine begins to read it.
    this.#restoring.add(snapshot.file);
    try {
      await this.taker.giveUp();
      return await this.#restore(snapshot, plugin);
    } catch (error) {
      const isOutdated = snapshot.file !== this.#options.state().snapshot?.file;
      throw isOutdated && error instanceof GraftError && error.code === "damaged" ? new OutdatedDamage(error) : error;
    } finally {
      this.#restoring.delete(snapshot.file);
      if (snapshot.file !== this.#options.state().snapshot?.file) void this.#tidy();
    }
  }

  async #restore(snapshot: SnapshotRecord, plugin: PluginVersion | null): Promise<WakeTime> {
    const { stateMachine, snapshots, logger } = this.#modules;
    const through = snapshot.position.index;
    logger.log("info", "restoring the state machine", { through, bytes: snapshot.bytes });
    this.#filesOfState = [snapshot.file];
    this.#options.restoring(snapshot);
    const { position, stampMs, origin } = snapshot;
    const reached = { ...position, timeMs: stampMs, origin };
    const wakeAtMs = await stateMachine.restore(snapshots.contents(snapshot), plugin, reached);
    this.taker.onRestored({ ...position, stampMs });
    logger.log("info", "state machine restored", { through });
    return wakeAtMs;
  }

  /** The state machine has this state, and the core knows that it is committed. */
  onResumed({ index, term, timeMs }: Reached): void {
    const { snapshot } = this.#options.state();
    if (snapshot !== null) this.#filesOfState = [snapshot.file];
    this.taker.onResumed({ index, term, stampMs: timeMs });
  }

  /** The state machine begins anew, empty. What was being read of its state is of no use any more. Rejects when it cannot begin. */
  async renew(): Promise<void> {
    const { stateMachine, logger } = this.#modules;
    logger.log("info", "the state machine begins anew");
    await stateMachine.renew();
    await this.taker.giveUp();
    this.taker.onEmptied();
    this.#filesOfState = [];
    this.#options.restoring(null);
  }

  fetch(from: MemberKey, snapshot: SnapshotRecord): void {
    this.#fetcher.fetch(from, snapshot);
  }

  /** The state is wrong, and the leader offers its own. */
  replaceBy(from: MemberKey, snapshot: SnapshotRecord): void {
    this.#replacement = snapshot;
    this.#fetcher.fetch(from, snapshot);
  }

  /** A snapshot of this node that ends at this index or later; null: it is on its way, or cannot be taken yet. */
  latestFrom(index: LogIndex): SnapshotRecord | null {
    const { snapshot } = this.#options.state();
    if (snapshot !== null && snapshot.position.index >= index) return snapshot;
    const { handed } = this.taker;
    if (handed !== null && handed.index >= index) void this.#takeAnother();
    return null;
  }

  /** Unless the state is sound, nobody gets anything that was made of it. If it is wrong, that holds for its snapshot also after a restart. */
  distrust(standing: CopyStanding): void {
    this.#isWrong = standing === "wrong";
    this.#recordedFile = null;
    if (standing === "sound") return;
    this.#markWrong();
    void this.taker.giveUp();
    this.backups.drop();
    this.#server.closeAll("the state of this node is not to be trusted");
  }

  /** Also the record that was on its way to the core when the state was found wrong. */
  #markWrong(): void {
    const { snapshot, installing, appliedIndex } = this.#options.state();
    if (!this.#isWrong || snapshot === null || snapshot.origin === unprovenOrigin) return;
    if (snapshot.file === this.#replacement?.file || snapshot.file === this.#recordedFile) return;
    if (installing !== null || snapshot.position.index > appliedIndex) return;
    this.#options.arrive({ kind: "snapshotReplaced", snapshot: { ...snapshot, origin: unprovenOrigin } });
  }

  /** Once a state is found equal to that of the others, its node vouches for the snapshot as well that the state began with. */
  #vouch(): void {
    const { snapshot, installing, appliedIndex, self } = this.#options.state();
    const origin = incarnationOf(self);
    if (snapshot === null || snapshot.origin === origin || this.#options.origin() !== origin) return;
    if (!this.#filesOfState.includes(snapshot.file)) return;
    if (installing !== null || snapshot.position.index > appliedIndex) return;
    this.#options.arrive({ kind: "snapshotReplaced", snapshot: { ...snapshot, origin } });
  }

  /** For people: why the leader's snapshot cannot be received; null: it can, or none is offered. */
  get fetchFailure(): string | null {
    return this.#fetcher.failure;
  }

  /** For people: what is wrong with this node's latest snapshot; null: nothing, as far as is known. */
  get damage(): string | null {
    return this.#checker.damageIn(this.#options.state().snapshot?.file);
  }

  /** A follower finds this node's snapshot damaged. */
  check(by: MemberKey, snapshot: SnapshotRecord): void {
    void this.#checker.check(by, snapshot);
  }

  /** A snapshot holds all that the state machine does: it is for members, and for whom the leader sends the log. */
  onBulk(peer: PeerIdentity, link: BulkLink): void {
    const state = this.#options.state();
    const key = toMemberKey(peer.id, peer.incarnation);
    if (this.#options.origin() === null) return link.close("the state of this node is not to be trusted");
    const isFollowed = state.role.kind === "leader" && state.role.progress.has(key);
    if (isKnown(state, key) || isFollowed) return this.#server.serve(peer, link);
    this.#modules.logger.log(
      "warn",
      "a node that is no member may not read snapshots",
      { peer: key },
      `snapshots ${key}`,
    );
    link.close("snapshots are for members");
  }

  /** A snapshot's record is among the writes of this turn. */
  onWritten(ticket: Ticket): void {
    this.#written = ticket;
  }

  /** The store had no room: what was on its way to the disk has not got there. */
  onNoRoom(): void {
    this.#written = null;
  }

  /** After each turn: what a durable record has replaced goes. */
  onTurned(): void {
    this.#markWrong();
    this.#vouch();
    if (this.#written === null || this.#options.state().durability.confirmed < this.#written) return;
    this.#written = null;
    void this.#tidy();
    this.#reclaiming.begin();
    const replacement = this.#replacement;
    if (replacement === null || replacement.file !== this.#options.state().snapshot?.file) return;
    this.#replacement = null;
    this.#recordedFile = replacement.file;
    this.#options.replaced();
  }

  /**
   * The disk is nearly full: what nobody needs goes, and a snapshot lets the log be cut. Once each time that it becomes so. A snapshot
   * that failed is tried again when there is space.
   */
  relieve(isLow: boolean): void {
    const isNew = isLow !== this.#isRelieved;
    this.#isRelieved = isLow;
    if (!isNew || (!isLow && this.taker.failure === null)) return;
    void this.#tidy();
    if ((this.taker.handed?.index ?? 0) <= this.#latestIndex) return;
    try {
      void this.#takeAnother();
    } catch (error) {
      this.#options.failed(error);
    }
  }

  get #latestIndex(): LogIndex {
    return this.#options.state().snapshot?.position.index ?? 0;
  }

  /**
   * One at the same place as the latest has the same content and the same name, and takes the place of its file. What lies before
   * the latest may be gone from the log: the state machine has not been given a leader's snapshot yet that the log begins with.
   * A node that is to be refilled may have lost its genesis, which each snapshot names: it hears of the genesis first.
   */
  #takeAnother(): Promise<SnapshotRecord | null> {
    const { handed } = this.taker;
    const isUnknown = this.#options.state().genesis === null;
    if (handed === null || isUnknown || handed.index < this.#latestIndex) return Promise.resolve(null);
    return this.taker.take(handed);
  }

  /** How many bytes of a snapshot a peer has been sent; null: none is on its way to it from here. */
  sentTo(peerId: string): number | null {
    return this.#server.sentTo(peerId);
  }

  #finished(kind: "snapshotTaken" | "snapshotFetched" | "snapshotReplaced", snapshot: SnapshotRecord): void {
    this.#candidates = [...this.#candidates, snapshot];
    this.#options.arrive({ kind, snapshot });
  }

  #circumstances(through: LogIndex): Circumstances {
    const { genesis, log } = this.#options.state();
    if (genesis === null) throw new Error("entries were applied before the cluster was founded");
    const origin = this.#options.origin();
    if (origin === null) throw new Error("a snapshot of a state that is not to be trusted");
    return {
      origin,
      genesis,
      chain: this.#modules.store.chainAt(through),
      configuration: configurationAt(log, through),
      activation: activationAt(log, through),
    };
  }

  /** Removes the files that neither the log nor a follower that is being offered one needs any more. */
  async #tidy(): Promise<void> {
    // The disk may still hold an earlier record. `onTurned` comes back when it holds this one.
    if (this.#written !== null) return;
    const { snapshot, role } = this.#options.state();
    const offered = role.kind === "leader" ? [...role.progress.values()] : [];
    const needed = offered.flatMap((progress) => (progress.kind === "installing" ? [progress.snapshot.file] : []));
    const own = snapshot === null ? [] : [snapshot.file];
    const isNeeded = ({ position, file }: SnapshotRecord): boolean =>
      position.index > (snapshot?.position.index ?? 0) || file === this.#replacement?.file;
    this.#candidates = this.#candidates.filter(isNeeded);
    const candidates = this.#candidates.map(({ file }) => file);
    try {
      await this.#modules.snapshots.retain([
        ...own,
        ...candidates,
        ...needed,
        ...this.#options.offered(),
        ...this.#restoring,
        ...this.#server.filesInUse,
        ...this.backups.filesInUse,
      ]);
    } catch (error) {
      // They only take up room, and are tried again with the next snapshot.
      this.#modules.logger.log("warn", "old snapshots could not be removed", { reason: toError(error).message });
    }
  }
}
