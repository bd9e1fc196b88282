// One connection to one node: many requests under way at once, each with exactly one ending. What the node has not
// room for waits, and has then not left. What an ending means for the request, and whether it is tried again, is attempt.ts.
import { GraftError } from "../errors.ts";
import type { Clock, Timer } from "../ports/clock.ts";
import type { ClientReply, ClientRequest, RequestId } from "../ports/requests.ts";

/** Why a connection is over. */
export interface Closed {
  /**
   * `stopping`: the node said goodbye, having answered every request that it took; what it did not answer it did not take.
   * `lost`: nothing is known of the requests that were under way.
   */
  readonly kind: "stopping" | "lost";
  readonly reason: string;
}

export interface LinkHandlers {
  readonly onReply: (reply: ClientReply) => void;
  readonly onClosed: (closed: Closed) => void;
}

/** A checked connection to a node, as the wire's adapter provides it. */
export interface Link {
  /** Which founding of the cluster the node is of, as its hello said; null: of none yet. */
  readonly clusterUuid: string | null;
  /** Queues a request. Never blocks; after the end of the connection it is dropped. */
  send(request: ClientRequest): void;
  close(): void;
}

/** Opens a link. Rejects with a `GraftError`: `unavailable` when nobody answers, `unauthorized` when refused. */
export type Dial = (address: string, handlers: LinkHandlers) => Promise<Link>;

/** How a request on a connection ended. */
export type Ending =
  | { readonly kind: "reply"; readonly reply: ClientReply }
  /** The node never took the request: nothing happened. */
  | { readonly kind: "notTaken"; readonly reason: string; readonly error?: unknown }
  /** The connection broke with the request under way. */
  | { readonly kind: "lost"; readonly reason: string };

type Body<R> = R extends unknown ? Omit<R, "id"> : never;
/** A request before it has a number on a connection. */
export type RequestBody = Body<ClientRequest>;

type End = (ending: Ending) => void;

interface Waiting {
  readonly body: RequestBody;
  readonly end: End;
}

export interface ConnectionOptions {
  readonly address: string;
  readonly dial: Dial;
  readonly clock: Clock;
  /** Dials after so long; requests may be made before the connection stands. */
  readonly pauseMs: number;
  /** Why nothing is asked of a node of this founding of the cluster; null: it is asked. */
  readonly objection: (clusterUuid: string | null) => GraftError | null;
  /** Called once, when the connection has ended, with whether it ever brought an answer. */
  readonly onOver: (hasServed: boolean) => void;
}

interface Open {
  end: End;
  readonly payloadBytes: number;
  /** How many answers the connection had brought when the request left. */
  readonly answersBefore: number;
}

/**
 * What a node has not answered may amount to this much; the rest waits here. It keeps what a link has to queue far below
 * where it would be dropped, and is still more than a node that keeps up ever has under way.
 */
const openBytesMax = 16 * 1024 * 1024;
const openRequestsMax = 4096;

export class Connection {
  readonly address: string;
  readonly #options: ConnectionOptions;
  /** Has not left: in the order of asking. */
  readonly #waiting = new Map<RequestId, Waiting>();
  readonly #open = new Map<RequestId, Open>();
  #openBytes = 0;
  #answers = 0;
  #link: Link | null = null;
  #pause: Timer | null = null;
  #lastId = 0;
  #isOver = false;

  constructor(options: ConnectionOptions) {
    this.address = options.address;
    this.#options = options;
    const { clock, pauseMs } = options;
    if (pauseMs > 0) this.#pause = clock.at(clock.nowMs() + pauseMs, () => this.#begin());
    else this.#begin();
  }

  /** Returns the number that stands for the request in `hasLeft` and `forget`. */
  request(body: RequestBody, end: End): RequestId {
    const id = ++this.#lastId;
    const waiting = { body, end };
    if (this.#link !== null && this.#waiting.size === 0 && this.#hasRoom(body)) this.#send(this.#link, id, waiting);
    else this.#waiting.set(id, waiting);
    return id;
  }

  /** Whether the request may have reached the node. */
  hasLeft(id: RequestId): boolean {
    return this.#open.has(id);
  }

  /** Whether the node has answered nothing at all since the request left. */
  isSilentSince(id: RequestId): boolean {
    return this.#open.get(id)?.answersBefore === this.#answers;
  }

  /** The request's ending is no longer of interest. One that has left takes up room until the node answers it. */
  forget(id: RequestId): void {
    this.#waiting.delete(id);
    const open = this.#open.get(id);
    if (open !== undefined) open.end = ignore;
  }

  close(reason = "the connection was closed by this program"): void {
    this.#link?.close();
    this.#endAll({ kind: "lost", reason });
  }

  #begin(): void {
    const handlers: LinkHandlers = {
      onReply: (reply) => this.#reply(reply),
      onClosed: (closed) => this.#closed(closed),
    };
    this.#options.dial(this.address, handlers).then(
      (link) => this.#opened(link),
      (error: unknown) => this.#endAll({ kind: "notTaken", reason: messageOf(error), error }),
    );
  }

  #opened(link: Link): void {
    if (this.#isOver) return link.close();
    const objection = this.#options.objection(link.clusterUuid);
    if (objection !== null) {
      link.close();
      return this.#endAll({ kind: "notTaken", reason: objection.message, error: objection });
    }
    this.#link = link;
    this.#sendWaiting(link);
  }

  #sendWaiting(link: Link): void {
    for (const [id, waiting] of this.#waiting) {
      if (!this.#hasRoom(waiting.body)) return;
      this.#waiting.delete(id);
      this.#send(link, id, waiting);
    }
  }

  #hasRoom(body: RequestBody): boolean {
    return this.#open.size < openRequestsMax && this.#openBytes + payloadBytesOf(body) <= openBytesMax;
  }

  #send(link: Link, id: RequestId, { body, end }: Waiting): void {
    if (link.clusterUuid === null && !isOfOneNode(body)) {
      // By now the node may belong to any cluster: its next hello says to which.
      const reason = `the node at ${this.address} had joined no cluster when it was dialled`;
      end({ kind: "notTaken", reason });
      return this.close(reason);
    }
    const payloadBytes = payloadBytesOf(body);
    this.#openBytes += payloadBytes;
    this.#open.set(id, { end, payloadBytes, answersBefore: this.#answers });
    try {
      link.send({ ...body, id });
    } catch (cause) {
      // It does not fit into a frame, which is no fault of the others.
      this.#open.delete(id);
      this.#openBytes -= payloadBytes;
      const error = new GraftError("rejected", `the request cannot be sent: ${messageOf(cause)}`, { cause });
      end({ kind: "notTaken", reason: error.message, error });
    }
  }

  #reply(reply: ClientReply): void {
    const open = this.#open.get(reply.id);
    if (open === undefined) return;
    this.#open.delete(reply.id);
    this.#openBytes -= open.payloadBytes;
    this.#answers++;
    open.end({ kind: "reply", reply });
    if (this.#waiting.size > 0 && this.#link !== null) this.#sendWaiting(this.#link);
  }

  #closed(closed: Closed): void {
    const kind = closed.kind === "stopping" ? "notTaken" : "lost";
    this.#endAll({ kind, reason: closed.reason });
  }

  /** `ending` is that of the requests that have left. */
  #endAll(ending: Ending): void {
    if (this.#isOver) return;
    this.#isOver = true;
    this.#pause?.cancel();
    this.#options.onOver(this.#answers > 0);
    const open = [...this.#open.values()];
    const waiting = [...this.#waiting.values()];
    this.#open.clear();
    this.#waiting.clear();
    for (const { end } of open) end(ending);
    const stayed: Ending = ending.kind === "lost" ? { kind: "notTaken", reason: ending.reason } : ending;
    for (const { end } of waiting) end(stayed);
  }
}

/** Whether a node answers it for itself alone: also one that belongs to no cluster. */
const isOfOneNode = ({ kind }: RequestBody): boolean =>
  kind === "status" || kind === "configuration" || kind === "describe" || kind === "stop";

const payloadBytesOf = (body: RequestBody): number => ("payload" in body ? body.payload.byteLength : 0);

const ignore: End = () => {};

const messageOf = (error: unknown): string => (error instanceof Error ? error.message : String(error));
