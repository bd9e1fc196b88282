// What nodes tell each other beside Raft: whether a newcomer can be reached, and who belongs to the cluster. The core knows
// nothing of it. The wire form is docs/protocol.md.
import type { Incarnation, Member, NodeId } from "../core/configuration.ts";
import type { LogIndex } from "../core/log-position.ts";

/** Whether a node can be reached from here. */
export type Reach =
  | {
      readonly kind: "reached";
      readonly incarnation: Incarnation;
      /** `dialled`: at that address, from here. `accepted`: it has dialled this node, and cannot be dialled there. */
      readonly by: "dialled" | "accepted";
    }
  | { readonly kind: "unreachable"; readonly reason: string };

/** A leader asks a voter: can you reach this node, which is to become a member? */
export interface ReachRequest {
  readonly kind: "reachRequest";
  /** Chosen by the asking node; the answer repeats it. */
  readonly id: number;
  readonly node: NodeId;
  readonly address: string;
  /** How long the voter may try. */
  readonly timeoutMs: number;
}

export interface ReachReply {
  readonly kind: "reachReply";
  readonly id: number;
  readonly reach: Reach;
}

/** A member tells one that is none who the members are, so that it can dial them all. */
export interface MemberList {
  readonly kind: "memberList";
  /** Where the configuration stands that says so: the highest counts. */
  readonly index: LogIndex;
  readonly members: readonly Member[];
}

export type NodeMessage = ReachRequest | ReachReply | MemberList;

export const isNodeMessage = (message: { readonly kind: string }): message is NodeMessage =>
  message.kind === "reachRequest" || message.kind === "reachReply" || message.kind === "memberList";
