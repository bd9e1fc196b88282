// How do connections for bulk come about? Dialled from here; or, when the peer cannot be reached from here, dialled by the
// peer, asked over the ordinary connection, with a nonce that tells which request it answers. They stand beside the peer
// table and never in it. What a link of this kind then carries, bulk-link.ts.
import { type MemberKey, type NodeId, nodeIdOf, toMemberKey } from "../../core/configuration.ts";
import { GraftError } from "../../errors.ts";
import type { Clock, Timer } from "../../ports/clock.ts";
import type { BulkLink, PeerIdentity, TransportHandler } from "../../ports/transport.ts";
import type { NodePurpose, Refused } from "../cbor/frames.ts";
import { openBulkLink } from "./bulk-link.ts";
import { type NodeSender, refused } from "./hello.ts";
import type { TransportLimits } from "./limits.ts";
import type { Link } from "./link.ts";

/** An attempt to reach a node, which ends in one of the two. */
export interface BulkDial {
  readonly id: NodeId;
  readonly purpose: Extract<NodePurpose, { readonly kind: "bulk" }>;
  /** The other side is who it claims to be. Gives the link its handler, or answers why it is not wanted. */
  readonly onHello: (link: Link, sender: NodeSender) => Refused | null;
  readonly onFailed: (reason: string) => void;
}

export interface BulkDeskOptions {
  readonly selfId: NodeId;
  readonly limits: TransportLimits;
  readonly clock: Clock;
  readonly handler: Pick<TransportHandler, "onBulk">;
  /** Null when the attempt has failed at once. */
  readonly dial: (request: BulkDial) => Link | null;
  /** Whether the ordinary connection with it stands. */
  readonly isConnected: (peer: MemberKey) => boolean;
  /** Whether this node has reached it by dialling. */
  readonly hasDialled: (id: NodeId) => boolean;
  /** Asks it over the ordinary connection to dial this node. */
  readonly askBack: (peer: MemberKey, nonce: string) => void;
  readonly onOpened: (link: Link) => void;
}

/** A peer that was asked to dial this node. */
interface Awaited {
  readonly peer: MemberKey;
  readonly timer: Timer;
  readonly resolve: (link: BulkLink) => void;
  readonly reject: (error: GraftError) => void;
}

export class BulkDesk {
  readonly #options: BulkDeskOptions;
  /** Links, and attempts under way, by `ours n2` and `theirs n2`: who opened them, and with whom. */
  readonly #counts = new Map<string, number>();
  readonly #awaited = new Map<string, Awaited>();
  #isStopped = false;

  constructor(options: BulkDeskOptions) {
    this.#options = options;
  }

  /** See the port. */
  async open(to: MemberKey): Promise<BulkLink> {
    const id = nodeIdOf(to);
    const place = `ours ${id}`;
    if (!this.#take(place))
      throw new GraftError("overloaded", `as many connections for bulk with ${id} as there may be`);
    try {
      return await this.#reach(to, place);
    } catch (error) {
      this.#free(place);
      throw error;
    }
  }

  async #reach(to: MemberKey, place: string): Promise<BulkLink> {
    const failures: unknown[] = [];
    for (const way of [() => this.#dial(to, place), () => this.#ask(to)]) {
      try {
        return await way();
      } catch (error) {
        failures.push(error);
      }
    }
    const reasons = failures.map((error) => (error instanceof Error ? error.message : String(error)));
    throw new GraftError("unavailable", `${nodeIdOf(to)} cannot be reached: ${reasons.join("; ")}`);
  }

  #dial(to: MemberKey, place: string): Promise<BulkLink> {
    const { limits, clock, hasDialled } = this.#options;
    const { promise, resolve, reject } = Promise.withResolvers<BulkLink>();
    const id = nodeIdOf(to);
    const link = this.#options.dial({
      id,
      purpose: { kind: "bulk", nonce: null },
      onHello: (answered, sender) => {
        const objection = this.#objection(sender, to);
        if (objection === null) resolve(this.#attach(answered, place));
        return objection;
      },
      onFailed: (reason) => reject(new GraftError("unavailable", reason)),
    });
    // A peer that has never been reached by dialling may be where no answer ever comes from: there is another way.
    const patienceMs = hasDialled(id) ? limits.handshakeTimeoutMs : limits.handshakeTimeoutMs / 5;
    const timer = clock.at(clock.nowMs() + patienceMs, () =>
      link?.drop(`no answer within ${patienceMs} ms`, "unreachable"),
    );
    return promise.finally(() => timer.cancel());
  }

  /** Has the peer dial this node. */
  #ask(to: MemberKey): Promise<BulkLink> {
    const { clock, limits, isConnected, askBack } = this.#options;
    const { promise, resolve, reject } = Promise.withResolvers<BulkLink>();
    const fail = (words: string): void => reject(new GraftError("unavailable", words));
    if (this.#isStopped || !isConnected(to)) {
      fail("no connection stands over which it could be asked to dial back");
      return promise;
    }
    const nonce = Buffer.from(clock.randomBytes(16)).toString("hex");
    const waitMs = limits.handshakeTimeoutMs;
    const timer = clock.at(clock.nowMs() + waitMs, () => {
      this.#awaited.delete(nonce);
      fail(`it did not dial back within ${waitMs} ms`);
    });
    this.#awaited.set(nonce, { peer: to, timer, resolve, reject });
    askBack(to, nonce);
    return promise;
  }

  /** A peer has connected for bulk, for its own use or because it was asked to. `answer` sends the hello. */
  accept(link: Link, sender: NodeSender, answer: () => void): Refused | null {
    const { purpose, id, incarnation } = sender;
    if (id === this.#options.selfId) return refused("duplicate-node", `this is ${id} itself`);
    const nonce = purpose.kind === "bulk" ? purpose.nonce : null;
    if (nonce === null) return this.#serve(link, sender, answer);
    const awaited = this.#awaited.get(nonce);
    if (awaited === undefined || awaited.peer !== toMemberKey(id, incarnation))
      return refused("not-allowed", "nobody has asked for this connection");
    this.#awaited.delete(nonce);
    awaited.timer.cancel();
    answer();
    awaited.resolve(this.#attach(link, `ours ${id}`));
    return null;
  }

  /** The peer cannot dial this node: dials it, for the peer's use. */
  dialBack(peer: PeerIdentity, nonce: string): void {
    const place = `theirs ${peer.id}`;
    // The peer is told by its own clock.
    if (!this.#take(place)) return;
    const expected = toMemberKey(peer.id, peer.incarnation);
    this.#options.dial({
      id: peer.id,
      purpose: { kind: "bulk", nonce },
      onHello: (link, sender) => {
        const objection = this.#objection(sender, expected);
        if (objection === null) this.#options.handler.onBulk(identityOf(sender), this.#attach(link, place));
        return objection;
      },
      onFailed: () => this.#free(place),
    });
  }

  /** Whoever waits for a connection gets none any more; the links are closed with all others. */
  stop(): void {
    this.#isStopped = true;
    for (const { timer, reject } of this.#awaited.values()) {
      timer.cancel();
      reject(new GraftError("unavailable", `${this.#options.selfId} is stopping`));
    }
  }

  #serve(link: Link, sender: NodeSender, answer: () => void): Refused | null {
    const place = `theirs ${sender.id}`;
    if (!this.#take(place)) return refused("busy", `as many connections for bulk with ${sender.id} as there may be`);
    answer();
    this.#options.handler.onBulk(identityOf(sender), this.#attach(link, place));
    return null;
  }

  #objection(sender: NodeSender, expected: MemberKey): Refused | null {
    if (sender.purpose.kind !== "bulk")
      return refused("bad-frame", "the answer to a hello has another purpose than it");
    if (toMemberKey(sender.id, sender.incarnation) === expected) return null;
    return refused("wrong-node", `${sender.id} has another disk than the node that was meant`);
  }

  #attach(link: Link, place: string): BulkLink {
    this.#options.onOpened(link);
    return openBulkLink(link, this.#options.limits, () => this.#free(place));
  }

  /** False when there are as many as there may be. */
  #take(place: string): boolean {
    const count = this.#counts.get(place) ?? 0;
    if (count >= this.#options.limits.bulkLinksMax) return false;
    this.#counts.set(place, count + 1);
    return true;
  }

  #free(place: string): void {
    const count = (this.#counts.get(place) ?? 0) - 1;
    if (count > 0) this.#counts.set(place, count);
    else this.#counts.delete(place);
  }
}

const identityOf = ({ id, incarnation, bootId }: NodeSender): PeerIdentity => ({ id, incarnation, bootId });
