// How a node speaks to its peers and to clients. Identities come from certificates, never from messages.
import type { Incarnation, MemberKey, NodeId } from "../core/configuration.ts";
import type { Affiliation } from "../core/genesis.ts";
import type { Message } from "../core/messages.ts";
import type { BulkMessage } from "./bulk-messages.ts";
import type { NodeMessage, Reach } from "./node-messages.ts";
import type { ClientReply, ClientRequest } from "./requests.ts";

export interface PeerIdentity {
  readonly id: NodeId;
  readonly incarnation: Incarnation;
  /** Drawn anew at each start of the process. */
  readonly bootId: string;
}

/** A client's connection as the node sees it. */
export interface ClientConnection {
  /** The name in the client's certificate; a node's certificate never gets here. */
  readonly name: string;
  /** Listed in `[access] admins`. */
  readonly isAdmin: boolean;
  /** False: nobody is there any more to take a reply. */
  readonly isOpen: boolean;
  /** Whether so little waits to be sent on it that more may be made ready: who does not take answers is not worked for. */
  readonly hasCredit: boolean;
  /** Calls back, once, when it has credit again after it had none. The latest callback stands. */
  whenCredit(callback: () => void): void;
  /**
   * Queues a reply; drops it when the connection is gone. Never blocks, never throws. What waits for a client is bounded, and so
   * is what waits for all: a result for which there is no room becomes an error, and who takes too little loses its connection.
   */
  reply(reply: ClientReply): void;
}

/**
 * A connection with a peer for what is large, of its own beside the ordinary one, which it never delays. The side that
 * opened it asks first. It ends by itself when nothing has travelled on it for long.
 */
export interface BulkLink {
  /** To be set in the turn in which the link was received. */
  onMessage: ((message: BulkMessage) => void) | null;
  /** Exactly once, also when the transport stops; never from inside `send` or `close`. */
  onClose: ((reason: string) => void) | null;
  readonly isOpen: boolean;
  /** Queues the message, which leaves in pieces. Beyond the queue's bound the link is closed with a reason. */
  send(message: BulkMessage): void;
  /** What waits to leave: who sends much waits until this is little. */
  readonly queuedBytes: number;
  /** What is queued still leaves. */
  close(reason: string): void;
}

/** What the transport tells the node. Callbacks never come from inside `send` or `reply`. */
export interface TransportHandler {
  /** Both hellos are checked. Comes before any message of that peer, and again for each new connection. */
  onPeerConnected(peer: PeerIdentity, affiliation: Affiliation): void;
  /** The peer is left without a connection; not called for one that a newer one of the same peer has replaced. */
  onPeerDisconnected(peer: PeerIdentity, reason: string): void;
  /**
   * The process of this peer has ended: dialling it is refused at an address where this node had reached that very process,
   * or another process of the same disk has connected. Once for each process, after its `onPeerDisconnected`, and before the
   * next one's `onPeerConnected`. Not for a connection that merely broke, nor for a host that has fallen silent.
   */
  onPeerCrashed(peer: PeerIdentity): void;
  onMessage(from: MemberKey, message: Message | NodeMessage): void;
  /** A message of this peer is taking its time: some of it has come. At most every few tens of ms, after what is complete. */
  onPartReceived(from: MemberKey): void;
  /** The peer has opened a connection for bulk. Its ordinary connection need not stand. */
  onBulk(from: PeerIdentity, link: BulkLink): void;
  /** Role and right have been checked against the table of the protocol; the request is decoded and valid. */
  onRequest(request: ClientRequest, client: ClientConnection): void;
}

export interface PeerStatus {
  readonly id: NodeId;
  readonly address: string;
  readonly reachable: boolean;
  /** Why not, in words for an operator; null when it is. */
  readonly reason: string | null;
  /** The peer's Graft version, as its last hello said. */
  readonly version: string | null;
  /** Where the peer is reached, as its last hello said. */
  readonly announced: string | null;
  /** Whether it understands an entry that skips another one, as its last hello said. Absent: it does not, or was never heard. */
  readonly knowsSkips?: boolean;
}

/** Who answers at an address. `unable`: this node could not try, for a lack of its own, and nothing is known of the other. */
export type Discovery =
  | { readonly kind: "there"; readonly identity: PeerIdentity }
  | { readonly kind: "failed" | "unable"; readonly reason: string };

/**
 * An adapter MUST:
 * - never block: `send` queues in memory and the queue is bounded; beyond, the connection is dropped with a reason
 *   (Raft tolerates a lost message, but not a stalled thread);
 * - keep the messages of one connection in order, and deliver none of a connection that has been replaced;
 * - deliver nothing of a peer or a client whose certificate or hello has not been accepted;
 * - silently drop what is sent to a peer that is not connected, or whose hello does not announce that it understands it.
 */
export interface Transport {
  /** Starts listening and dialling. Throws `GraftError("config")` when the address cannot be listened on. */
  start(handler: TransportHandler): Promise<void>;
  send(to: MemberKey, message: Message | NodeMessage): void;
  /**
   * The peer has lied: logs it with the reason and closes the connection with that incarnation, which is told the reason.
   * Nothing more of it is delivered; either side may connect again.
   */
  dismiss(peer: MemberKey, reason: string): void;
  /** Writes what has been gathered to the sockets. Called once per turn of the node's loop and before a write blocks. */
  flush(): void;
  /** The nodes to keep connections with, this one left out. Replaces the list of the call before. */
  setPeers(peers: readonly { readonly id: NodeId; readonly address: string }[]): void;
  /** From now on the hellos of this node say this. */
  setAffiliation(affiliation: Affiliation): void;
  peers(): readonly PeerStatus[];
  /**
   * Whether this node can reach that one at this address, a member or not: it has its hello from there, or gets it within
   * `timeoutMs`; or a connection stands that the other one has dialled. Never rejects, and changes no connection.
   */
  reach(id: NodeId, address: string, timeoutMs: number): Promise<Reach>;
  /** Which node of the cluster answers at this address, within `timeoutMs`. Never rejects, and changes no connection. */
  discover(address: string, timeoutMs: number): Promise<Discovery>;
  /**
   * Opens a connection for bulk with that very incarnation: dialled from here, or by the peer when it cannot be reached from
   * here. A few per peer. Rejects with `GraftError`: `unavailable` when neither comes about, `overloaded` beyond the few.
   */
  openBulk(to: MemberKey): Promise<BulkLink>;
  /**
   * Stops listening, tells everyone that this node is stopping, gives what is queued up to `graceMs` to leave, closes every
   * connection. Nothing is delivered from the call on, and clients take it that every request delivered has been answered.
   */
  stop(graceMs: number): Promise<void>;
}
