// Which links have outlived their time? One sweep over all of them, every `sweepMs`, instead of a timer for each: too slow
// in the handshake, in the middle of a frame, in taking what is sent, or in closing; and peers that are no longer heard
// (P54). It also sends the sign of life by which the other side knows that this one is still there.
import type { Link } from "./link.ts";
import type { TransportLimits } from "./limits.ts";

/** `spare`: a connection between nodes that is not to stay. */
type Phase = "handshake" | "client" | "peer" | "bulk" | "spare";

interface Watched {
  readonly link: Link;
  phase: Phase;
  /** Times of the sweep's own clock. */
  /** When it entered its phase. */
  sinceMs: number;
  heardMs: number;
  spokeMs: number;
  frameMs: number;
  takenMs: number;
  /** When a byte travelled in either direction. */
  movedMs: number;
  finishingMs: number | null;
  bytesReceived: number;
  framesReceived: number;
  framesQueued: number;
  bytesSent: number;
}

export class LinkWatch {
  readonly #limits: TransportLimits;
  readonly #watched = new Map<Link, Watched>();
  /**
   * The sweep's own clock: it counts at most two intervals from one sweep to the next. After a pause of the process, in
   * which nothing could be read, no link is blamed for the silence (P52).
   */
  #elapsedMs = 0;
  #lastSweepMs: number | null = null;

  constructor(limits: TransportLimits) {
    this.#limits = limits;
  }

  get links(): Iterable<Link> {
    return this.#watched.keys();
  }

  get size(): number {
    return this.#watched.size;
  }

  add(link: Link): void {
    const now = this.#elapsedMs;
    const times = {
      sinceMs: now,
      heardMs: now,
      spokeMs: now,
      frameMs: now,
      takenMs: now,
      movedMs: now,
      finishingMs: null,
    };
    const counters = { bytesReceived: 0, framesReceived: 0, framesQueued: 0, bytesSent: 0 };
    this.#watched.set(link, { link, phase: "handshake", ...times, ...counters });
  }

  /** The hellos are exchanged: from now on other bounds hold. */
  setPhase(link: Link, phase: Exclude<Phase, "handshake">): void {
    const watched = this.#watched.get(link);
    if (watched === undefined) return;
    watched.phase = phase;
    watched.sinceMs = this.#elapsedMs;
  }

  remove(link: Link): void {
    this.#watched.delete(link);
  }

  /** `nowMs` is monotonic. */
  sweep(nowMs: number): void {
    const passedMs = this.#lastSweepMs === null ? 0 : nowMs - this.#lastSweepMs;
    this.#lastSweepMs = nowMs;
    this.#elapsedMs += Math.min(passedMs, 2 * this.#limits.sweepMs);
    for (const watched of this.#watched.values()) {
      this.#observe(watched);
      const reason = this.#overdue(watched);
      if (reason !== null) watched.link.drop(reason);
      else if (watched.phase === "peer" && this.#age(watched.spokeMs) >= this.#limits.keepAliveMs)
        watched.link.sendSignOfLife();
    }
  }

  #age(sinceMs: number): number {
    return this.#elapsedMs - sinceMs;
  }

  /** Moves each time on when what it stands for has happened since the last sweep. */
  #observe(watched: Watched): void {
    const { link } = watched;
    const now = this.#elapsedMs;
    if (link.bytesReceived !== watched.bytesReceived) watched.heardMs = watched.movedMs = now;
    if (link.bytesSent !== watched.bytesSent) watched.movedMs = now;
    if (link.framesQueued !== watched.framesQueued) watched.spokeMs = now;
    if (link.framesReceived !== watched.framesReceived || !link.isMidFrame) watched.frameMs = now;
    if (link.bytesSent !== watched.bytesSent || link.queuedBytes === 0) watched.takenMs = now;
    if (link.isFinishing) watched.finishingMs ??= now;
    watched.bytesReceived = link.bytesReceived;
    watched.framesReceived = link.framesReceived;
    watched.framesQueued = link.framesQueued;
    watched.bytesSent = link.bytesSent;
  }

  #overdue(watched: Watched): string | null {
    const limits = this.#limits;
    if (watched.finishingMs !== null)
      return this.#age(watched.finishingMs) > limits.lingerMs ? "closing took too long" : null;
    if (watched.phase === "spare")
      return this.#age(watched.sinceMs) > limits.lingerMs ? "another connection stands" : null;
    if (watched.phase === "handshake") {
      return this.#age(watched.sinceMs) > limits.handshakeTimeoutMs
        ? `no handshake and hello within ${limits.handshakeTimeoutMs} ms`
        : null;
    }
    if (this.#age(watched.frameMs) > limits.frameTimeoutMs) {
      return `a frame was not complete within ${limits.frameTimeoutMs} ms`;
    }
    if (this.#age(watched.takenMs) > limits.stallTimeoutMs) {
      return `the other side took nothing for ${limits.stallTimeoutMs} ms while ${watched.link.queuedBytes} bytes wait for it`;
    }
    if (watched.phase === "peer" && this.#age(watched.heardMs) > limits.silenceMs) {
      return `nothing was heard for ${limits.silenceMs} ms`;
    }
    if (watched.phase === "bulk" && this.#age(watched.movedMs) > limits.bulkIdleMs) {
      return `nothing has travelled on it for ${limits.bulkIdleMs} ms`;
    }
    return null;
  }
}
