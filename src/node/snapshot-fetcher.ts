// How does a follower come by the snapshot that its leader offers? It reads the file over a connection of its own, a few
// pieces ahead, straight into the snapshot store, and goes on where it was after a cut. One at a time.
import { type MemberKey, nodeIdOf } from "../core/configuration.ts";
import { type Millis, samePosition } from "../core/log-position.ts";
import type { SnapshotRecord } from "../core/snapshot-record.ts";
import type { Clock } from "../ports/clock.ts";
import type { Logger } from "../ports/logger.ts";
import type { SnapshotHeader, SnapshotReceiver, SnapshotStore } from "../ports/snapshot-store.ts";
import type { BulkLink, Transport } from "../ports/transport.ts";
import { BulkInbox } from "./bulk-inbox.ts";
import { toError } from "./node-end.ts";

/** How much is asked for at once, and how many such requests are open. */
const pieceBytesMax = 256 * 1024;
const piecesAhead = 4;
/** A cut is not answered by dialling as fast as offers come in, ms. */
const retryPauseMs = 200;
/** A file that was refused stays refused: it is looked at again after pauses that double up to this one, ms. */
const refusedPauseMaxMs = 30_000;
/** So many attempts in a row that received nothing are told, and for so long after the last one, ms: offers may end. */
const failuresToldMin = 3;
const failureToldMs = refusedPauseMaxMs + 10_000;

export interface SnapshotFetcherOptions {
  readonly transport: Pick<Transport, "openBulk">;
  readonly snapshots: SnapshotStore;
  readonly clock: Clock;
  readonly logger: Logger;
  /** Whether the disk may take more of a snapshot. */
  readonly hasRoom: () => boolean;
  /** The name of this node's state machine. */
  readonly machine: () => string;
  /** Complete, verified and durable. */
  readonly fetched: (snapshot: SnapshotRecord) => void;
  /** What the leader sends of it is damaged: reading it again will not mend it. */
  readonly damaged: (from: MemberKey, snapshot: SnapshotRecord) => void;
}

/** The file has been read, and nothing was done with it. */
class RefusedSnapshot extends Error {
  readonly isDamaged: boolean;

  constructor(message: string, { isDamaged }: { readonly isDamaged: boolean }) {
    super(message);
    this.isDamaged = isDamaged;
  }
}

interface Fetch {
  readonly from: MemberKey;
  readonly snapshot: SnapshotRecord;
  receivedBytes: number;
  /** Bytes of the file that an earlier attempt had received. */
  heldBytes: number;
  link: BulkLink | null;
  isGivenUp: boolean;
}

export class SnapshotFetcher {
  readonly #options: SnapshotFetcherOptions;
  #underWay: Fetch | null = null;
  #pausedUntilMs: Millis = Number.NEGATIVE_INFINITY;
  #refused: { readonly file: string; readonly pauseMs: number; readonly untilMs: Millis } | null = null;
  #failed: { readonly reason: string; readonly count: number; readonly atMs: Millis } | null = null;

  constructor(options: SnapshotFetcherOptions) {
    this.#options = options;
  }

  /** For people: why no attempt gets any further; null: the latest one did, or there was none lately. */
  get failure(): string | null {
    if (this.#failed === null || this.#failed.count < failuresToldMin) return null;
    return this.#options.clock.nowMs() - this.#failed.atMs < failureToldMs ? this.#failed.reason : null;
  }

  /** The leader offers it. What is being fetched already goes on; another one, or from another leader, takes its place. */
  fetch(from: MemberKey, snapshot: SnapshotRecord): void {
    const { clock } = this.#options;
    const underWay = this.#underWay;
    if (underWay?.snapshot.file === snapshot.file && underWay.from === from) return;
    if (clock.nowMs() < this.#pausedUntilMs) return;
    if (this.#refused?.file === snapshot.file && clock.nowMs() < this.#refused.untilMs) return;
    if (underWay !== null) {
      // It lets go of its file first; the offer comes again.
      this.stop("another snapshot is offered");
      return;
    }
    const fetch: Fetch = { from, snapshot, receivedBytes: 0, heldBytes: 0, link: null, isGivenUp: false };
    this.#underWay = fetch;
    void this.#run(fetch);
  }

  /** Lets go of the connection; what has arrived stays where it is. */
  stop(reason: string): void {
    if (this.#underWay === null) return;
    this.#underWay.isGivenUp = true;
    this.#underWay.link?.close(reason);
  }

  async #run(fetch: Fetch): Promise<void> {
    const { logger, clock } = this.#options;
    const about = { through: fetch.snapshot.position.index, from: nodeIdOf(fetch.from) };
    try {
      await this.#receive(fetch);
      if (!fetch.isGivenUp) this.#failed = null;
    } catch (error) {
      if (!fetch.isGivenUp) this.#onFailure(fetch, toError(error));
      if (error instanceof RefusedSnapshot) return this.#onRefused(fetch, error);
      // The leader offers it again, and what is here already is not read twice.
      const reason = toError(error).message;
      const fields = { ...about, received: fetch.receivedBytes, reason };
      logger.log("warn", "fetching a snapshot was cut short", fields, `cut ${about.from}`);
      this.#pausedUntilMs = clock.nowMs() + retryPauseMs;
    } finally {
      fetch.link?.close("the snapshot is read");
      this.#underWay = null;
    }
  }

  #onFailure({ receivedBytes, heldBytes }: Fetch, error: Error): void {
    // What was received of a refused file is of no use to the next attempt.
    const isFurther = receivedBytes > heldBytes && !(error instanceof RefusedSnapshot);
    const count = isFurther ? 1 : (this.#failed?.count ?? 0) + 1;
    this.#failed = { reason: error.message, count, atMs: this.#options.clock.nowMs() };
  }

  #onRefused({ from, snapshot }: Fetch, { message, isDamaged }: RefusedSnapshot): void {
    const { logger, clock, damaged } = this.#options;
    const { file, position } = snapshot;
    const pauseMs =
      this.#refused?.file === file ? Math.min(2 * this.#refused.pauseMs, refusedPauseMaxMs) : retryPauseMs;
    this.#refused = { file, pauseMs, untilMs: clock.nowMs() + pauseMs };
    logger.log("error", message, { through: position.index, from: nodeIdOf(from), file }, `refused ${nodeIdOf(from)}`);
    if (isDamaged) damaged(from, snapshot);
  }

  async #receive(fetch: Fetch): Promise<void> {
    const { snapshots, transport, logger, machine, fetched } = this.#options;
    const { snapshot } = fetch;
    const about = { through: snapshot.position.index, from: nodeIdOf(fetch.from), bytes: snapshot.bytes };
    const receiver = await snapshots.receive(snapshot);
    try {
      fetch.heldBytes = fetch.receivedBytes = receiver.offset;
      if (receiver.offset < snapshot.bytes) {
        logger.log("info", "fetching a snapshot", { ...about, received: receiver.offset });
        fetch.link = await transport.openBulk(fetch.from);
        await this.#readThrough(fetch, fetch.link, receiver);
      }
      if (fetch.isGivenUp) return;
      const received = await receiver.finish();
      if (received.kind === "damaged") {
        const message = `the leader's snapshot is damaged and is not used: ${received.finding}`;
        throw new RefusedSnapshot(message, { isDamaged: true });
      }
      mustBeOf(snapshot, received.header, machine());
      logger.log("info", "snapshot fetched", about);
      fetched(snapshot);
    } finally {
      // After `finish` there is nothing left to pause.
      await receiver.pause();
    }
  }

  async #readThrough(fetch: Fetch, link: BulkLink, receiver: SnapshotReceiver): Promise<void> {
    const { snapshot } = fetch;
    const inbox = new BulkInbox(link, this.#options.clock);
    let asked = receiver.offset;
    while (!fetch.isGivenUp && fetch.receivedBytes < snapshot.bytes && !receiver.isDamaged) {
      while (asked < snapshot.bytes && asked - fetch.receivedBytes < piecesAhead * pieceBytesMax) {
        const bytesMax = Math.min(pieceBytesMax, snapshot.bytes - asked);
        link.send({ kind: "snapshotRead", file: snapshot.file, offset: asked, bytesMax });
        asked += bytesMax;
      }
      const answer = await inbox.next();
      if (fetch.isGivenUp) return;
      if (!this.#options.hasRoom()) throw new Error("the disk is nearly full, and what is left of it is for the log");
      if (answer.kind === "snapshotGone") throw new Error(`the leader cannot give it: ${answer.reason}`);
      const isNext = answer.kind === "snapshotChunk" && answer.offset === fetch.receivedBytes;
      if (!isNext || answer.bytes.byteLength === 0) throw new Error("the answer is not what was asked for");
      await receiver.write(answer.bytes);
      fetch.receivedBytes += answer.bytes.byteLength;
    }
  }
}

/**
 * The leader's word for what is in the file is what the log will stand on: the file itself must say the same. Only the
 * configuration may be another: a recovered cluster has given its record a new one, and the file is as old as it was.
 */
function mustBeOf(snapshot: SnapshotRecord, header: SnapshotHeader, machine: string): void {
  if (header.plugin.name !== machine) {
    throw new RefusedSnapshot(
      `the leader's snapshot is of the state machine "${header.plugin.name}" and this node runs "${machine}": nothing was ` +
        `changed; correct state_machine.plugin of the node that is wrong and start it again`,
      { isDamaged: false },
    );
  }
  const isSame =
    samePosition(header.position, snapshot.position) &&
    header.chain === snapshot.chain &&
    header.stampMs === snapshot.stampMs;
  if (isSame) return;
  throw new RefusedSnapshot("the leader's snapshot file is of another snapshot than the one that was offered", {
    isDamaged: true,
  });
}
