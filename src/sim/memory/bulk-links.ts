// The connections for bulk of the network in memory: pairs of ends between which messages wait in the network's queue.
import type { NodeId } from "../../core/configuration.ts";
import type { BulkMessage } from "../../ports/bulk-messages.ts";
import type { BulkLink } from "../../ports/transport.ts";

/** Bytes that may wait at one end; beyond, the link is closed. */
const queueBytesMax = 4 * 1024 * 1024;

export class MemoryBulkLinks {
  readonly #links = new Set<BulkPair>();
  readonly #enqueue: (delivery: () => void) => void;

  constructor(enqueue: (delivery: () => void) => void) {
    this.#enqueue = enqueue;
  }

  /** A link between two nodes, as each of them holds it. */
  open(a: NodeId, b: NodeId): readonly [BulkLink, BulkLink] {
    const pair = new BulkPair([a, b], this.#enqueue, () => void this.#links.delete(pair));
    this.#links.add(pair);
    return pair.ends;
  }

  get size(): number {
    return this.#links.size;
  }

  /** How many links this node has opened with that one and not closed. */
  count(opener: NodeId, other: NodeId): number {
    return [...this.#links].filter(({ ids: [from, to] }) => from === opener && to === other).length;
  }

  /** Closes every link of a node, or only those with another one; what is under way is lost. */
  break(reason: string, node: NodeId, other?: NodeId): void {
    for (const pair of this.#links) {
      if (pair.ids.includes(node) && (other === undefined || pair.ids.includes(other))) pair.close(reason);
    }
  }
}

class BulkPair {
  readonly ids: readonly [NodeId, NodeId];
  readonly ends: readonly [MemoryBulkLink, MemoryBulkLink];
  readonly enqueue: (delivery: () => void) => void;
  readonly #onClosed: () => void;
  isOpen = true;

  constructor(ids: readonly [NodeId, NodeId], enqueue: (delivery: () => void) => void, onClosed: () => void) {
    this.ids = ids;
    this.enqueue = enqueue;
    this.#onClosed = onClosed;
    this.ends = [new MemoryBulkLink(this), new MemoryBulkLink(this)];
  }

  otherEnd(of: MemoryBulkLink): MemoryBulkLink {
    return this.ends[0] === of ? this.ends[1] : this.ends[0];
  }

  close(reason: string): void {
    if (!this.isOpen) return;
    this.isOpen = false;
    this.#onClosed();
    this.enqueue(() => {
      for (const end of this.ends) end.onClose?.(reason);
    });
  }
}

class MemoryBulkLink implements BulkLink {
  onMessage: ((message: BulkMessage) => void) | null = null;
  onClose: ((reason: string) => void) | null = null;
  queuedBytes = 0;
  readonly #pair: BulkPair;
  #isClosing = false;

  constructor(pair: BulkPair) {
    this.#pair = pair;
  }

  get isOpen(): boolean {
    return this.#pair.isOpen && !this.#isClosing;
  }

  send(message: BulkMessage): void {
    if (!this.isOpen) return;
    const bytes = message.kind === "snapshotChunk" ? message.bytes.byteLength : 0;
    if (this.queuedBytes > 0 && this.queuedBytes + bytes > queueBytesMax) {
      return this.#pair.close(`the other side is too slow: ${this.queuedBytes} bytes wait for it`);
    }
    this.queuedBytes += bytes;
    const delivered = structuredClone(message);
    this.#pair.enqueue(() => {
      this.queuedBytes -= bytes;
      const other = this.#pair.otherEnd(this);
      if (other.isOpen) other.onMessage?.(delivered);
    });
  }

  /** In its turn, so that what was sent before still arrives. */
  close(reason: string): void {
    this.#isClosing = true;
    this.#pair.enqueue(() => this.#pair.close(reason));
  }
}
