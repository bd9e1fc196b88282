// What does an operator read of connections? Lines that anyone on the network can provoke have a cause, so that repetitions are only
// counted. What is in order, and happens whenever two nodes dial each other, is read only when looking for it; and so is a bare
// connection that says nothing, such as a probe of a load balancer.
import { type MemberKey, nodeIdOf } from "../../core/configuration.ts";
import type { Logger } from "../../ports/logger.ts";
import type { Refused } from "../cbor/frames.ts";
import type { DialFailure, GreetingFailure } from "./greeting.ts";
import { describeIdentity, type Identity, nameOf } from "./identity.ts";
import type { Link } from "./link.ts";
import { brokenHandshake, isHangUp, noDescriptors } from "./tls-words.ts";

export class TransportLog {
  readonly #logger: Logger;
  readonly #openFilesMax: number | null;

  constructor(logger: Logger, openFilesMax: number | null) {
    this.#logger = logger;
    this.#openFilesMax = openFilesMax;
  }

  /** A connection that this node accepted has come to nothing. */
  greetingFailed(link: Link, failure: GreetingFailure): void {
    const { code, reason, isOurRefusal, isSilent } = failure;
    const identity = failure.identity === null ? null : describeIdentity(failure.identity);
    const words = code !== null && !isOurRefusal ? `the other side said: ${reason}` : reason;
    const fields = { from: link.remoteAddress, identity, code, reason: words };
    // Two nodes that dial each other at once are in order, and one of the two connections is spare.
    const isSpare = code === "busy" && isOurRefusal && failure.identity?.role === "node";
    if (isSpare) return this.#logger.log("debug", "spare connection refused", fields, `spare ${identity}`);
    const isBare = isSilent || reason === brokenHandshake.reason;
    const bareWords = "a connection ended before it had said anything";
    if (isBare) return this.#logger.log("debug", bareWords, fields, "bare");
    this.#logger.log("warn", "connection refused", fields, `refused ${identity} ${code ?? reason}`);
  }

  /** What a peer sent contradicts what this node knows. */
  peerLied(peer: MemberKey, reason: string): void {
    const message = "a peer has sent what no honest node sends; its connection is closed";
    // The sender chooses its incarnation, and its certificate the id.
    this.#logger.log("warn", message, { peer, reason }, `lied ${nodeIdOf(peer)}`);
  }

  /** A client that was let in broke the protocol. */
  clientRefused(link: Link, name: string, { code, message }: Refused): void {
    const fields = { from: link.remoteAddress, identity: `client ${name}`, code, reason: message };
    this.#logger.log("warn", "connection refused", fields, `refused client ${name} ${code}`);
  }

  clientLost(link: Link, name: string, reason: string): void {
    const fields = { from: link.remoteAddress, identity: `client ${name}`, bytes: link.queuedBytes, reason };
    const level = isHangUp(reason) ? "debug" : "warn";
    this.#logger.log(level, "client left with answers unsent", fields, `lost client ${name}`);
  }

  twoProcesses(identity: Identity, refusal: Refused): void {
    const peer = nameOf(identity);
    this.#logger.log("error", "two processes run as one node", { peer, reason: refusal.message }, `two ${peer}`);
  }

  /** By a dial of this node's own: from now on it is evidence when nobody listens there. */
  reached(peer: string, address: string): void {
    this.#logger.log("debug", "peer reached", { peer, address });
  }

  /** This node could not even try to reach another one. Other reasons than this one concern that peer alone, and are logged with it. */
  unable(reason: string): void {
    if (reason !== noDescriptors) return;
    const next = "raise the limit of open files (LimitNOFILE=, ulimit -n) and start the node again";
    const message = `${noDescriptors}: it opens and accepts no connections`;
    this.#logger.log("error", message, { limit: this.#openFilesMax, next }, "no descriptors");
  }

  unreachable(peer: string, address: string, { reason, cause }: DialFailure): void {
    this.#logger.log("warn", "peer cannot be reached", { peer, address, reason }, `unreachable ${peer} ${cause}`);
  }
}
