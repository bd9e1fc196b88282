// At which address does a client find the leader? The configuration names one. A node that has moved announces another one in its hello,
// and may lead before the configuration changes. Replies carry both, and clients try the configured address first.
import { nodeIdOf } from "../core/configuration.ts";
import type { ClientReply, LeaderHint } from "../ports/requests.ts";
import type { StatusSource } from "./status.ts";

type Known = Pick<StatusSource, "peers"> & {
  readonly state: Pick<StatusSource["state"], "self">;
  readonly options: Pick<StatusSource["options"], "address">;
};

/** The reply with all addresses of the leader that it names. */
export function withAnnounced(reply: ClientReply, node: Known): ClientReply {
  if (!("leader" in reply) || reply.leader === null) return reply;
  const announced = announcedBy(reply.leader, node);
  return announced === null || announced === reply.leader.address
    ? reply
    : { ...reply, leader: { ...reply.leader, announced } };
}

function announcedBy({ id }: LeaderHint, node: Known): string | null {
  if (id === nodeIdOf(node.state.self)) return node.options.address;
  return node.peers().find((peer) => peer.id === id)?.announced ?? null;
}
