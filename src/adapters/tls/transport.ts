// How does a node speak to its peers and clients over TLS? The Transport port: it listens, dials the peers, and hands each
// connection that has introduced itself to the peer table or the client desk. What a link is, link.ts; what is asked of
// a certificate and a hello, identity.ts and hello.ts.
import type { MemberKey, NodeId } from "../../core/configuration.ts";
import type { Affiliation } from "../../core/genesis.ts";
import type { Message } from "../../core/messages.ts";
import { GraftError } from "../../errors.ts";
import type { Clock, Timer } from "../../ports/clock.ts";
import type { Logger } from "../../ports/logger.ts";
import type { NodeMessage, Reach } from "../../ports/node-messages.ts";
import type { BulkLink, Discovery, PeerStatus, Transport, TransportHandler } from "../../ports/transport.ts";
import { encodeFrame } from "../cbor/codec.ts";
import type { Hello, Refused } from "../cbor/frames.ts";
import { type BulkDial, BulkDesk } from "./bulk-desk.ts";
import { ClientDesk } from "./client-desk.ts";
import { CrashWatch } from "./crash-watch.ts";
import { FlushTurn } from "./flush-turn.ts";
import { Greeter, identityOfSender, type SelfIdentity, spareHandler } from "./greeter.ts";
import { affiliationIn, type NodeSender, refused, toldIn } from "./hello.ts";
import type { Identity } from "./identity.ts";
import { defaultLimits, type TransportLimits } from "./limits.ts";
import type { Link } from "./link.ts";
import { LinkWatch } from "./link-watch.ts";
import { PeerDialler } from "./peer-dialler.ts";
import { PeerTable } from "./peer-table.ts";
import { makeSure, reach, type Sight } from "./reach.ts";
import { listenTls } from "./secure-socket.ts";
import type { TlsMaterial } from "./tls-words.ts";
import { TransportLog } from "./transport-log.ts";
import { UnknownLinks } from "./unknown-links.ts";

export interface TlsTransportOptions {
  readonly self: SelfIdentity;
  /** `[cluster] id`. */
  readonly cluster: string;
  /** `host:port`; port 0 takes a free one. */
  readonly listen: string;
  readonly tls: TlsMaterial;
  /** Client names that may do what only administrators may. */
  readonly admins: readonly string[];
  /** Graft's version, for people. */
  readonly software: string;
  /** The state machine's name: nodes with another one are refused. */
  readonly machine: string;
  /** How many files and sockets this process may have open, for the log; null: not known. */
  readonly openFilesMax: number | null;
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
  readonly #log: TransportLog;
  readonly #greeter: Greeter;
  readonly #diallers = new Map<NodeId, PeerDialler>();
  /** What the last hello of each node said of it. */
  readonly #told = new Map<NodeId, ReturnType<typeof toldIn>>();
  /** Accepted and not yet introduced. */
  readonly #unknown: UnknownLinks;
  readonly #crashes: CrashWatch;
  readonly #table: PeerTable;
  readonly #clientDesk: ClientDesk;
  readonly #bulkDesk: BulkDesk;
  /** From `start` to `stop`. */
  #handler: TransportHandler | null = null;
  #listener: Bun.TCPSocketListener<Link> | null = null;
  #affiliation: Affiliation = "joining";
  #sweep: Timer | null = null;
  #isStopping = false;
  #onAllClosed: (() => void) | null = null;

  constructor(options: TlsTransportOptions) {
    this.#options = options;
    this.#limits = { ...defaultLimits, ...options.limits };
    this.#flushTurn = new FlushTurn((callback) => options.clock.soon(callback));
    this.#watch = new LinkWatch(this.#limits);
    this.#unknown = new UnknownLinks(this.#limits.pendingMax);
    this.#log = new TransportLog(options.logger, options.openFilesMax);
    this.#greeter = new Greeter({
      ...options,
      queueBytesMax: this.#limits.peerQueueBytesMax,
      flushTurn: this.#flushTurn,
      affiliation: () => this.#affiliation,
      onBegun: (link) => this.#watch.add(link),
      onEnded: (link) => this.#ended(link),
      onUnable: (reason) => this.#log.unable(reason),
    });
    const handler = this.#whileRunning();
    this.#crashes = new CrashWatch({
      onCrashed: (peer) => handler.onPeerCrashed(peer),
      onDialled: (id, address) => this.#log.reached(id, address),
    });
    this.#clientDesk = this.#makeClientDesk(handler);
    this.#bulkDesk = this.#makeBulkDesk(handler);
    this.#table = this.#makeTable(handler);
  }

  get port(): number {
    return this.#listener?.port ?? 0;
  }

  async start(handler: TransportHandler): Promise<void> {
    this.#handler = handler;
    this.#listener = listenTls(this.#options.listen, this.#options.tls, () => this.#accept());
    this.#scheduleSweep();
    for (const dialler of this.#diallers.values()) dialler.dial();
  }

  send(to: MemberKey, message: Message | NodeMessage): void {
    this.#table.send(to, message);
  }

  dismiss(peer: MemberKey, reason: string): void {
    if (this.#table.dismiss(peer, reason)) this.#log.peerLied(peer, reason);
  }

  openBulk(to: MemberKey): Promise<BulkLink> {
    if (this.#handler === null) {
      return Promise.reject(new GraftError("unavailable", `${this.#options.self.id} does not run`));
    }
    return this.#bulkDesk.open(to);
  }

  flush(): void {
    this.#flushTurn.flush();
  }

  setAffiliation(affiliation: Affiliation): void {
    this.#affiliation = affiliation;
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
    for (const id of wanted.keys()) this.#makeSure(id);
  }

  peers(): readonly PeerStatus[] {
    return [...this.#diallers].map(([id, dialler]) => {
      const reachable = this.#table.has(id);
      const reason = reachable ? null : (dialler.reason ?? "not connected yet");
      const told = this.#told.get(id) ?? { version: null, announced: null };
      return { id, address: dialler.address, reachable, reason, ...told };
    });
  }

  async reach(id: NodeId, address: string, timeoutMs: number): Promise<Reach> {
    const { incarnation, id: self } = this.#options.self;
    return id === self ? { kind: "reached", incarnation, by: "dialled" } : reach(id, address, timeoutMs, this.#sight);
  }

  discover(address: string, timeoutMs: number): Promise<Discovery> {
    return this.#greeter.probe(null, address, timeoutMs);
  }

  async stop(graceMs: number): Promise<void> {
    if (this.#isStopping) return;
    this.#isStopping = true;
    this.#handler = null;
    this.#listener?.stop();
    for (const dialler of this.#diallers.values()) dialler.stop();
    this.#bulkDesk.stop();
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

  /** Hands on to the node's handler; before `start` and after `stop` nobody listens. */
  #whileRunning(): TransportHandler {
    return {
      onPeerConnected: (peer, affiliation) => this.#handler?.onPeerConnected(peer, affiliation),
      onPeerDisconnected: (peer, reason) => this.#handler?.onPeerDisconnected(peer, reason),
      onPeerCrashed: (peer) => this.#handler?.onPeerCrashed(peer),
      onMessage: (from, message) => this.#handler?.onMessage(from, message),
      onPartReceived: (from) => this.#handler?.onPartReceived(from),
      onBulk: (from, link) =>
        this.#handler === null ? link.close("this node is stopping") : this.#handler.onBulk(from, link),
      onRequest: (request, client) => this.#handler?.onRequest(request, client),
    };
  }

  #makeClientDesk(handler: TransportHandler): ClientDesk {
    return new ClientDesk({
      admins: new Set(this.#options.admins),
      limits: this.#limits,
      handler,
      clock: this.#options.clock,
      onRefused: (link, name, refusal) => this.#log.clientRefused(link, name, refusal),
      onLost: (link, name, reason) => this.#log.clientLost(link, name, reason),
    });
  }

  #makeTable(handler: TransportHandler): PeerTable {
    const { self, clock } = this.#options;
    return new PeerTable({
      selfId: self.id,
      handshakeTimeoutMs: this.#limits.handshakeTimeoutMs,
      queueBytesMax: this.#limits.peerQueueBytesMax,
      partNoticeMs: this.#limits.partNoticeMs,
      nowMs: () => clock.nowMs(),
      handler,
      onDialBack: (peer, nonce) => this.#bulkDesk.dialBack(peer, nonce),
      onReplaced: (old, by) => {
        if (old.side === "dialled" && by.side === "accepted") this.#leaveToOtherSide(old);
        else old.finish("replaced by a newer connection", null);
      },
      onLost: (id, reason, livedMs) => this.#diallers.get(id)?.lost(reason, livedMs),
    });
  }

  #accept(): Link {
    const link = this.#greeter.accept(
      (accepted, hello, identity) => this.#introduced(accepted, hello, identity),
      (failed, failure) => this.#log.greetingFailed(failed, failure),
    );
    this.#unknown.add(link);
    return link;
  }

  #makeDialler(id: NodeId, address: string): PeerDialler {
    const { clock } = this.#options;
    const dialler = new PeerDialler(address, {
      clock,
      limits: this.#limits,
      isConnected: () => this.#table.has(id),
      attempt: (to) =>
        this.#greeter.dial({
          id,
          address: to,
          purpose: { kind: "peer" },
          onHello: (link, sender, hello) => this.#meetDialled(link, sender, hello, to),
          onFailed: (failure) => {
            if (failure.kind === "vacant" && !this.#table.has(id)) this.#crashes.foundVacant(id, to);
            dialler.failed(failure);
          },
        }),
      onReason: (failure, dialled) => this.#log.unreachable(id, dialled, failure),
    });
    return dialler;
  }

  get #sight(): Sight {
    return { table: this.#table, crashes: this.#crashes, greeter: this.#greeter };
  }

  #makeSure(id: NodeId): void {
    const address = this.#diallers.get(id)?.address;
    if (address !== undefined) void makeSure(id, address, this.#limits.handshakeTimeoutMs, this.#sight);
  }

  #makeBulkDesk(handler: TransportHandler): BulkDesk {
    return new BulkDesk({
      selfId: this.#options.self.id,
      limits: this.#limits,
      clock: this.#options.clock,
      handler,
      dial: (request) => this.#dialForBulk(request),
      isConnected: (peer) => this.#table.isConnected(peer),
      hasDialled: (id) => this.#crashes.hasDialled(id, this.#diallers.get(id)?.address ?? ""),
      askBack: (peer, nonce) => this.#table.send(peer, { kind: "dialBack", nonce }),
      onOpened: (link) => this.#watch.setPhase(link, "bulk"),
    });
  }

  #dialForBulk({ id, purpose, onHello, onFailed }: BulkDial): Link | null {
    const address = this.#diallers.get(id)?.address;
    if (address !== undefined) {
      return this.#greeter.dial({ id, address, purpose, onHello, onFailed: ({ reason }) => onFailed(reason) });
    }
    onFailed("its address is not known");
    return null;
  }

  /** Someone has connected and introduced itself. */
  #introduced(link: Link, hello: Hello, identity: Identity): Refused | null {
    const refusal = this.#meet(link, hello);
    if (refusal === null) this.#unknown.remove(link);
    else if (refusal.code === "duplicate-node") this.#log.twoProcesses(identity, refusal);
    return refusal;
  }

  #meet(link: Link, hello: Hello): Refused | null {
    const { sender } = hello;
    if (this.#isStopping) return refused("stopping", `${this.#options.self.id} is stopping`);
    if (sender.role === "client") return this.#meetClient(link, sender.name);
    switch (sender.purpose.kind) {
      case "peer":
        return this.#meetPeer(link, hello, sender);
      case "probe":
        return this.#answerProbe(link, sender);
      case "bulk":
        return this.#bulkDesk.accept(link, sender, () =>
          this.#greeter.answer(link, sender.id, { kind: "bulk", nonce: null }),
        );
    }
  }

  #answerProbe(link: Link, sender: NodeSender): null {
    this.#greeter.answer(link, sender.id, { kind: "probe" });
    link.handler = spareHandler;
    link.finish("it was a probe", null);
    return null;
  }

  #meetPeer(link: Link, hello: Hello, sender: NodeSender): Refused | null {
    const objection = this.#table.objection(sender, "accepted");
    if (objection !== null) return objection.refused;
    this.#greeter.answer(link, sender.id, { kind: "peer" });
    this.#attach(link, sender, hello);
    this.#makeSure(sender.id);
    return null;
  }

  #meetDialled(link: Link, sender: NodeSender, hello: Hello, address: string): Refused | null {
    if (this.#isStopping) return refused("stopping", `${this.#options.self.id} is stopping`);
    const objection = this.#table.objection(sender, "dialled");
    if (objection !== null && objection.kind !== "surplus") return objection.refused;
    this.#diallers.get(sender.id)?.succeeded();
    if (objection === null) this.#attach(link, sender, hello);
    else this.#leaveToOtherSide(link);
    this.#crashes.dialled(identityOfSender(sender), address);
    return null;
  }

  #attach(link: Link, sender: NodeSender, hello: Hello): void {
    this.#watch.setPhase(link, "peer");
    this.#told.set(sender.id, toldIn(sender, hello));
    this.#crashes.connected(identityOfSender(sender));
    this.#diallers.get(sender.id)?.connected();
    this.#table.attach(link, sender, affiliationIn(sender, hello), hello.features);
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
    const objection = this.#clientDesk.objection(name);
    if (objection !== null) return objection;
    this.#greeter.answer(link, name, { kind: "peer" });
    this.#watch.setPhase(link, "client");
    this.#clientDesk.attach(link, name);
    return null;
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
    this.#unknown.remove(link);
    if (this.#watch.size === 0) this.#onAllClosed?.();
  }
}
