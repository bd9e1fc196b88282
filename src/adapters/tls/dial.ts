// How does a client reach a node? One connection, with errors that say whose certificate is wrong or what the node
// objected to. Which node to ask, and when to ask again, is src/client's matter.
import type { NodeId } from "../../core/configuration.ts";
import { type ErrorCode, GraftError } from "../../errors.ts";
import type { ClientReply, ClientRequest } from "../../ports/requests.ts";
import { type BadFrame, decodeFrame, encodeFrame } from "../cbor/codec.ts";
import type { RefusalCode } from "../cbor/frames.ts";
import { frameBytesMax } from "../cbor/limits.ts";
import { FlushTurn } from "./flush-turn.ts";
import { explainGreeting, Greeting, type GreetingFailure } from "./greeting.ts";
import { makeHello, type NodeSender } from "./hello.ts";
import { defaultLimits } from "./limits.ts";
import type { Link, LinkHandler } from "./link.ts";
import { connectTls } from "./secure-socket.ts";
import type { LinkEnd, TlsMaterial } from "./tls-words.ts";

export interface ClientLinkHandler {
  onReply(reply: ClientReply): void;
  /**
   * Exactly once; whatever is unanswered stays so. Never from inside `send` or `close`. `code` is there when the node said
   * why it closed; `stopping` means that it has answered every request it took.
   */
  onClose(reason: string, code: RefusalCode | null): void;
}

export interface ClientLink {
  readonly nodeId: NodeId;
  /** Of the genesis that the node knew when it was dialled; null before there was one. */
  readonly clusterUuid: string | null;
  /** The node's Graft version. */
  readonly software: string;
  readonly isOpen: boolean;
  /**
   * Queues a request, which leaves at the end of this turn of the loop; drops it when the connection has ended. Throws
   * `RangeError` when the request is larger than the protocol allows: measure payloads against `payloadBytesMax` first.
   */
  send(request: ClientRequest): void;
  /** Writes what is queued now. */
  flush(): void;
  /** What is queued still leaves; `onClose` follows. */
  close(): void;
}

export interface DialOptions {
  /** `host:port`. */
  readonly address: string;
  readonly tls: TlsMaterial;
  /** `[cluster] id`. */
  readonly cluster: string;
  /** The node meant; null: whichever of the cluster is there. */
  readonly meant: NodeId | null;
  /** The client's name, as its certificate says. */
  readonly name: string;
  readonly handler: ClientLinkHandler;
  /** This program's version, for people. */
  readonly software: string;
  /** From the call to the node's hello. Default 5,000. */
  readonly timeoutMs?: number;
  /** Requests may wait up to this many bytes; beyond, the connection is dropped. */
  readonly queueBytesMax?: number;
}

/**
 * Settles once the hellos are exchanged. Rejects with a `GraftError`: `unavailable` when the node cannot be reached or
 * cannot serve now, `overloaded` when it has no room, `unauthorized` when one side does not accept the other, `config` when
 * the certificates are unusable. In every case nothing has happened.
 */
export function dialNode(options: DialOptions): Promise<ClientLink> {
  const { address, tls, cluster, meant, name, software } = options;
  const { timeoutMs = defaultLimits.handshakeTimeoutMs, queueBytesMax = defaultLimits.peerQueueBytesMax } = options;
  const { promise, resolve, reject } = Promise.withResolvers<ClientLink>();
  const greeting = new Greeting({
    expected: { cluster, self: name, meant, side: "dialled" },
    queueBytesMax,
    flushTurn: new FlushTurn(),
    opening: () => makeHello(cluster, { role: "client", name }, { meant, software }),
    onHello: (link, hello) => {
      clearTimeout(deadline);
      link.setBounds({ frameBytesMax: frameBytesMax("reply"), queueBytesMax });
      const connection = new Connection(link, hello.sender as NodeSender, hello.software, options.handler);
      link.handler = connection;
      resolve(connection);
      return null;
    },
    onFailed: (failure) => {
      clearTimeout(deadline);
      reject(failureOf(failure, options));
    },
  });
  const deadline = setTimeout(() => greeting.link.drop(`no answer within ${timeoutMs} ms`, "unreachable"), timeoutMs);
  try {
    connectTls(address, tls, greeting.link);
  } catch (error) {
    clearTimeout(deadline);
    reject(error);
  }
  return promise;
}

class Connection implements ClientLink, LinkHandler {
  readonly nodeId: NodeId;
  readonly clusterUuid: string | null;
  readonly #link: Link;
  readonly #handler: ClientLinkHandler;
  #code: RefusalCode | null = null;

  constructor(
    link: Link,
    { id, genesis }: NodeSender,
    readonly software: string,
    handler: ClientLinkHandler,
  ) {
    this.nodeId = id;
    this.clusterUuid = genesis?.clusterUuid ?? null;
    this.#link = link;
    this.#handler = handler;
  }

  get isOpen(): boolean {
    return this.#link.isOpen;
  }

  send(request: ClientRequest): void {
    if (this.#link.isOpen) this.#link.send(encodeFrame(request));
  }

  flush(): void {
    this.#link.flush();
  }

  close(): void {
    this.#link.finish("closed by this side", null);
    // A node that does not close in its turn is not waited for.
    setTimeout(() => this.#link.drop("closed by this side"), defaultLimits.lingerMs).unref();
  }

  onTrusted(): void {}

  onFrame(body: Buffer): void {
    const frame = decodeFrame(body, "reply");
    if (frame.kind === "refused") {
      this.#code = frame.code;
      this.#link.finish(`${this.nodeId} closed the connection: ${frame.message}`, null);
    } else {
      this.#handler.onReply(frame as ClientReply);
    }
  }

  onBadFrame(error: BadFrame): void {
    this.#link.finish(`${this.nodeId} sent what this program does not understand: ${error.message}`, null);
  }

  onClose(end: LinkEnd): void {
    this.#handler.onClose(end.reason, this.#code);
  }
}

const codeOfRefusal: Readonly<Record<RefusalCode, ErrorCode>> = {
  "wrong-cluster": "unauthorized",
  "wrong-identity": "unauthorized",
  "wrong-node": "unavailable",
  "wrong-version": "unavailable",
  "wrong-state-machine": "unavailable",
  "duplicate-node": "unavailable",
  "not-allowed": "unauthorized",
  "bad-frame": "unavailable",
  busy: "overloaded",
  stopping: "unavailable",
};

function failureOf(failure: GreetingFailure, { address, meant, tls }: DialOptions): GraftError {
  const { kind, reason } = explainGreeting(failure, { id: meant, tls, nowMs: Date.now() });
  const ofKind = kind === "untrusted" ? "unauthorized" : "unavailable";
  const code = failure.code === null ? ofKind : codeOfRefusal[failure.code];
  return new GraftError(code, `cannot use the node at ${address}: ${reason}`);
}
