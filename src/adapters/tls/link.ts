// One TLS socket as a link that carries frames, from the TCP connection to the close. It decides nothing but what every
// link obeys: nothing is read or written before the certificate is verified, frames and queues are bounded, and the end
// comes exactly once with a reason in words. Who may speak and what is said is the handler's matter.
import type { X509Certificate } from "node:crypto";
import { BadFrame } from "../cbor/codec.ts";
import type { FlushTurn } from "./flush-turn.ts";
import { FrameSplitter } from "./frame-splitter.ts";
import { SendQueue, type Tally } from "./send-queue.ts";
import {
  brokenHandshake,
  explainClose,
  explainHandshake,
  type LinkEnd,
  type Side,
  verificationProblem,
} from "./tls-words.ts";

export interface LinkHandler {
  /** The chain of the other side's certificate is verified: the first moment at which anything may be sent. */
  onTrusted(certificate: X509Certificate | undefined): void;
  /** `body` is the handler's to read until it returns. May throw `BadFrame`, which comes back as `onBadFrame`. */
  onFrame(body: Buffer): void;
  onBadFrame(error: BadFrame): void;
  /** Some of a frame has come whose end has not. */
  onPart?(): void;
  /** Some of what was queued has left. */
  onSent?(): void;
  /** Exactly once, never from inside `send`, `finish` or `drop`. */
  onClose(end: LinkEnd): void;
}

export interface LinkOptions {
  readonly side: Side;
  readonly frameBytesMax: number;
  readonly queueBytesMax: number;
  readonly flushTurn: FlushTurn;
  readonly handler: LinkHandler;
  /** Once, after the last handler's `onClose`: for whoever keeps count of links. */
  readonly onEnded?: (link: Link) => void;
}

/** What a link needs of a Bun socket. */
export type LinkSocket = Bun.Socket<Link>;

const keepAliveProbeMs = 10_000;
const emptyFrame = new Uint8Array(4);

export class Link {
  readonly side: Side;
  handler: LinkHandler;
  /** Counters for link-watch.ts. */
  bytesReceived = 0;
  framesReceived = 0;
  bytesSent = 0;
  framesQueued = 0;
  /** What it writes at once, at the most; the rest waits for the next turn. */
  pieceBytesMax = Infinity;

  readonly #splitter: FrameSplitter;
  readonly #queue: SendQueue;
  readonly #flushTurn: FlushTurn;
  readonly #onEnded: (link: Link) => void;
  #remoteAddress = "unknown";
  #hasEnded = false;
  #socket: LinkSocket | null = null;
  #state: "handshake" | "open" | "finishing" | "closed" = "handshake";
  #pauses = 0;
  #isFlushQueued = false;
  /** The socket took less than it was given: wait for `drain`. */
  #isBlocked = false;
  #isEnded = false;
  /** What was known first of why it ends. */
  #cause: LinkEnd | null = null;

  constructor(options: LinkOptions) {
    this.side = options.side;
    this.handler = options.handler;
    this.#splitter = new FrameSplitter(options.frameBytesMax);
    this.#queue = new SendQueue(options.queueBytesMax);
    this.#flushTurn = options.flushTurn;
    this.#onEnded = options.onEnded ?? (() => {});
  }

  get isOpen(): boolean {
    return this.#state === "open";
  }
  get isFinishing(): boolean {
    return this.#state === "finishing";
  }
  get isMidFrame(): boolean {
    return this.#splitter.isMidFrame;
  }
  /** Memory of the incomplete frame, bytes; 0: there is none. */
  get arrivingBytes(): number {
    return this.#splitter.partialBytes;
  }
  get queuedBytes(): number {
    return this.#queue.bytes;
  }
  get remoteAddress(): string {
    return this.#remoteAddress;
  }

  /** Hold from the next frame on, in either direction. A link with `pieceBytesMax` writes no more than that at once. */
  setBounds(bounds: {
    readonly frameBytesMax: number;
    readonly queueBytesMax: number;
    readonly pieceBytesMax?: number;
    /** Where what is queued counts as well, until the link is dropped. */
    readonly tally?: Tally;
  }): void {
    this.#splitter.frameBytesMax = bounds.frameBytesMax;
    this.#queue.bytesMax = bounds.queueBytesMax;
    this.pieceBytesMax = bounds.pieceBytesMax ?? Infinity;
    if (bounds.tally !== undefined) this.#queue.countIn(bounds.tally);
  }

  /** Whether a frame of this size can be queued: what waits is offered to the socket before it counts as too much. */
  hasRoomFor(frameBytes: number): boolean {
    if (this.#queue.hasRoomFor(frameBytes)) return true;
    this.flush();
    return this.#queue.hasRoomFor(frameBytes);
  }

  /** Queues a complete frame, which must not change any more and leaves with the next flush. Drops the link when its queue is full. */
  send(frame: Uint8Array): void {
    if (this.#state !== "open") return;
    if (!this.hasRoomFor(frame.length) || !this.#queue.push(frame)) {
      this.drop(`the other side is too slow: ${this.#queue.bytes} bytes wait for it`);
      return;
    }
    this.framesQueued += 1;
    this.#flushLater();
  }

  #flushLater(): void {
    if (this.#isFlushQueued || this.#isBlocked) return;
    this.#isFlushQueued = true;
    this.#flushTurn.add(this);
  }

  /** An empty frame: carries nothing and shows that this side lives. */
  sendSignOfLife(): void {
    this.send(emptyFrame);
  }

  flush(): void {
    this.#isFlushQueued = false;
    const socket = this.#socket;
    if (socket === null || this.#isBlocked) return;
    if (this.#queue.bytes > 0) {
      const offered = Math.min(this.pieceBytesMax, this.#queue.bytes);
      const taken = this.#queue.writeTo((buffer, offset, length) => socket.write(buffer, offset, length), offered);
      this.bytesSent += taken;
      this.#isBlocked = taken < offered;
      if (this.#queue.bytes > 0) this.#flushLater();
      if (taken > 0) this.handler.onSent?.();
    }
    if (this.#state !== "finishing" || this.#queue.bytes > 0 || this.#isEnded) return;
    this.#isEnded = true;
    // Not `end`: in Bun 1.4.5 `terminate` has no effect after it, and a side that never closes would keep the socket for 12 s.
    socket.shutdown();
  }

  /** Sends what is queued and `lastFrame`, then closes. Nothing that still arrives is delivered. */
  finish(reason: string, lastFrame: Uint8Array | null): void {
    if (this.#state === "finishing") return;
    if (this.#state !== "open") return this.drop(reason);
    if (lastFrame !== null) {
      this.#queue.bytesMax = Infinity;
      this.#queue.push(lastFrame);
    }
    this.#state = "finishing";
    this.#splitter.clear();
    this.#cause ??= { kind: "closed", reason };
    this.flush();
  }

  /** Closes at once; what is queued is lost. */
  drop(reason: string, kind: LinkEnd["kind"] = "closed"): void {
    if (this.#state === "closed") return;
    this.#state = "closed";
    this.#splitter.clear();
    // It is as good as gone, although it can still be told how much there was.
    this.#queue.countIn({ bytes: 0 });
    const cause = (this.#cause ??= { kind, reason });
    // Closing calls back synchronously, and nobody expects that from inside `send`.
    queueMicrotask(() => {
      if (this.#socket === null) this.#end(cause);
      else this.#socket.terminate();
    });
  }

  /** Reads nothing more until as many have called `resume`; what has been read is still delivered. */
  pause(): void {
    if (++this.#pauses === 1) this.#socket?.pause();
  }
  resume(): void {
    if (--this.#pauses === 0 && this.#state !== "closed") this.#socket?.resume();
  }

  // What follows is called by the socket alone (secure-socket.ts).

  socketOpened(socket: LinkSocket): void {
    this.#socket = socket;
    // Undefined, against its type, when the other side has left already.
    const address: string | undefined = socket.remoteAddress;
    this.#remoteAddress = address ?? "unknown";
    if (this.#state === "closed") socket.terminate();
  }

  /**
   * The gate: whether the chain of the other side's certificate leads to our authority. The handshake's own success does
   * not tell, since it is reported even for a stranger's certificate.
   */
  socketSecured(socket: LinkSocket, error: Error | null): void {
    if (this.#state !== "handshake") return;
    const problem = verificationProblem(socket, error, this.side);
    if (problem !== null) return this.#turnAway(socket, problem);
    this.#state = "open";
    socket.setNoDelay(true);
    socket.setKeepAlive(true, keepAliveProbeMs);
    this.handler.onTrusted(socket.getPeerX509Certificate());
  }

  /** Within the handshake's callback and not later: so a dialling side ends it before its own certificate is sent. */
  #turnAway(socket: LinkSocket, problem: LinkEnd): void {
    this.#state = "closed";
    this.#cause ??= problem;
    socket.terminate();
  }

  socketReceived(chunk: Buffer): void {
    if (this.#state !== "open") return;
    this.bytesReceived += chunk.length;
    try {
      this.#splitter.push(chunk, (body) => {
        this.framesReceived += 1;
        if (body.length > 0) this.handler.onFrame(body);
        return this.#state === "open";
      });
      if (this.isOpen && this.isMidFrame) this.handler.onPart?.();
    } catch (error) {
      if (!(error instanceof BadFrame)) throw error;
      this.handler.onBadFrame(error);
    }
  }

  socketDrained(): void {
    this.#isBlocked = false;
    this.flush();
  }

  socketFailed(error: Error): void {
    this.#cause ??= explainHandshake(error, this.side);
  }

  socketClosed(error: Error | undefined): void {
    const hadHandshake = this.#state !== "handshake";
    this.#end(hadHandshake ? { kind: "closed", reason: explainClose(error) } : brokenHandshake);
  }

  /** The connection never came to be. */
  neverOpened(end: LinkEnd): void {
    this.#end(end);
  }

  #end(end: LinkEnd): void {
    if (this.#hasEnded) return;
    this.#hasEnded = true;
    this.#state = "closed";
    // Before the queue is cleared: what is lost with it can be told.
    this.handler.onClose(this.#cause ?? end);
    this.#queue.clear();
    this.#onEnded(this);
  }
}
