// How does a node speak to its peers and clients over TLS? The Transport port: it listens, dials the peers, and hands each
// connection that has introduced itself to the peer table or the client desk. What a link is, link.ts; what is asked of
// a certificate and a hello, identity.ts and hello.ts.
import type { Incarnation, MemberKey, NodeId } from "../../core/configuration.ts";
import type { Genesis } from "../../core/genesis.ts";
import type { Message } from "../../core/messages.ts";
import { GraftError } from "../../errors.ts";
import type { Clock, Timer } from "../../ports/clock.ts";
import type { Logger } from "../../ports/logger.ts";
import type { BulkLink, PeerStatus, Transport, TransportHandler } from "../../ports/transport.ts";
import { encodeFrame } from "../cbor/codec.ts";
import type { Hello, NodePurpose, Refused } from "../cbor/frames.ts";
import { type BulkDial, BulkDesk } from "./bulk-desk.ts";
import { ClientDesk } from "./client-desk.ts";
import { FlushTurn } from "./flush-turn.ts";
import { explainGreeting, Greeting, type GreetingFailure, type GreetingOptions } from "./greeting.ts";
import { makeHello, type NodeSender, refused } from "./hello.ts";
import { describeIdentity, type Identity, nameOf } from "./identity.ts";
import { defaultLimits, type TransportLimits } from "./limits.ts";
import type { Link, LinkHandler } from "./link.ts";
import { LinkWatch } from "./link-watch.ts";
import { PeerDialler } from "./peer-dialler.ts";
import { PeerTable } from "./peer-table.ts";
import { connectTls, listenTls } from "./secure-socket.ts";
import { SparingLog } from "./sparing-log.ts";
import type { TlsMaterial } from "./tls-words.ts";

export interface TlsTransportOptions {
  readonly self: { readonly id: NodeId; readonly incarnation: Incarnation; readonly bootId: string };
  /** `[cluster] id`. */
  readonly cluster: string;
  /** `host:port`; port 0 takes a free one. */
  readonly listen: string;
  readonly tls: TlsMaterial;
  /** Client names that may do what only administrators may. */
  readonly admins: readonly string[];
  /** Graft's version, for people. */
  readonly software: string;
  readonly clock: Clock;
  readonly logger: Logger;
  readonly limits?: Partial<TransportLimits>;
}

export interface TlsTransport extends Transport {
  /** The port listened on; 0 before `start`. */
  readonly port: number;
}

/** Nothing is opened before `start`. */
export const createTlsTransport = (options: TlsTransportOptions): TlsTransport => new NodeTransport(options);

class NodeTransport implements TlsTransport {
  readonly #options: TlsTransportOptions;
  readonly #limits: TransportLimits;
  readonly #flushTurn: FlushTurn;
  readonly #watch: LinkWatch;
  readonly #log: SparingLog;
  readonly #diallers = new Map<NodeId, PeerDialler>();
  readonly #versions = new Map<NodeId, string>();
  /** Accepted and not yet introduced, the oldest first. */
  readonly #pending = new Set<Link>();
  #peerTable: PeerTable | null = null;
  #clientDesk: ClientDesk | null = null;
  #bulkDesk: BulkDesk | null = null;
  #listener: Bun.TCPSocketListener<Link> | null = null;
  #genesis: Genesis | null = null;
  #sweep: Timer | null = null;
  #isStopping = false;
  #onAllClosed: (() => void) | null = null;

  constructor(options: TlsTransportOptions) {
    this.#options = options;
    this.#limits = { ...defaultLimits, ...options.limits };
    this.#flushTurn = new FlushTurn((callback) => options.clock.soon(callback));
    this.#watch = new LinkWatch(this.#limits);
    this.#log = new SparingLog(options.logger, options.clock);
  }

  get port(): number {
    return this.#listener?.port ?? 0;
  }

  async start(handler: TransportHandler): Promise<void> {
    const { self, clock, admins, listen, tls } = this.#options;
    const { handshakeTimeoutMs, clientsMax, peerQueueBytesMax, clientQueueBytesMax } = this.#limits;
    const heard = this.#whileRunning(handler);
    this.#clientDesk = new ClientDesk({
      admins: new Set(admins),
      clientsMax,
      queueBytesMax: clientQueueBytesMax,
      handler: heard,
      onRefused: (link, name, { code, message }) =>
        this.#log.warn("connection refused", {
          from: link.remoteAddress,
          identity: `client ${name}`,
          code,
          reason: message,
        }),
      onLost: (link, name, reason) =>
        this.#log.warn("client left with answers unsent", {
          from: link.remoteAddress,
          identity: `client ${name}`,
          bytes: link.queuedBytes,
          reason,
        }),
    });
    this.#bulkDesk = this.#openBulkDesk(heard);
    this.#peerTable = new PeerTable({
      selfId: self.id,
      handshakeTimeoutMs,
      queueBytesMax: peerQueueBytesMax,
      nowMs: () => clock.nowMs(),
      handler: heard,
      onDialBack: (peer, nonce) => this.#isStopping || this.#bulkDesk?.dialBack(peer, nonce),
      onReplaced: (old, by) => {
        if (old.side === "dialled" && by.side === "accepted") this.#leaveToOtherSide(old);
        else old.finish("replaced by a newer connection", null);
      },
      onLost: (id, reason, livedMs) => this.#diallers.get(id)?.lost(reason, livedMs),
    });
    this.#listener = listenTls(listen, tls, () => this.#accept());
    this.#scheduleSweep();
    for (const dialler of this.#diallers.values()) dialler.dial();
  }

  send(to: MemberKey, message: Message): void {
    this.#peerTable?.send(to, message);
  }

  openBulk(to: MemberKey): Promise<BulkLink> {
    if (this.#bulkDesk === null || this.#isStopping) {
      return Promise.reject(new GraftError("unavailable", `${this.#options.self.id} does not run`));
    }
    return this.#bulkDesk.open(to);
  }

  flush(): void {
    this.#flushTurn.flush();
  }

  setGenesis(genesis: Genesis | null): void {
    this.#genesis = genesis;
  }

  /** A node that is no longer listed keeps its connection until either side closes it, so that it hears of its removal. */
  setPeers(peers: readonly { readonly id: NodeId; readonly address: string }[]): void {
    const wanted = new Map(peers.map((peer) => [peer.id, peer.address]));
    for (const [id, dialler] of this.#diallers) {
      if (wanted.has(id)) continue;
      dialler.stop();
      this.#diallers.delete(id);
    }
    for (const [id, address] of wanted) {
      const known = this.#diallers.get(id);
      if (known?.address === address) continue;
      const dialler = known ?? this.#makeDialler(id, address);
      dialler.address = address;
      this.#diallers.set(id, dialler);
      if (this.#listener !== null) dialler.dial();
    }
  }

  peers(): readonly PeerStatus[] {
    return [...this.#diallers].map(([id, dialler]) => {
      const reachable = this.#peerTable?.has(id) ?? false;
      const reason = reachable ? null : (dialler.reason ?? "not connected yet");
      return { id, address: dialler.address, reachable, reason, version: this.#versions.get(id) ?? null };
    });
  }

  async stop(graceMs: number): Promise<void> {
    if (this.#isStopping) return;
    this.#isStopping = true;
    this.#listener?.stop();
    for (const dialler of this.#diallers.values()) dialler.stop();
    this.#bulkDesk?.stop();
    const { clock, self } = this.#options;
    const farewell = encodeFrame(refused("stopping", `${self.id} is stopping`));
    for (const link of this.#watch.links) link.finish("this node is stopping", farewell);
    if (this.#watch.size > 0) {
      await new Promise<void>((resolve) => {
        const timer = clock.at(clock.nowMs() + graceMs, resolve);
        this.#onAllClosed = () => {
          timer.cancel();
          resolve();
        };
      });
    }
    for (const link of this.#watch.links) link.drop("this node is stopping");
    this.#sweep?.cancel();
  }

  /** The node's handler until `stop`; afterwards nobody listens. */
  #whileRunning(handler: TransportHandler): TransportHandler {
    return {
      onPeerConnected: (peer, genesis) => this.#isStopping || handler.onPeerConnected(peer, genesis),
      onPeerDisconnected: (peer, reason) => this.#isStopping || handler.onPeerDisconnected(peer, reason),
      onMessage: (from, message) => this.#isStopping || handler.onMessage(from, message),
      onBulk: (from, link) => (this.#isStopping ? link.close("this node is stopping") : handler.onBulk(from, link)),
      onRequest: (request, client) => this.#isStopping || handler.onRequest(request, client),
    };
  }

  #accept(): Link {
    const { link } = this.#greet({
      meant: null,
      onHello: (accepted, hello, identity) => this.#introduced(accepted, hello, identity),
      onFailed: (failure) => this.#logRefusal(link, failure),
    });
    this.#pending.add(link);
    if (this.#pending.size > this.#limits.pendingMax) {
      // The oldest has had the most time; whoever is honest is done within milliseconds.
      const [oldest] = this.#pending;
      oldest?.drop("too many connections have not introduced themselves");
    }
    return link;
  }

  #logRefusal(link: Link, failure: GreetingFailure): void {
    const fields = {
      from: link.remoteAddress,
      identity: failure.identity === null ? null : describeIdentity(failure.identity),
      code: failure.code,
      reason:
        failure.code !== null && !failure.isOurRefusal ? `the other side said: ${failure.reason}` : failure.reason,
    };
    // Two nodes that dial each other at once are in order, and one of the two connections is spare.
    const isSpare = failure.code === "busy" && failure.isOurRefusal && failure.identity?.role === "node";
    if (isSpare) this.#options.logger.log("debug", "spare connection refused", fields);
    else this.#log.warn("connection refused", fields);
  }

  #makeDialler(id: NodeId, address: string): PeerDialler {
    const { clock, logger, tls } = this.#options;
    const dialler = new PeerDialler(address, {
      clock,
      limits: this.#limits,
      isConnected: () => this.#peerTable?.has(id) ?? false,
      attempt: (to) => {
        const greeting = this.#greet({
          meant: { id, purpose: { kind: "peer" } },
          onHello: (link, hello, identity) => this.#introduced(link, hello, identity),
          onFailed: (failure) => dialler.failed(explainGreeting(failure, { id, tls, nowMs: clock.wallMs() }).reason),
        });
        connectTls(to, tls, greeting.link);
        return greeting;
      },
      onReason: (reason) =>
        logger.log("warn", "peer cannot be reached", { peer: id, address: dialler.address, reason }),
    });
    return dialler;
  }

  #openBulkDesk(handler: TransportHandler): BulkDesk {
    return new BulkDesk({
      selfId: this.#options.self.id,
      limits: this.#limits,
      clock: this.#options.clock,
      handler,
      dial: (request) => this.#dialForBulk(request),
      isConnected: (peer) => this.#peerTable?.isConnected(peer) ?? false,
      askBack: (peer, nonce) => this.#peerTable?.send(peer, { kind: "dialBack", nonce }),
      onOpened: (link) => this.#watch.setPhase(link, "bulk"),
    });
  }

  #dialForBulk({ id, purpose, onHello, onFailed }: BulkDial): void {
    const { tls, clock } = this.#options;
    const address = this.#diallers.get(id)?.address;
    if (address === undefined) return onFailed(`its address is not known`);
    const greeting = this.#greet({
      meant: { id, purpose },
      onHello: (link, { sender }) => (sender.role === "node" ? onHello(link, sender) : null),
      onFailed: (failure) => onFailed(explainGreeting(failure, { id, tls, nowMs: clock.wallMs() }).reason),
    });
    connectTls(address, tls, greeting.link);
  }

  /** A link that introduces itself: dialled to the node that is meant, or accepted. */
  #greet({ meant, onHello, onFailed }: Acquaintance): Greeting {
    const { self, cluster } = this.#options;
    const side = meant === null ? "accepted" : "dialled";
    const greeting = new Greeting({
      expected: {
        cluster,
        self: self.id,
        meant: meant?.id ?? null,
        side,
        clusterUuid: this.#genesis?.clusterUuid ?? null,
      },
      queueBytesMax: this.#limits.peerQueueBytesMax,
      flushTurn: this.#flushTurn,
      opening: meant === null ? null : () => this.#hello(meant.id, meant.purpose),
      onHello,
      onFailed,
      onEnded: (link) => this.#ended(link),
    });
    this.#watch.add(greeting.link);
    return greeting;
  }

  #introduced(link: Link, hello: Hello, identity: Identity): Refused | null {
    const refusal = this.#meet(link, hello);
    if (refusal === null) this.#pending.delete(link);
    else if (refusal.code === "duplicate-node") {
      this.#options.logger.log("error", "two processes run as one node", {
        peer: nameOf(identity),
        reason: refusal.message,
      });
    }
    return refusal;
  }

  #meet(link: Link, hello: Hello): Refused | null {
    const { sender } = hello;
    if (this.#isStopping) return refused("stopping", `${this.#options.self.id} is stopping`);
    if (sender.role === "client") return this.#meetClient(link, sender.name);
    return sender.purpose.kind === "bulk" ? this.#meetForBulk(link, sender) : this.#meetPeer(link, hello, sender);
  }

  #meetForBulk(link: Link, sender: NodeSender): Refused | null {
    if (link.side === "dialled") return refused("bad-frame", "the answer to a hello has another purpose than it");
    const answer = (): void => link.send(encodeFrame(this.#hello(sender.id, { kind: "bulk", nonce: null })));
    return this.#bulkDesk?.accept(link, sender, answer) ?? null;
  }

  #meetPeer(link: Link, hello: Hello, sender: NodeSender): Refused | null {
    const table = this.#peerTable;
    if (table === null) throw new Error("a peer before the start");
    const objection = table.objection(sender, link.side);
    const isSpare = objection?.kind === "surplus" && link.side === "dialled";
    if (objection !== null && !isSpare) return objection.refused;
    if (link.side === "accepted") link.send(encodeFrame(this.#hello(sender.id)));
    else this.#diallers.get(sender.id)?.succeeded();
    if (isSpare) {
      this.#leaveToOtherSide(link);
      return null;
    }
    this.#watch.setPhase(link, "peer");
    this.#versions.set(sender.id, hello.software);
    table.attach(link, sender);
    return null;
  }

  /**
   * An own connection that is not the one to stay. The other side may know of this one alone as yet: it closes it as soon
   * as it has the answer on the other, and so never sees the pair without any.
   */
  #leaveToOtherSide(link: Link): void {
    link.handler = spareHandler;
    this.#watch.setPhase(link, "spare");
  }

  #meetClient(link: Link, name: string): Refused | null {
    const desk = this.#clientDesk;
    if (desk === null) throw new Error("a client before the start");
    const objection = desk.objection();
    if (objection !== null) return objection;
    link.send(encodeFrame(this.#hello(name)));
    this.#watch.setPhase(link, "client");
    desk.attach(link, name);
    return null;
  }

  #hello(meant: string, purpose: NodePurpose = { kind: "peer" }): Hello {
    const { self, cluster, software } = this.#options;
    return makeHello(cluster, { role: "node", ...self, genesis: this.#genesis, purpose }, meant, software);
  }

  #scheduleSweep(): void {
    const { clock } = this.#options;
    this.#sweep = clock.at(clock.nowMs() + this.#limits.sweepMs, () => {
      this.#watch.sweep(clock.nowMs());
      this.#scheduleSweep();
    });
  }

  #ended(link: Link): void {
    this.#watch.remove(link);
    this.#pending.delete(link);
    if (this.#watch.size === 0) this.#onAllClosed?.();
  }
}

/** A connection that is to come about: with whom it was meant to be, null when accepted, and what then. */
interface Acquaintance {
  readonly meant: { readonly id: NodeId; readonly purpose: NodePurpose } | null;
  readonly onHello: GreetingOptions["onHello"];
  readonly onFailed: GreetingOptions["onFailed"];
}

/** Nothing is delivered of a connection that is not to stay. */
const spareHandler: LinkHandler = { onTrusted() {}, onFrame() {}, onBadFrame() {}, onClose() {} };
