// What does an operator read of connections? Refusals sparingly, since anyone on the network can provoke them; two processes
// under one identity loudly; what is in order, and happens whenever two nodes dial each other, only when looking for it.
import type { MemberKey } from "../../core/configuration.ts";
import type { Clock } from "../../ports/clock.ts";
import type { Logger } from "../../ports/logger.ts";
import type { Refused } from "../cbor/frames.ts";
import type { GreetingFailure } from "./greeting.ts";
import { describeIdentity, type Identity, nameOf } from "./identity.ts";
import type { Link } from "./link.ts";
import { SparingLog } from "./sparing-log.ts";

export class TransportLog {
  readonly #logger: Logger;
  readonly #sparing: SparingLog;

  constructor(logger: Logger, clock: Clock) {
    this.#logger = logger;
    this.#sparing = new SparingLog(logger, clock);
  }

  /** A connection that this node accepted has come to nothing. */
  greetingFailed(link: Link, failure: GreetingFailure): void {
    const fields = {
      from: link.remoteAddress,
      identity: failure.identity === null ? null : describeIdentity(failure.identity),
      code: failure.code,
      reason:
        failure.code !== null && !failure.isOurRefusal ? `the other side said: ${failure.reason}` : failure.reason,
    };
    // Two nodes that dial each other at once are in order, and one of the two connections is spare.
    const isSpare = failure.code === "busy" && failure.isOurRefusal && failure.identity?.role === "node";
    if (isSpare) this.#logger.log("debug", "spare connection refused", fields);
    else this.#sparing.warn("connection refused", fields);
  }

  /** What a peer sent contradicts what this node knows. */
  peerLied(peer: MemberKey, reason: string): void {
    this.#sparing.warn("a peer has sent what no honest node sends; its connection is closed", { peer, reason });
  }

  /** A client that was let in broke the protocol. */
  clientRefused(link: Link, name: string, { code, message }: Refused): void {
    this.#sparing.warn("connection refused", {
      from: link.remoteAddress,
      identity: `client ${name}`,
      code,
      reason: message,
    });
  }

  clientLost(link: Link, name: string, reason: string): void {
    this.#sparing.warn("client left with answers unsent", {
      from: link.remoteAddress,
      identity: `client ${name}`,
      bytes: link.queuedBytes,
      reason,
    });
  }

  twoProcesses(identity: Identity, refusal: Refused): void {
    this.#logger.log("error", "two processes run as one node", { peer: nameOf(identity), reason: refusal.message });
  }

  /** By a dial of this node's own: from now on it is evidence when nobody listens there. */
  reached(peer: string, address: string): void {
    this.#logger.log("debug", "peer reached", { peer, address });
  }

  unreachable(peer: string, address: string, reason: string): void {
    this.#logger.log("warn", "peer cannot be reached", { peer, address, reason });
  }
}
