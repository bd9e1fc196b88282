// A process that takes part in the network of a simulation, and whom it dials and accepts.
import { type MemberKey, type NodeId, toMemberKey } from "../core/configuration.ts";
import type { Affiliation } from "../core/genesis.ts";
import type { Message } from "../core/messages.ts";
import type { NodeMessage } from "../ports/node-messages.ts";
import type { PeerIdentity, TransportHandler } from "../ports/transport.ts";
import type { Life } from "./life.ts";

export interface Process {
  readonly self: PeerIdentity;
  readonly key: MemberKey;
  readonly address: string;
  readonly life: Life;
  /** When its certificate ends, ms since 1970; null: never. */
  readonly certificateEndsMs: number | null;
  handler: TransportHandler | null;
  /** Told of each message as it comes to the process. */
  readonly heard: (from: MemberKey, message: Message | NodeMessage) => void;
  affiliation: Affiliation;
  peers: readonly { readonly id: NodeId; readonly address: string }[];
}

export const dials = (from: Process, to: Process): boolean =>
  from.peers.some(({ id, address }) => id === to.self.id && address === to.address);

/** Each looks at the other's certificate by its own clock. */
export const accepts = (one: Process, other: Process): boolean => isValid(one, other.life) && isValid(other, one.life);

export const isValid = ({ certificateEndsMs }: Process, by: Life): boolean =>
  certificateEndsMs === null || by.wallMs() < certificateEndsMs;

export const processOf = (
  self: PeerIdentity,
  address: string,
  life: Life,
  certificateEndsMs: number | null,
  heard: Process["heard"],
): Process => ({
  self,
  key: toMemberKey(self.id, self.incarnation),
  address,
  life,
  certificateEndsMs,
  handler: null,
  heard,
  affiliation: "joining",
  peers: [],
});
