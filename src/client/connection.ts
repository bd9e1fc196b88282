// One connection to one node: many requests under way at once, each with exactly one ending. What an ending means for the
// request, and whether it is tried again, is attempt.ts.
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

interface Open {
  readonly body: RequestBody;
  readonly end: (ending: Ending) => void;
}

export class Connection {
  readonly #open = new Map<RequestId, Open>();
  readonly #onOver: () => void;
  #link: Link | null = null;
  #lastId = 0;
  #isOver = false;

  /** Dials at once; requests may be made before the connection stands. `onOver` is called once, when it has ended. */
  constructor(address: string, dial: Dial, onOver: () => void) {
    this.#onOver = onOver;
    const handlers: LinkHandlers = {
      onReply: (reply) => this.#reply(reply),
      onClosed: (closed) => this.#closed(closed),
    };
    dial(address, handlers).then(
      (link) => this.#opened(link),
      (error: unknown) => this.#endAll({ kind: "notTaken", reason: messageOf(error), error }),
    );
  }

  /** Whether requests have been leaving: before that none has reached the node. */
  get isOpen(): boolean {
    return this.#link !== null;
  }

  get isOver(): boolean {
    return this.#isOver;
  }

  /** Returns the number by which `forget` can let go of the request. */
  request(body: RequestBody, end: (ending: Ending) => void): RequestId {
    const id = ++this.#lastId;
    this.#open.set(id, { body, end });
    this.#link?.send({ ...body, id });
    return id;
  }

  /** The request's ending is no longer of interest. */
  forget(id: RequestId): void {
    this.#open.delete(id);
  }

  close(): void {
    this.#link?.close();
    this.#endAll({ kind: "lost", reason: "the connection was closed by this program" });
  }

  #opened(link: Link): void {
    if (this.#isOver) return link.close();
    this.#link = link;
    for (const [id, { body }] of this.#open) link.send({ ...body, id });
  }

  #reply(reply: ClientReply): void {
    const open = this.#open.get(reply.id);
    this.#open.delete(reply.id);
    open?.end({ kind: "reply", reply });
  }

  #closed(closed: Closed): void {
    const kind = closed.kind === "stopping" ? "notTaken" : "lost";
    this.#endAll({ kind, reason: closed.reason });
  }

  #endAll(ending: Ending): void {
    if (this.#isOver) return;
    this.#isOver = true;
    this.#onOver();
    const open = [...this.#open.values()];
    this.#open.clear();
    for (const { end } of open) end(ending);
  }
}

const messageOf = (error: unknown): string => (error instanceof Error ? error.message : String(error));
