// What may a client do on its connection? Ask, within its rights, and get answers. Each request is checked against the
// table of rights before the node hears of it; what lacks a right is answered and not punished. What waits to be sent to all
// clients together is bounded, too: many slow ones must not be able to do what a single one is not.
import type { Clock } from "../../ports/clock.ts";
import type { ClientReply, ClientRequest } from "../../ports/requests.ts";
import type { ClientConnection, TransportHandler } from "../../ports/transport.ts";
import { BadFrame, decodeFrame, encodeFrame } from "../cbor/codec.ts";
import { frameBytesMax } from "../cbor/limits.ts";
import type { Refused } from "../cbor/frames.ts";
import { ArrivingRequests } from "./arriving-requests.ts";
import { refused } from "./hello.ts";
import type { TransportLimits } from "./limits.ts";
import type { Link, LinkHandler } from "./link.ts";
import { ReadTurns } from "./read-turns.ts";
import { RequestTurns } from "./request-turns.ts";
import { mayAsk, refusalOfFrame } from "./rights.ts";
import type { Tally } from "./send-queue.ts";
import type { LinkEnd } from "./tls-words.ts";

export interface ClientDeskOptions {
  readonly admins: ReadonlySet<string>;
  readonly limits: TransportLimits;
  readonly handler: TransportHandler;
  readonly clock: Pick<Clock, "nowMs" | "soon">;
  /** A client that was let in broke the protocol: for the log. */
  readonly onRefused: (link: Link, name: string, refusal: Refused) => void;
  /** A client's connection has ended, and with it these bytes of answers: for the log. */
  readonly onLost: (link: Link, name: string, reason: string) => void;
}

/** What errors may take beyond the bound of the queue, bytes: they are what the bound is answered with. */
const errorBytesMax = 1024 * 1024;

/** The least that a connection writes in a turn, bytes: a record of TLS. */
const partBytesMin = 16 * 1024;

export class ClientDesk {
  readonly #options: ClientDeskOptions;
  /** Each with the name of its client. */
  readonly #links = new Map<Link, string>();
  readonly #tally: Tally = { bytes: 0 };
  readonly #turns: RequestTurns;
  readonly #reading: ReadTurns;
  readonly #arriving: ArrivingRequests<Link>;

  constructor(options: ClientDeskOptions) {
    const { requestsPerTurn: count, requestsTurnBytes: bytes, requestsTurnMs: ms } = options.limits;
    const { clientsArrivingBytesMax: bytesMax } = options.limits;
    this.#options = options;
    this.#turns = new RequestTurns({ count, bytes, ms }, options.clock);
    this.#reading = new ReadTurns(bytes, (callback) => options.clock.soon(callback));
    this.#arriving = new ArrivingRequests(bytesMax, (link, name) => {
      const message = `more than ${bytesMax} bytes of requests are still arriving here, most of them from "${name}"`;
      const refusal = refused("busy", message);
      options.onRefused(link, name, refusal);
      link.finish(message, encodeFrame(refusal));
    });
  }

  /**
   * Why no further connection of this client can be served, or null. A name may have as many as are left for the others: however
   * many names take all they can get, each that comes anew finds some.
   */
  objection(name: string): Refused | null {
    const { admins, limits } = this.#options;
    const reserve = admins.has(name) ? limits.adminsReserve : 0;
    const all = this.#links.size;
    const own = [...this.#links.values()].reduce((sum, each) => sum + (each === name ? 1 : 0), 0);
    if (own < limits.clientsMax + reserve - all) return null;
    const message = `this node serves ${all} connections, ${own} of them for "${name}", and has none left for this name`;
    return refused("busy", message);
  }

  /** To be called when `objection` had none. */
  attach(link: Link, name: string): void {
    const { admins, handler, limits, clock, onRefused, onLost } = this.#options;
    this.#links.set(link, name);
    link.setBounds({
      frameBytesMax: frameBytesMax("request"),
      queueBytesMax: limits.clientQueueBytesMax + errorBytesMax,
      tally: this.#tally,
    });
    this.#share();
    this.#reading.add(link);
    link.handler = new ClientHandler(link, name, admins.has(name), handler, {
      onRefused: (refusal) => onRefused(link, name, refusal),
      onGone: (reason) => {
        this.#links.delete(link);
        this.#reading.remove(link);
        this.#arriving.remove(link);
        this.#share();
        if (link.queuedBytes > 0) onLost(link, name, reason);
      },
      makeRoom: (bytes) => this.#makeRoom(link, bytes),
      onPart: () => {
        this.#reading.onRead(link);
        this.#arriving.onPart(link, name);
      },
      onWhole: () => {
        this.#reading.onRead(link);
        this.#arriving.remove(link);
      },
      inTurn: (body, take) => this.#turns.arrived(link, name, body, take),
      creditBytes: limits.clientCreditBytes,
      soon: (callback) => clock.soon(callback),
    });
  }

  /** Each client has the same part of what may be written in a turn. */
  #share(): void {
    const part = Math.ceil(this.#options.limits.clientsTurnBytes / this.#links.size);
    for (const link of this.#links.keys()) link.pieceBytesMax = Math.max(partBytesMin, part);
  }

  /** That `bytes` can be queued for `asker`, whoever for whom most of all waits is dropped: it may be the asker itself. */
  #makeRoom(asker: Link, bytes: number): void {
    const { clientQueuesBytesMax: queuesBytesMax } = this.#options.limits;
    if (this.#tally.bytes + bytes <= queuesBytesMax) return;
    for (const link of this.#links.keys()) link.flush();
    while (asker.isOpen && this.#tally.bytes > 0 && this.#tally.bytes + bytes > queuesBytesMax) {
      const slowest = largestBy([...this.#links.keys()], (link) => weightOf(link) + (link === asker ? bytes : 0));
      slowest.drop(
        `it takes its answers too slowly: of ${this.#tally.bytes} bytes that wait for clients here, ${slowest.queuedBytes} wait for it`,
      );
    }
  }
}

/** What is dropped already counts no more. */
const weightOf = (link: Link): number => (link.isOpen || link.isFinishing ? link.queuedBytes : -1);

const largestBy = (links: readonly Link[], size: (link: Link) => number): Link =>
  links.reduce((largest, link) => (size(link) > size(largest) ? link : largest));

/** What a client's connection asks of the desk. */
interface Desk {
  readonly onRefused: (refusal: Refused) => void;
  readonly onGone: (reason: string) => void;
  /** Drops who takes too little, so that this much may be queued. */
  readonly makeRoom: (bytes: number) => void;
  /** Some of a request has come. */
  readonly onPart: () => void;
  /** The rest of it has come. */
  readonly onWhole: () => void;
  /** Has a request taken when there is a turn for it. */
  readonly inTurn: (body: Uint8Array, take: (body: Uint8Array) => void) => void;
  /** So much may wait for it before it has no credit any more. */
  readonly creditBytes: number;
  readonly soon: (callback: () => void) => void;
}

class ClientHandler implements LinkHandler, ClientConnection {
  #awaitsCredit: (() => void) | null = null;

  constructor(
    readonly link: Link,
    readonly name: string,
    readonly isAdmin: boolean,
    readonly handler: TransportHandler,
    readonly desk: Desk,
  ) {}

  get isOpen(): boolean {
    return this.link.isOpen;
  }

  get hasCredit(): boolean {
    return this.link.queuedBytes < this.desk.creditBytes;
  }

  whenCredit(callback: () => void): void {
    this.#awaitsCredit = callback;
  }

  reply(reply: ClientReply): void {
    if (!this.link.isOpen) return;
    // Asked before the encoding, which would cost as much memory. Room for errors is kept free of results.
    const bytes = reply.kind === "result" ? reply.payload.byteLength + errorBytesMax : 0;
    if (bytes === 0 || this.link.hasRoomFor(bytes)) return this.#send(encodeReply(reply));
    const message = `the result does not fit behind the ${this.link.queuedBytes} bytes that wait for this client`;
    this.#send(encodeFrame({ kind: "error", id: reply.id, code: "result-lost", message, leader: null }));
  }

  #send(frame: Uint8Array): void {
    this.desk.makeRoom(frame.length);
    if (this.link.hasRoomFor(frame.length)) return this.link.send(frame);
    const reason = `the other side is too slow: ${this.link.queuedBytes} bytes wait for it`;
    this.link.finish(reason, encodeFrame(refused("busy", reason)));
  }

  onTrusted(): void {}

  onPart(): void {
    this.desk.onPart();
  }

  /** Not from inside `reply`, which may write at once. */
  onSent(): void {
    if (this.#awaitsCredit === null || !this.hasCredit) return;
    this.desk.soon(this.#awaitsCredit);
    this.#awaitsCredit = null;
  }

  onFrame(body: Buffer): void {
    this.desk.onWhole();
    this.desk.inTurn(body, (frame) => this.#take(frame));
  }

  #take(frame: Uint8Array): void {
    try {
      this.#onRequest(frame);
    } catch (error) {
      if (!(error instanceof BadFrame)) throw error;
      this.onBadFrame(error);
    }
  }

  #onRequest(body: Uint8Array): void {
    const request = decodeFrame(body, "request") as ClientRequest;
    if (mayAsk(request.kind, this.isAdmin)) return this.handler.onRequest(request, this);
    const message = `${request.kind} is for administrators only, and "${this.name}" is not listed in [access] admins`;
    this.reply({ kind: "error", id: request.id, code: "unauthorized", message, leader: null });
  }

  onBadFrame(error: BadFrame): void {
    const frame = refusalOfFrame(error);
    this.desk.onRefused(frame);
    this.link.finish(frame.message, encodeFrame(frame));
  }

  onClose(end: LinkEnd): void {
    this.desk.onGone(end.reason);
  }
}

/** A result of any size must get an answer: the client would wait for ever for one that cannot be sent. */
function encodeReply(reply: ClientReply): Uint8Array {
  try {
    return encodeFrame(reply);
  } catch (error) {
    if (!(error instanceof RangeError)) throw error;
    const message = "the result is larger than the protocol can carry";
    return encodeFrame({ kind: "error", id: reply.id, code: "result-lost", message, leader: null });
  }
}
