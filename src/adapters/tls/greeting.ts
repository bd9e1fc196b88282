// How do two sides get to know each other? The phase of a link between its certificate and its first message: one hello in
// each direction, checked by hello.ts, the dialling side first. Afterwards the link has another handler, or has ended with
// a refusal that the other side can print.
import type { X509Certificate } from "node:crypto";
import { type BadFrame, decodeFrame, encodeFrame } from "../cbor/codec.ts";
import type { Hello, RefusalCode, Refused } from "../cbor/frames.ts";
import { frameBytesMax } from "../cbor/limits.ts";
import type { FlushTurn } from "./flush-turn.ts";
import { checkHello, checkIdentity, type Expectation } from "./hello.ts";
import { type Identity, identityOf } from "./identity.ts";
import { Link, type LinkHandler } from "./link.ts";
import { refusalOfFrame } from "./rights.ts";
import { type LinkEnd, ownCertificateProblem, type TlsMaterial } from "./tls-words.ts";

/** Why no conversation came about. `code` is there when one side refused the other in the protocol's own terms. */
export interface GreetingFailure extends LinkEnd {
  readonly code: RefusalCode | null;
  /** Whether this side refused the other, and not the other way round. */
  readonly isOurRefusal: boolean;
  /** The link had been trusted, and the other side left before it had said anything. */
  readonly isSilent: boolean;
  /** Who the certificate says is there, when that much was known. */
  readonly identity: Identity | null;
}

export interface GreetingOptions {
  readonly expected: Expectation;
  readonly queueBytesMax: number;
  readonly flushTurn: FlushTurn;
  /** What the dialling side says first; null on the accepting side, whose answer is `onHello`'s matter. */
  readonly opening: (() => Hello) | null;
  /**
   * The other side's hello is sound. The callee gives the link its next handler, after it has answered if it is the
   * accepting side, or returns why not.
   */
  readonly onHello: (link: Link, hello: Hello, identity: Identity) => Refused | null;
  /** Exactly once, unless `onHello` took over. */
  readonly onFailed: (failure: GreetingFailure) => void;
  readonly onEnded?: (link: Link) => void;
}

export class Greeting implements LinkHandler {
  readonly link: Link;
  readonly #options: GreetingOptions;
  #identity: Identity | null = null;
  #refusal: { readonly refused: Refused; readonly isOurs: boolean } | null = null;

  constructor(options: GreetingOptions) {
    this.#options = options;
    const { expected, queueBytesMax, flushTurn, onEnded = () => {} } = options;
    this.link = new Link({
      side: expected.side,
      frameBytesMax: frameBytesMax("hello"),
      queueBytesMax,
      flushTurn,
      handler: this,
      onEnded,
    });
  }

  onTrusted(certificate: X509Certificate | undefined): void {
    const identity = checkIdentity(identityOf(certificate), this.#options.expected);
    if ("kind" in identity) return this.#refuse(identity);
    this.#identity = identity;
    if (this.#options.opening !== null) this.link.send(encodeFrame(this.#options.opening()));
  }

  onFrame(body: Buffer): void {
    const frame = decodeFrame(body, "hello");
    if (frame.kind === "refused") return this.#onRefused(frame);
    if (frame.kind !== "hello" || this.#identity === null) return;
    const refusal =
      checkHello(frame, this.#identity, this.#options.expected) ??
      this.#options.onHello(this.link, frame, this.#identity);
    if (refusal !== null) this.#refuse(refusal);
  }

  onBadFrame(error: BadFrame): void {
    this.#refuse(refusalOfFrame(error));
  }

  onClose(end: LinkEnd): void {
    const refusal = this.#refusal;
    this.#options.onFailed({
      ...end,
      code: refusal?.refused.code ?? null,
      isOurRefusal: refusal?.isOurs ?? false,
      isSilent: refusal === null && this.#identity !== null && end.kind === "closed",
      identity: this.#identity,
    });
  }

  #refuse(frame: Refused): void {
    this.#refusal = { refused: frame, isOurs: true };
    this.link.finish(frame.message, encodeFrame(frame));
  }

  #onRefused(frame: Refused): void {
    this.#refusal = { refused: frame, isOurs: false };
    this.link.finish(frame.message, null);
  }
}

/** Why an attempt to reach a node came to nothing. */
export interface DialFailure {
  readonly reason: string;
  /** The same without a word that the other side chose: the cause of a log line. */
  readonly cause: string;
}

/**
 * What a failed attempt to reach node `id` (null: whoever is there) comes down to. A node that does not accept a
 * certificate closes without a word, for it owes strangers none; then the own certificate is looked at here.
 */
export function explainGreeting(
  failure: GreetingFailure,
  dialled: { readonly id: string | null; readonly tls: TlsMaterial; readonly nowMs: number },
): LinkEnd & DialFailure {
  const node = dialled.id ?? "the node";
  if (failure.code !== null) {
    const reason = failure.isOurRefusal ? failure.reason : `${node} refused this connection: ${failure.reason}`;
    return { kind: failure.kind, reason, cause: failure.code };
  }
  if (!failure.isSilent) return { kind: failure.kind, reason: failure.reason, cause: failure.reason };
  const problem = ownCertificateProblem(dialled.tls, dialled.nowMs);
  const kind = problem === null ? "unreachable" : "untrusted";
  const reason =
    problem === null
      ? `${node} did not answer the hello (${failure.reason}); its log may say what it holds against this certificate`
      : `${node} closed the connection without a word: ${problem}`;
  return { kind, reason, cause: reason };
}
