// Who reads this node's snapshots? Peers whom a leader has offered one: each read is answered with the bytes of the file,
// one after the other, so that no more is in memory than a peer has asked for.
import type { BulkMessage, SnapshotRead } from "../ports/bulk-messages.ts";
import type { Logger } from "../ports/logger.ts";
import type { SnapshotStore } from "../ports/snapshot-store.ts";
import type { BulkLink, PeerIdentity } from "../ports/transport.ts";
import { toError } from "./node-end.ts";

/** Reads that one link may have open; a peer that asks for more is not one of ours. */
const readsMax = 16;

interface Serving {
  readonly peer: PeerIdentity;
  readonly reads: SnapshotRead[];
  file: string | null;
  sentBytes: number;
  isBusy: boolean;
}

export class SnapshotServer {
  readonly #snapshots: SnapshotStore;
  readonly #logger: Logger;
  readonly #links = new Map<BulkLink, Serving>();

  constructor(snapshots: SnapshotStore, logger: Logger) {
    this.#snapshots = snapshots;
    this.#logger = logger;
  }

  /** The files that somebody is reading now: not to be removed. */
  get filesInUse(): readonly string[] {
    return [...this.#links.values()].flatMap(({ file }) => (file === null ? [] : [file]));
  }

  /** How much of a file this peer has been sent on a connection that stands; null: it reads nothing here. */
  sentTo(peerId: string): number | null {
    const serving = [...this.#links.values()].find(({ peer, file }) => peer.id === peerId && file !== null);
    return serving?.sentBytes ?? null;
  }

  serve(peer: PeerIdentity, link: BulkLink): void {
    const serving: Serving = { peer, reads: [], file: null, sentBytes: 0, isBusy: false };
    this.#links.set(link, serving);
    link.onClose = () => void this.#links.delete(link);
    link.onMessage = (message) => this.#onMessage(link, serving, message);
  }

  /** Ends every connection that reads here. */
  closeAll(reason: string): void {
    for (const link of this.#links.keys()) link.close(reason);
  }

  #onMessage(link: BulkLink, serving: Serving, message: BulkMessage): void {
    if (message.kind !== "snapshotRead") return link.close("only reads are answered here");
    if (serving.reads.length >= readsMax) return link.close("too many reads at once");
    serving.reads.push(message);
    if (!serving.isBusy) void this.#answerAll(link, serving);
  }

  async #answerAll(link: BulkLink, serving: Serving): Promise<void> {
    serving.isBusy = true;
    for (let read = serving.reads.shift(); read !== undefined && link.isOpen; read = serving.reads.shift()) {
      await this.#answer(link, serving, read);
    }
    serving.isBusy = false;
  }

  async #answer(link: BulkLink, serving: Serving, { file, offset, bytesMax }: SnapshotRead): Promise<void> {
    serving.file = file;
    try {
      const bytes = await this.#snapshots.read(file, offset, bytesMax);
      if (bytes === null) return link.send({ kind: "snapshotGone", file, reason: "there is no such file" });
      link.send({ kind: "snapshotChunk", offset, bytes });
      serving.sentBytes = offset + bytes.byteLength;
    } catch (error) {
      const reason = toError(error).message;
      this.#logger.log(
        "error",
        "a snapshot cannot be read",
        { file, peer: serving.peer.id, reason },
        `read ${serving.peer.id}`,
      );
      link.send({ kind: "snapshotGone", file, reason: "it cannot be read" });
    }
  }
}
