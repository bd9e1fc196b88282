// What nodes tell each other beside Raft: whether a newcomer can be reached, who belongs to the cluster, and how well each of
// them could lead. The core never sees these messages. The wire form is docs/protocol.md.
import type { PluginVersion } from "../core/activation.ts";
import type { Incarnation, Member, NodeId } from "../core/configuration.ts";
import type { LogIndex } from "../core/log-position.ts";
import { type CopyMessage, isCopyMessage } from "./copy-messages.ts";

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

/** How well a node could lead, as far as it can tell. It says so when it connects, and whenever that changes. */
export interface Condition {
  readonly stateMachine: StateMachineCondition;
  /** `low`: its disk is nearly full, so it takes no commands. */
  readonly space: "enough" | "low";
  /** Connections that stand go on, but the node gets no new ones. */
  readonly isCertificateExpired: boolean;
  /** It has lost data and copies the log anew: it does not vote until then. */
  readonly isRefilling: boolean;
  /** The members that it is connected with and cannot dial at their addresses. */
  readonly undialled: readonly NodeId[];
  /** The versions of the state machine that it has. */
  readonly versions: readonly PluginVersion[];
  /** For people: all that ails it; null: nothing. */
  readonly problem: string | null;
}

export type StateMachineCondition =
  /** It runs. `passed`: the last entry that it has applied of those at which the state machine of a member has stopped; 0: none. */
  | { readonly kind: "runs"; readonly passed: LogIndex }
  /** It has stopped, or hangs, at an entry at or before this index; 0: it hangs at a query, which the other nodes do not have. */
  | { readonly kind: "stopped"; readonly through: LogIndex };

export interface ConditionNotice {
  readonly kind: "condition";
  readonly condition: Condition;
}

export type NodeMessage = ReachRequest | ReachReply | MemberList | ConditionNotice | CopyMessage;

const kinds: Readonly<Record<Exclude<NodeMessage, CopyMessage>["kind"], true>> = {
  reachRequest: true,
  reachReply: true,
  memberList: true,
  condition: true,
};

export const isNodeMessage = (message: { readonly kind: string }): message is NodeMessage =>
  Object.hasOwn(kinds, message.kind) || isCopyMessage(message);
