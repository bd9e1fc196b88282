// A network in memory, for tests: several nodes' Transport ports joined by one queue, in which everything that happens waits
// to be delivered on demand and in order. Connections can be broken and kept broken. There are no certificates here:
// what a connection is allowed to do is the matter of the adapter over TLS.
import { type MemberKey, type NodeId, nodeIdOf, toMemberKey } from "../../src/core/configuration.ts";
import type { Affiliation } from "../../src/core/genesis.ts";
import type { Message } from "../../src/core/messages.ts";
import { GraftError } from "../../src/errors.ts";
import type { ClientReply, ClientRequest } from "../../src/ports/requests.ts";
import type { NodeMessage, Reach } from "../../src/ports/node-messages.ts";
import type {
  BulkLink,
  Discovery,
  PeerIdentity,
  PeerStatus,
  Transport,
  TransportHandler,
} from "../../src/ports/transport.ts";
import { MemoryBulkLinks } from "../../src/sim/memory/bulk-links.ts";

export interface MemoryNetworkOptions {
  /** Messages that may wait on one connection; beyond, it is broken. Default 10,000. */
  readonly queuedMessagesMax?: number;
  /** When given, what waits is delivered by itself, a round at each call back; otherwise by `deliverNext` and `deliverAll`. */
  readonly soon?: (callback: () => void) => void;
}

export interface MemoryNodeOptions {
  readonly self: PeerIdentity;
  readonly address: string;
  readonly software: string;
}

/** A client of one node. */
export interface MemoryClient {
  readonly replies: readonly ClientReply[];
  send(request: ClientRequest): void;
}

/** A connection between two nodes, known to both until either of them stops or it is broken. */
interface Connection {
  readonly ends: readonly [MemoryTransport, MemoryTransport];
  isOpen: boolean;
  queuedMessages: number;
}

/** Connections for bulk that one node may open with another. */
const bulkLinksMax = 4;

const pairOf = (a: NodeId, b: NodeId): string => (a < b ? `${a} ${b}` : `${b} ${a}`);

export class MemoryNetwork {
  readonly #queue: (() => void)[] = [];
  readonly #running = new Map<NodeId, MemoryTransport>();
  readonly #connections = new Map<string, Connection>();
  readonly #cut = new Set<string>();
  /** Nodes that nobody can dial, though they can dial others. */
  readonly #shut = new Set<NodeId>();
  readonly #bulk = new MemoryBulkLinks((delivery) => this.enqueue(delivery));
  readonly #queuedMessagesMax: number;
  readonly #soon: ((callback: () => void) => void) | null;
  #isRoundDue = false;

  constructor(options: MemoryNetworkOptions = {}) {
    this.#queuedMessagesMax = options.queuedMessagesMax ?? 10_000;
    this.#soon = options.soon ?? null;
  }

  /** The Transport port of one node, which takes part from its `start` to its `stop`. */
  transport(options: MemoryNodeOptions): Transport {
    return new MemoryTransport(this, options);
  }

  /** Delivers what has waited longest; false when nothing waits. */
  deliverNext(): boolean {
    const next = this.#queue.shift();
    next?.();
    return next !== undefined;
  }

  /** Delivers until nothing waits, and answers how much that was. Throws after `max` deliveries: nodes may talk for ever. */
  deliverAll(max = 100_000): number {
    let count = 0;
    while (this.deliverNext()) {
      count += 1;
      if (count > max) throw new Error(`more than ${max} deliveries: the nodes keep each other busy`);
    }
    return count;
  }

  /** Breaks the connection between two nodes; what was under way on it is lost. They connect again unless `cut`. */
  disconnect(a: NodeId, b: NodeId, reason = "the connection broke"): void {
    const connection = this.#connections.get(pairOf(a, b));
    if (connection !== undefined) this.break(connection, reason);
    this.connectPair(a, b);
  }

  /** Keeps two nodes apart until `heal`. */
  cut(a: NodeId, b: NodeId): void {
    this.#cut.add(pairOf(a, b));
    this.disconnect(a, b, "the network is cut");
    this.breakBulk(a, b);
  }

  heal(a: NodeId, b: NodeId): void {
    this.#cut.delete(pairOf(a, b));
    this.connectPair(a, b);
  }

  /** From now on nobody can dial the node, as behind a router that lets nothing in; what stands stays. */
  shut(id: NodeId): void {
    this.#shut.add(id);
  }

  /** The node can be dialled again. */
  unshut(id: NodeId): void {
    this.#shut.delete(id);
  }

  /** Breaks the connections for bulk between two nodes; what was under way on them is lost. */
  breakBulk(a: NodeId, b: NodeId): void {
    this.#bulk.break("the connection broke", a, b);
  }

  /** The node's process ends without a word: its port is closed, and who looks for it finds that out. */
  kill(id: NodeId): void {
    const node = this.#running.get(id);
    if (node === undefined) return;
    node.handler = null;
    this.leave(node);
  }

  /** A client connected to a node that runs. Its requests and replies travel through the same queue. */
  client(nodeId: NodeId, as: { readonly name: string; readonly isAdmin: boolean }): MemoryClient {
    const replies: ClientReply[] = [];
    const reply = (answer: ClientReply): void => this.enqueue(() => void replies.push(answer));
    // It takes every reply at once.
    const connection = { ...as, isOpen: true, hasCredit: true, whenCredit: () => {}, reply };
    const send = (request: ClientRequest): void => {
      this.enqueue(() => this.#running.get(nodeId)?.handler?.onRequest(request, connection));
    };
    return { replies, send };
  }

  // What follows is for the transports of this network alone.

  /** @internal */
  enqueue(delivery: () => void): void {
    this.#queue.push(delivery);
    if (!this.#isRoundDue) this.#callRound();
  }

  /** @internal */
  join(node: MemoryTransport): void {
    const isTaken = [...this.#running.values()].some((other) => other.address === node.address);
    if (isTaken) throw new GraftError("config", `cannot listen on ${node.address}: it is in use`);
    if (this.#running.has(node.self.id)) throw new GraftError("config", `another process runs as ${node.self.id}`);
    this.#running.set(node.self.id, node);
    for (const id of this.#running.keys()) this.connectPair(node.self.id, id);
  }

  /** @internal */
  leave(node: MemoryTransport): void {
    this.#running.delete(node.self.id);
    this.#bulk.break(`${node.self.id} is stopping`, node.self.id);
    for (const connection of this.#connections.values()) {
      // In its turn, so that what the node has sent before still arrives.
      if (connection.ends.includes(node)) this.enqueue(() => this.#end(connection, `${node.self.id} is stopping`)?.());
    }
  }

  /** @internal Connects two nodes when at least one of them wants it and nothing stands in the way. */
  connectPair(a: NodeId, b: NodeId): void {
    this.enqueue(() => {
      const [from, to] = [this.#running.get(a), this.#running.get(b)];
      const pair = pairOf(a, b);
      if (from === undefined || to === undefined || from === to) return;
      if (this.#connections.has(pair) || this.#cut.has(pair)) return;
      if (!this.#dials(from, to) && !this.#dials(to, from)) return;
      const connection: Connection = { ends: [from, to], isOpen: true, queuedMessages: 0 };
      this.#connections.set(pair, connection);
      from.handler?.onPeerConnected(to.self, to.affiliation);
      to.handler?.onPeerConnected(from.self, from.affiliation);
    });
  }

  /** @internal */
  sendMessage(from: MemoryTransport, to: MemberKey, message: Message | NodeMessage): void {
    const connection = this.#connections.get(pairOf(from.self.id, to.slice(0, to.indexOf("@"))));
    const target = connection?.ends.find((end) => end !== from);
    if (!connection?.ends.includes(from) || target?.key !== to) return;
    if (connection.queuedMessages >= this.#queuedMessagesMax) {
      return this.break(connection, `the other side is too slow: ${connection.queuedMessages} messages wait for it`);
    }
    connection.queuedMessages += 1;
    this.enqueue(() => {
      connection.queuedMessages -= 1;
      if (connection.isOpen) target.handler?.onMessage(from.key, message);
    });
  }

  /** @internal */
  dismiss(by: MemoryTransport, peer: MemberKey, reason: string): void {
    const connection = this.#connections.get(pairOf(by.self.id, nodeIdOf(peer)));
    if (connection?.ends.some((end) => end.key === peer)) this.break(connection, reason);
  }

  /** @internal Time does not pass here: who does not answer at once does not answer. */
  reach(from: MemoryTransport, id: NodeId, address: string): Promise<Reach> {
    const { promise, resolve } = Promise.withResolvers<Reach>();
    this.enqueue(() => {
      const target = this.#running.get(id);
      const pair = pairOf(from.self.id, id);
      const isDialled = target?.address === address && !this.#shut.has(id) && !this.#cut.has(pair);
      if (target !== undefined && (isDialled || this.#connections.has(pair))) {
        const by = isDialled ? "dialled" : "accepted";
        return resolve({ kind: "reached", incarnation: target.self.incarnation, by });
      }
      resolve({ kind: "unreachable", reason: this.status(from, id).reason ?? "no answer" });
    });
    return promise;
  }

  /** @internal Nor does whoever is not there. */
  discover(from: MemoryTransport, address: string): Promise<Discovery> {
    const { promise, resolve } = Promise.withResolvers<Discovery>();
    this.enqueue(() => {
      const target = [...this.#running.values()].find((node) => node.address === address);
      const isThere = target !== undefined && !this.#shut.has(target.self.id);
      if (isThere && !this.#cut.has(pairOf(from.self.id, target.self.id))) {
        return resolve({ kind: "there", identity: target.self });
      }
      resolve({ kind: "failed", reason: "connection refused: nothing listens there" });
    });
    return promise;
  }

  /** @internal Dialled, or, when that cannot be, dialled back on request over the ordinary connection. */
  openBulk(from: MemoryTransport, to: MemberKey): Promise<BulkLink> {
    const { promise, resolve, reject } = Promise.withResolvers<BulkLink>();
    this.enqueue(() => {
      const id = nodeIdOf(to);
      const target = this.#running.get(id);
      const pair = pairOf(from.self.id, id);
      const isDialledBack = this.#connections.has(pair) && !this.#shut.has(from.self.id);
      const isReachable = !this.#cut.has(pair) && (!this.#shut.has(id) || isDialledBack);
      if (from.handler === null || target?.key !== to || target.handler === null || !isReachable) {
        return reject(new GraftError("unavailable", `${id} cannot be reached`));
      }
      if (this.#bulk.count(from.self.id, id) >= bulkLinksMax) {
        return reject(new GraftError("overloaded", `as many connections for bulk with ${id} as there may be`));
      }
      const [opener, opened] = this.#bulk.open(from.self.id, id);
      target.handler.onBulk(from.self, opened);
      resolve(opener);
    });
    return promise;
  }

  #isThere(node: MemoryTransport): boolean {
    return this.#running.get(node.self.id) === node;
  }

  #dials(from: MemoryTransport, to: MemoryTransport): boolean {
    return from.dials(to) && !this.#shut.has(to.self.id);
  }

  /** @internal */
  status(of: MemoryTransport, id: NodeId): Omit<PeerStatus, "id" | "address"> {
    const pair = pairOf(of.self.id, id);
    const node = this.#running.get(id);
    if (node !== undefined && this.#connections.has(pair))
      return { reachable: true, reason: null, version: node.software, announced: node.address, knowsSkips: true };
    const isolated = this.#cut.has(pair) ? "the network is cut" : null;
    const reason = isolated ?? (node === undefined ? "connection refused: nothing listens there" : "not connected yet");
    return { reachable: false, reason, version: null, announced: null };
  }

  /** @internal */
  break(connection: Connection, reason: string): void {
    const tell = this.#end(connection, reason);
    if (tell !== null) this.enqueue(tell);
    const [a, b] = connection.ends;
    this.connectPair(a.self.id, b.self.id);
  }

  /** Ends a connection once; what is returned tells both ends. */
  #end(connection: Connection, reason: string): (() => void) | null {
    if (!connection.isOpen) return null;
    connection.isOpen = false;
    const [a, b] = connection.ends;
    this.#connections.delete(pairOf(a.self.id, b.self.id));
    return () => {
      a.handler?.onPeerDisconnected(b.self, reason);
      b.handler?.onPeerDisconnected(a.self, reason);
      // Whoever has gone is found out by whoever dials it; one that merely lost its connection is still there.
      if (!this.#isThere(b) && this.#dials(a, b)) a.handler?.onPeerCrashed(b.self);
      if (!this.#isThere(a) && this.#dials(b, a)) b.handler?.onPeerCrashed(a.self);
    };
  }

  #callRound(): void {
    if (this.#soon === null) return;
    this.#isRoundDue = true;
    this.#soon(() => {
      for (let count = this.#queue.length; count > 0; count -= 1) this.deliverNext();
      this.#isRoundDue = false;
      if (this.#queue.length > 0) this.#callRound();
    });
  }
}

class MemoryTransport implements Transport {
  readonly self: PeerIdentity;
  readonly key: MemberKey;
  readonly address: string;
  handler: TransportHandler | null = null;
  affiliation: Affiliation = "joining";
  readonly #network: MemoryNetwork;
  readonly software: string;
  #peers: readonly { readonly id: NodeId; readonly address: string }[] = [];

  constructor(network: MemoryNetwork, options: MemoryNodeOptions) {
    this.#network = network;
    this.self = options.self;
    this.key = toMemberKey(options.self.id, options.self.incarnation);
    this.address = options.address;
    this.software = options.software;
  }

  async start(handler: TransportHandler): Promise<void> {
    this.#network.join(this);
    this.handler = handler;
  }

  send(to: MemberKey, message: Message | NodeMessage): void {
    if (this.handler !== null) this.#network.sendMessage(this, to, message);
  }

  dismiss(peer: MemberKey, reason: string): void {
    this.#network.dismiss(this, peer, reason);
  }

  openBulk(to: MemberKey): Promise<BulkLink> {
    return this.#network.openBulk(this, to);
  }

  reach(id: NodeId, address: string): Promise<Reach> {
    return this.#network.reach(this, id, address);
  }

  discover(address: string): Promise<Discovery> {
    return this.#network.discover(this, address);
  }

  /** What is sent waits in the network at once. */
  flush(): void {}

  setPeers(peers: readonly { readonly id: NodeId; readonly address: string }[]): void {
    this.#peers = peers;
    for (const { id } of peers) this.#network.connectPair(this.self.id, id);
  }

  setAffiliation(affiliation: Affiliation): void {
    this.affiliation = affiliation;
  }

  peers(): readonly PeerStatus[] {
    return this.#peers.map(({ id, address }) => {
      return { id, address, ...this.#network.status(this, id) };
    });
  }

  async stop(): Promise<void> {
    this.handler = null;
    this.#network.leave(this);
  }

  dials(other: MemoryTransport): boolean {
    return this.#peers.some(({ id, address }) => id === other.self.id && address === other.address);
  }
}
