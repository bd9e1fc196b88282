// The Transport port of one process of the simulated network.
import type { MemberKey, NodeId } from "../core/configuration.ts";
import type { Affiliation } from "../core/genesis.ts";
import type { Message } from "../core/messages.ts";
import type { NodeMessage, Reach } from "../ports/node-messages.ts";
import type { BulkLink, Discovery, PeerStatus, Transport, TransportHandler } from "../ports/transport.ts";
import type { SimNetwork } from "./network.ts";
import type { Process } from "./process.ts";
import type { Sent } from "./promises.ts";

export class SimTransport implements Transport {
  readonly #network: SimNetwork;
  readonly #process: Process;
  readonly #sent: (what: Sent) => void;

  constructor(network: SimNetwork, process: Process, sent: (what: Sent) => void) {
    this.#network = network;
    this.#process = process;
    this.#sent = sent;
  }

  async start(handler: TransportHandler): Promise<void> {
    this.#process.handler = handler;
    this.#network.join(this.#process);
  }

  send(to: MemberKey, message: Message | NodeMessage): void {
    if (this.#process.handler === null) return;
    this.#sent({ from: this.#process.key, to, message });
    this.#network.send(this.#process, to, message);
  }

  /** What is sent is on its way at once. */
  flush(): void {}

  dismiss(peer: MemberKey, reason: string): void {
    this.#network.dismiss(this.#process, peer, reason);
  }

  openBulk(to: MemberKey): Promise<BulkLink> {
    return this.#network.openBulk(this.#process, to);
  }

  reach(id: NodeId, address: string): Promise<Reach> {
    return this.#network.reach(this.#process, id, address);
  }

  discover(address: string): Promise<Discovery> {
    return this.#network.discover(this.#process, address);
  }

  setPeers(peers: readonly { readonly id: NodeId; readonly address: string }[]): void {
    this.#process.peers = peers;
    for (const { id } of peers) this.#network.connectSoon(this.#process.self.id, id);
  }

  setAffiliation(affiliation: Affiliation): void {
    this.#process.affiliation = affiliation;
  }

  peers(): readonly PeerStatus[] {
    const own = this.#process.self.id;
    return this.#process.peers.map(({ id, address }) => {
      const reachable = this.#network.isConnected(own, id);
      const version = reachable ? "0" : null;
      return {
        id,
        address,
        reachable,
        reason: reachable ? null : "not connected",
        version,
        announced: null,
        knowsSkips: true,
      };
    });
  }

  async stop(): Promise<void> {
    this.#network.leave(this.#process, false);
  }
}
