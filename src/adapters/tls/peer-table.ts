// Which nodes are connected, and by which link? At most one link per node; what arrives on any other is not delivered.
// The choice between two links is which-connection.ts.
import type { MemberKey, NodeId } from "../../core/configuration.ts";
import { toMemberKey } from "../../core/configuration.ts";
import type { Affiliation } from "../../core/genesis.ts";
import type { Message } from "../../core/messages.ts";
import { isCopyMessage } from "../../ports/copy-messages.ts";
import type { NodeMessage } from "../../ports/node-messages.ts";
import type { PeerIdentity, TransportHandler } from "../../ports/transport.ts";
import { type BadFrame, decodeFrame, encodeFrame } from "../cbor/codec.ts";
import type { DialBack, Refused } from "../cbor/frames.ts";
import { frameBytesMax } from "../cbor/limits.ts";
import { copiesFeature, type NodeSender, refused } from "./hello.ts";
import type { Link, LinkHandler } from "./link.ts";
import { refusalOfFrame } from "./rights.ts";
import type { LinkEnd, Side } from "./tls-words.ts";
import { whichConnection } from "./which-connection.ts";

export interface PeerTableOptions {
  readonly selfId: NodeId;
  readonly handshakeTimeoutMs: number;
  readonly queueBytesMax: number;
  readonly partNoticeMs: number;
  readonly nowMs: () => number;
  readonly handler: TransportHandler;
  /** The peer cannot dial this node and asks to be dialled. */
  readonly onDialBack: (peer: PeerIdentity, nonce: string) => void;
  /** Nothing more is delivered of `old`; closing it is the callee's. */
  readonly onReplaced: (old: Link, by: Link) => void;
  /** A node is without a connection. `livedMs` is how long it had one. */
  readonly onLost: (id: NodeId, reason: string, livedMs: number) => void;
}

/** Why a link may not become the one to its node. */
export interface Objection {
  readonly kind: "surplus" | "duplicate";
  readonly refused: Refused;
}

interface Connected {
  readonly identity: PeerIdentity;
  readonly key: MemberKey;
  readonly link: Link;
  readonly dialler: NodeId;
  readonly sinceMs: number;
  readonly comparesCopies: boolean;
}

export class PeerTable {
  readonly #options: PeerTableOptions;
  readonly #byId = new Map<NodeId, Connected>();
  readonly #byKey = new Map<MemberKey, Connected>();

  constructor(options: PeerTableOptions) {
    this.#options = options;
  }

  has(id: NodeId): boolean {
    return this.#byId.has(id);
  }

  /** Who is connected under this id. */
  identityOf(id: NodeId): PeerIdentity | null {
    return this.#byId.get(id)?.identity ?? null;
  }

  /** Why a new link to this node may not stand, or null when it may, and then replaces the one there is. */
  objection(sender: NodeSender, side: Side): Objection | null {
    const { selfId, handshakeTimeoutMs, nowMs } = this.#options;
    if (sender.id === selfId) {
      const words = `this is ${selfId} itself: another process runs with the same identity`;
      return { kind: "duplicate", refused: refused("duplicate-node", words) };
    }
    const standing = this.#byId.get(sender.id);
    if (standing === undefined) return null;
    const verdict = whichConnection({
      standing: { ...standing.identity, dialler: standing.dialler, ageMs: nowMs() - standing.sinceMs },
      candidate: { ...sender, dialler: this.#dialler(sender, side) },
      ids: [selfId, sender.id],
      handshakeTimeoutMs,
    });
    if (verdict === "duplicate") {
      // The former process may have been killed and its last word lost: then its system answers this with a reset, and the link ends.
      standing.link.sendSignOfLife();
      const words = `another process is connected as ${sender.id}, from ${standing.link.remoteAddress}: two run as one node`;
      return { kind: verdict, refused: refused("duplicate-node", words) };
    }
    if (verdict === "replace") return null;
    return { kind: verdict, refused: refused("busy", "a connection between these two nodes stands already") };
  }

  /** Makes this the link to the node; to be called when `objection` had none. */
  attach(link: Link, sender: NodeSender, affiliation: Affiliation, features: readonly string[]): void {
    const { id, incarnation, bootId } = sender;
    const { queueBytesMax, handler, nowMs, onReplaced } = this.#options;
    const standing = this.#byId.get(id);
    const connected: Connected = {
      identity: { id, incarnation, bootId },
      key: toMemberKey(id, incarnation),
      link,
      dialler: this.#dialler(sender, link.side),
      sinceMs: nowMs(),
      comparesCopies: features.includes(copiesFeature),
    };
    this.#byId.set(id, connected);
    this.#byKey.set(connected.key, connected);
    if (standing !== undefined) onReplaced(standing.link, link);
    link.setBounds({ frameBytesMax: frameBytesMax("peer"), queueBytesMax });
    link.handler = new PeerHandler(connected, this.#options, () => this.#isCurrent(connected), this.#onClosed);
    handler.onPeerConnected(connected.identity, affiliation);
  }

  send(to: MemberKey, message: Message | NodeMessage | DialBack): void {
    const connected = this.#byKey.get(to);
    if (connected?.comparesCopies === false && isCopyMessage(message)) return;
    connected?.link.send(encodeFrame(message));
  }

  /** Closes the link to this incarnation, which is told the reason. False when there is none. */
  dismiss(key: MemberKey, reason: string): boolean {
    const connected = this.#byKey.get(key);
    if (connected === undefined) return false;
    connected.link.finish(reason, encodeFrame(refused("bad-frame", reason)));
    return true;
  }

  isConnected(key: MemberKey): boolean {
    return this.#byKey.has(key);
  }

  #dialler(sender: NodeSender, side: Side): NodeId {
    return side === "dialled" ? this.#options.selfId : sender.id;
  }

  #isCurrent(connected: Connected): boolean {
    return this.#byId.get(connected.identity.id) === connected;
  }

  readonly #onClosed = (connected: Connected, reason: string): void => {
    if (!this.#isCurrent(connected)) return;
    this.#byId.delete(connected.identity.id);
    this.#byKey.delete(connected.key);
    this.#options.handler.onPeerDisconnected(connected.identity, reason);
    this.#options.onLost(connected.identity.id, reason, this.#options.nowMs() - connected.sinceMs);
  };
}

/** A link after the hellos: peer messages only. */
class PeerHandler implements LinkHandler {
  #partNoticeDueMs = Number.NEGATIVE_INFINITY;

  constructor(
    readonly connected: Connected,
    readonly heard: Pick<PeerTableOptions, "handler" | "onDialBack" | "nowMs" | "partNoticeMs">,
    readonly isCurrent: () => boolean,
    readonly onClosed: (connected: Connected, reason: string) => void,
  ) {}

  onTrusted(): void {}

  onFrame(body: Buffer): void {
    if (!this.isCurrent()) return;
    const frame = decodeFrame(body, "peer");
    if (frame.kind === "refused") {
      this.connected.link.finish(frame.message, null);
    } else if (frame.kind === "dialBack") {
      this.heard.onDialBack(this.connected.identity, frame.nonce);
    } else {
      this.heard.handler.onMessage(this.connected.key, frame as Message | NodeMessage);
    }
  }

  onPart(): void {
    const { handler, nowMs, partNoticeMs } = this.heard;
    const now = nowMs();
    if (now < this.#partNoticeDueMs || !this.isCurrent()) return;
    this.#partNoticeDueMs = now + partNoticeMs;
    handler.onPartReceived(this.connected.key);
  }

  onBadFrame(error: BadFrame): void {
    const frame = refusalOfFrame(error);
    this.connected.link.finish(`it was refused: ${frame.message}`, encodeFrame(frame));
  }

  onClose(end: LinkEnd): void {
    this.onClosed(this.connected, end.reason);
  }
}
