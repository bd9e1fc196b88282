// What does a connection for bulk carry? Bulk messages, in either direction, in pieces small enough that no other
// connection waits for them. How it came about is bulk-desk.ts.
import type { BulkMessage } from "../../ports/bulk-messages.ts";
import type { BulkLink } from "../../ports/transport.ts";
import { type BadFrame, decodeFrame, encodeFrame } from "../cbor/codec.ts";
import { frameBytesMax } from "../cbor/limits.ts";
import type { TransportLimits } from "./limits.ts";
import type { Link, LinkHandler } from "./link.ts";
import { refusalOfFrame } from "./rights.ts";
import type { LinkEnd } from "./tls-words.ts";

/** Makes a link whose hellos have been exchanged one for bulk. `onEnded` comes once. */
export function openBulkLink(link: Link, limits: TransportLimits, onEnded: () => void): BulkLink {
  link.setBounds({
    frameBytesMax: frameBytesMax("bulk"),
    queueBytesMax: limits.bulkQueueBytesMax,
    pieceBytesMax: limits.bulkPieceBytes,
  });
  const bulk = new TlsBulkLink(link);
  link.handler = new BulkHandler(link, bulk, onEnded);
  return bulk;
}

class TlsBulkLink implements BulkLink {
  onMessage: ((message: BulkMessage) => void) | null = null;
  onClose: ((reason: string) => void) | null = null;
  readonly #link: Link;

  constructor(link: Link) {
    this.#link = link;
  }

  get isOpen(): boolean {
    return this.#link.isOpen;
  }

  get queuedBytes(): number {
    return this.#link.queuedBytes;
  }

  send(message: BulkMessage): void {
    if (this.#link.isOpen) this.#link.send(encodeFrame(message));
  }

  close(reason: string): void {
    this.#link.finish(reason, null);
  }
}

class BulkHandler implements LinkHandler {
  constructor(
    readonly link: Link,
    readonly bulk: BulkLink,
    readonly onEnded: () => void,
  ) {}

  onTrusted(): void {}

  onFrame(body: Buffer): void {
    const frame = decodeFrame(body, "bulk");
    if (frame.kind === "refused") this.link.finish(frame.message, null);
    else this.bulk.onMessage?.(frame as BulkMessage);
  }

  onBadFrame(error: BadFrame): void {
    const frame = refusalOfFrame(error);
    this.link.finish(`it was refused: ${frame.message}`, encodeFrame(frame));
  }

  onClose(end: LinkEnd): void {
    this.onEnded();
    this.bulk.onClose?.(end.reason);
  }
}
