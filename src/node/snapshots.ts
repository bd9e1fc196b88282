// All that a node does with snapshots, beside the core that decides what they mean for the log: taking, fetching and
// serving them, removing files that nothing names any more, and giving back the space of what the log has let go of.
import { type MemberKey, toMemberKey } from "../core/configuration.ts";
import type { Ticket } from "../core/events.ts";
import type { LogIndex, Millis } from "../core/log-position.ts";
import type { PluginVersion } from "../core/activation.ts";
import { activationAt, configurationAt } from "../core/log-terms.ts";
import type { SnapshotRecord } from "../core/snapshot-record.ts";
import type { WakeTime } from "../core/wake-time.ts";
import type { State } from "../core/state.ts";
import { isKnown } from "../core/vouching.ts";
import { GraftError } from "../errors.ts";
import type { Clock, Timer } from "../ports/clock.ts";
import type { Logger } from "../ports/logger.ts";
import type { LogStore } from "../ports/log-store.ts";
import type { SnapshotStore } from "../ports/snapshot-store.ts";
import type { HeldState, Reached, RenewableStateMachine } from "../ports/state-machine.ts";
import type { BulkLink, PeerIdentity, Transport } from "../ports/transport.ts";
import { Backups } from "./backups.ts";
import type { DiskWatch } from "./disk-watch.ts";
import type { ArrivedEvent } from "./mailbox.ts";
import { whyNotHeld } from "./held-state.ts";
import { OutdatedDamage, toError } from "./node-end.ts";
import { roomy } from "./roomy.ts";
import { Scrubber } from "./scrubber.ts";
import { SnapshotChecker } from "./snapshot-checker.ts";
import { SnapshotFetcher } from "./snapshot-fetcher.ts";
import { SnapshotServer } from "./snapshot-server.ts";
import { type Circumstances, type SnapshotPolicy, SnapshotTaker } from "./snapshot-taker.ts";

/** Between two small steps of giving back space, ms: commands go first. */
const reclaimPauseMs = 5;
const noRoomPauseMs = 1_000;
/** What such a step may write, bytes. */
const reclaimBytes = 1024 * 1024;

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
  /** Complete files of which the core has been told: it may come to point to them. */
  #candidates: readonly SnapshotRecord[] = [];
  /** A snapshot's record is on its way to the disk with this ticket: files that it replaces go after that. */
  #written: Ticket | null = null;
  /** The disk is nearly full, and what could be done about it has been. */
  #isRelieved = false;
  /** Files that the state machine is being restored from, or will be as soon as it has let go of its state. */
  readonly #restoring = new Set<string>();
  #reclaiming: Timer | null = null;
  #isStopped = false;

  constructor(modules: SnapshotModules, options: NodeSnapshotsOptions) {
    const { store, snapshots, transport, stateMachine, clock, logger } = modules;
    this.#modules = modules;
    this.#options = options;
    this.taker = new SnapshotTaker(store.saved.snapshot?.position.index ?? 0, {
      cluster: options.cluster,
      policy: options.policy,
      stateMachine,
      snapshots,
      logger,
      circumstances: (through) => this.#circumstances(through),
      hasRoom: () => options.disk.hasRoomForBulk,
      taken: (snapshot) => {
        this.#checker.onTaken(snapshot);
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
      fetched: (snapshot) => this.#finished("snapshotFetched", snapshot),
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
    this.#server = new SnapshotServer(snapshots, logger);
    this.backups = new Backups({
      snapshots,
      clock,
      taker: this.taker,
      description: () => stateMachine.description,
      latest: () => options.state().snapshot,
      stop: options.failed,
    });
  }

  /** Goes on with the space that a stop has left over. Half-read files stay: the leader may offer them again. */
  start(): void {
    this.#scrubber.start();
    this.#reclaim();
  }

  stop(): void {
    this.#isStopped = true;
    this.#reclaiming?.cancel();
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
    const { position, stampMs } = snapshot;
    const reached = { ...position, timeMs: stampMs };
    const contents = snapshots.contents(snapshot);
    const hasRoom = (): boolean => !stateMachine.isDurable || this.#options.disk.hasRoomForBulk;
    const wakeAtMs = await stateMachine.restore(roomy(contents, hasRoom), plugin, reached);
    this.taker.onRestored({ ...position, stampMs });
    logger.log("info", "state machine restored", { through });
    return wakeAtMs;
  }

  /**
   * What the state machine has kept on disk, where it may go on with that; null: it begins with the snapshot, or empty. Rejects when the state machine has
   * stopped. `mayKeep` false: whatever it is, it is thrown away.
   */
  async recall(mayKeep: boolean): Promise<HeldState | null> {
    const { stateMachine, store, logger } = this.#modules;
    const { incarnation } = store.saved;
    const { held, damage } = await stateMachine.recall(incarnation);
    for (const what of damage) logger.log("error", what);
    if (held === null) return null;
    const { index: through } = held.reached;
    const holder = { incarnation, state: this.#options.state(), versions: stateMachine.versions };
    const reason = mayKeep ? whyNotHeld(held, holder) : "the state machine has stopped with it";
    if (reason === null) {
      logger.log("info", "the state machine continues with its state on disk", { through });
      return held;
    }
    logger.log("warn", "the state on disk is not used: the state machine is restored", { through, reason });
    // A restored state takes its place by itself, when it is complete. Until then a later life must not find one that is known to be wrong.
    if (!mayKeep || this.#options.state().snapshot === null) await stateMachine.forget();
    return null;
  }

  /** The state machine has this state, and the core knows that it is committed. */
  onResumed({ index, term, timeMs }: Reached): void {
    this.taker.onResumed({ index, term, stampMs: timeMs });
  }

  /** The state machine begins anew, empty. What was being read of its state is of no use any more. Rejects when it cannot begin. */
  async renew(): Promise<void> {
    const { stateMachine, logger } = this.#modules;
    logger.log("info", "the state machine begins anew");
    await stateMachine.renew();
    await this.taker.giveUp();
    this.taker.onEmptied();
  }

  fetch(from: MemberKey, snapshot: SnapshotRecord): void {
    this.#fetcher.fetch(from, snapshot);
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
    if (this.#written === null || this.#options.state().durability.confirmed < this.#written) return;
    this.#written = null;
    void this.#tidy();
    this.#reclaim();
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

  #finished(kind: "snapshotTaken" | "snapshotFetched", snapshot: SnapshotRecord): void {
    this.#candidates = [...this.#candidates, snapshot];
    this.#options.arrive({ kind, snapshot });
  }

  #circumstances(through: LogIndex): Circumstances {
    const { genesis, log } = this.#options.state();
    if (genesis === null) throw new Error("entries were applied before the cluster was founded");
    return {
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
    this.#candidates = this.#candidates.filter((each) => each.position.index > (snapshot?.position.index ?? 0));
    const candidates = this.#candidates.map(({ file }) => file);
    try {
      await this.#modules.snapshots.retain([
        ...own,
        ...candidates,
        ...needed,
        ...this.#restoring,
        ...this.#server.filesInUse,
        ...this.backups.filesInUse,
      ]);
    } catch (error) {
      // They only take up room, and are tried again with the next snapshot.
      this.#modules.logger.log("warn", "old snapshots could not be removed", { reason: toError(error).message });
    }
  }

  #reclaim(pauseMs = reclaimPauseMs): void {
    if (this.#isStopped || this.#reclaiming !== null) return;
    const { clock, store } = this.#modules;
    this.#reclaiming = clock.at(clock.nowMs() + pauseMs, () => {
      this.#reclaiming = null;
      // Giving space back takes some first.
      if (!this.#options.disk.hasRoomFor(reclaimBytes)) return this.#reclaim(noRoomPauseMs);
      try {
        if (store.reclaim()) this.#reclaim();
      } catch (error) {
        this.#options.failed(error);
      }
    });
  }
}
