// What can stand in a frame: the union of everything that crosses a socket. Its encoding is codec.ts, its description for
// other languages docs/protocol.md.
import type { Incarnation, NodeId } from "../../core/configuration.ts";
import type { Genesis } from "../../core/genesis.ts";
import type { Message } from "../../core/messages.ts";
import type { BulkMessage } from "../../ports/bulk-messages.ts";
import type { NodeMessage } from "../../ports/node-messages.ts";
import type { ClientReply, ClientRequest } from "../../ports/requests.ts";

/** The first frame in each direction of every connection: the dialling side speaks first. */
export interface Hello {
  readonly kind: "hello";
  /** Protocol versions the sender speaks, both included. */
  readonly versionMin: number;
  readonly versionMax: number;
  /** Optional abilities; unknown ones are ignored. */
  readonly features: readonly string[];
  /** `[cluster] id` of the configuration: must be the same on both sides and in both certificates. */
  readonly cluster: string;
  readonly sender: HelloSender;
  /** The node that the dialling side meant to reach; null: any. In the answer: the other side's id or name. */
  readonly meant: string | null;
  /** Graft's version, for people. */
  readonly software: string;
}

export type HelloSender =
  | {
      readonly role: "node";
      readonly id: NodeId;
      readonly incarnation: Incarnation;
      readonly bootId: string;
      /** Where others reach it, as it says itself. */
      readonly address: string;
      readonly genesis: Genesis | null;
      readonly purpose: NodePurpose;
    }
  | { readonly role: "client"; readonly name: string };

/** What a connection between two nodes is for; the answer to a hello has the same kind. */
export type NodePurpose =
  | { readonly kind: "peer" }
  /** To see who is there: closed after the answer. */
  | { readonly kind: "probe" }
  | {
      readonly kind: "bulk";
      /** The nonce of the `dialBack` that asked for this connection; null: opened for the dialling side's own use. */
      readonly nonce: string | null;
    };

/** Asks the peer to dial the sender for bulk, since the sender cannot dial it. */
export interface DialBack {
  readonly kind: "dialBack";
  /** Random, 32 hexadecimal digits: the hello of the connection repeats it. */
  readonly nonce: string;
}

/** The last frame before the sender closes the connection: why, in words that the other side can print. */
export interface Refused {
  readonly kind: "refused";
  readonly code: RefusalCode;
  readonly message: string;
}

export type RefusalCode =
  /** Certificate and hello, or the two sides, name different clusters. */
  | "wrong-cluster"
  /** The certificate has no Graft identity, or another one than the hello claims. */
  | "wrong-identity"
  /** Another node than this one was meant. */
  | "wrong-node"
  /** No protocol version in common. */
  | "wrong-version"
  /** Two nodes run state machines of different names. */
  | "wrong-state-machine"
  /** A live connection of this identity with another boot id exists: two processes run as one node. */
  | "duplicate-node"
  /** The role may not send this kind of frame. */
  | "not-allowed"
  /** The frame breaks the protocol. */
  | "bad-frame"
  /** Too slow, too many, or the node is stopping. */
  | "busy"
  | "stopping";

export type Frame = Hello | Refused | Message | NodeMessage | DialBack | BulkMessage | ClientRequest | ClientReply;
