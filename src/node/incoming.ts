// What arrives from the transport, and which part of the node does it concern? Connections, messages and requests of clients come in
// here, decoded and checked.
import { type MemberKey, toMemberKey } from "../core/configuration.ts";
import type { Affiliation } from "../core/genesis.ts";
import type { Message } from "../core/messages.ts";
import type { Logger } from "../ports/logger.ts";
import { isCopyMessage } from "../ports/copy-messages.ts";
import { isNodeMessage, type NodeMessage } from "../ports/node-messages.ts";
import type { ClientRequest } from "../ports/requests.ts";
import type { BulkLink, ClientConnection, PeerIdentity, TransportHandler } from "../ports/transport.ts";
import type { NodeParts } from "./node-parts.ts";
import { onClientRequest, type RequestTarget } from "./requests.ts";

export class Incoming implements TransportHandler {
  readonly #parts: Pick<NodeParts, "loop" | "membership" | "fitness" | "snapshots" | "copies">;
  readonly #requests: RequestTarget;
  readonly #logger: Logger;

  constructor(parts: NodeParts, requests: RequestTarget, logger: Logger) {
    this.#parts = parts;
    this.#requests = requests;
    this.#logger = logger;
  }

  onPeerConnected(peer: PeerIdentity, affiliation: Affiliation): void {
    const { membership, fitness, copies, loop } = this.#parts;
    this.#logger.log("info", "peer connected", { peer: peer.id }, `connected ${peer.id}`);
    membership.onPeerConnected(peer);
    fitness.onPeerConnected(peer);
    copies.onPeerConnected(peer);
    loop.arrive({ kind: "peerConnected", peer, affiliation });
  }

  onPeerDisconnected(peer: PeerIdentity, reason: string): void {
    const { membership, fitness } = this.#parts;
    this.#logger.log("info", "peer disconnected", { peer: peer.id, reason }, `disconnected ${peer.id}`);
    membership.onPeerDisconnected(peer);
    fitness.onPeerDisconnected(peer);
  }

  onPeerCrashed(peer: PeerIdentity): void {
    this.#logger.log("info", "peer has crashed", { peer: peer.id }, `crashed ${peer.id}`);
    this.#parts.loop.arrive({ kind: "peerCrashed", peer: toMemberKey(peer.id, peer.incarnation) });
  }

  onPartReceived(from: MemberKey): void {
    this.#parts.loop.arrive({ kind: "partReceived", from });
  }

  onMessage(from: MemberKey, message: Message | NodeMessage): void {
    const { membership, fitness, copies, loop } = this.#parts;
    if (message.kind === "condition") return fitness.onCondition(from, message.condition);
    if (isCopyMessage(message)) return copies.onMessage(from, message);
    if (isNodeMessage(message)) return membership.onMessage(from, message);
    loop.arrive({ kind: "message", from, message });
  }

  onBulk(from: PeerIdentity, link: BulkLink): void {
    this.#parts.snapshots.onBulk(from, link);
  }

  onRequest(request: ClientRequest, client: ClientConnection): void {
    onClientRequest(this.#requests, request, client);
  }
}
