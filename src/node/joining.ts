// How does a node find a cluster that it does not belong to yet? It asks at the addresses of its configuration file who is
// there, and whoever of them is a member tells it who the others are. Whom it then keeps connections with is peers.ts; that it
// becomes a member is an administrator's decision.
import type { MemberKey, NodeId } from "../core/configuration.ts";
import type { Clock, Timer } from "../ports/clock.ts";
import type { Logger } from "../ports/logger.ts";
import type { MemberList } from "../ports/node-messages.ts";
import type { Transport } from "../ports/transport.ts";
import { MemberLists } from "./member-lists.ts";
import type { Peer } from "./peers.ts";

const answerMs = 5_000;
const pauseMinMs = 200;
const pauseMaxMs = 5_000;

export interface JoiningOptions {
  readonly self: NodeId;
  /** `host:port` of members; empty for a node that does not join. */
  readonly addresses: readonly string[];
  readonly transport: Pick<Transport, "discover">;
  readonly clock: Clock;
  readonly logger: Logger;
  /** Somebody new has been heard of. */
  readonly changed: () => void;
}

export class Joining {
  readonly #options: JoiningOptions;
  readonly #contacts = new Map<string, Peer>();
  readonly #reasons = new Map<string, string>();
  readonly #lists = new MemberLists();
  #pauseMs = pauseMinMs;
  #timer: Timer | null = null;
  #isStopped = false;

  constructor(options: JoiningOptions) {
    this.#options = options;
  }

  get list(): MemberList | null {
    return this.#lists.believed(this.#given);
  }

  get #given(): readonly NodeId[] {
    return this.contacts.map(({ id }) => id);
  }

  get contacts(): readonly Peer[] {
    return [...this.#contacts.values()];
  }

  /** The addresses at which nobody has been found, each with the reason. */
  get missing(): readonly string[] {
    return this.#options.addresses
      .filter((address) => !this.#contacts.has(address))
      .map((address) => `${address}: ${this.#reasons.get(address) ?? "no answer yet"}`);
  }

  start(): void {
    void this.#look();
  }

  stop(): void {
    this.#isStopped = true;
    this.#timer?.cancel();
  }

  /** A member says who the members are. */
  onMemberList(from: MemberKey, list: MemberList): void {
    this.#lists.add(from, list);
    this.#options.changed();
  }

  /** At all addresses where nobody was found, until one of them has told who the members are. */
  async #look(): Promise<void> {
    const { addresses } = this.#options;
    const open = addresses.filter((address) => !this.#contacts.has(address));
    if (this.#lists.hasOneOf(this.#given) || open.length === 0) return;
    await Promise.all(open.map((address) => this.#ask(address)));
    if (this.#isStopped) return;
    const { clock } = this.#options;
    this.#timer = clock.at(clock.nowMs() + this.#pauseMs, () => void this.#look());
    this.#pauseMs = Math.min(2 * this.#pauseMs, pauseMaxMs);
  }

  async #ask(address: string): Promise<void> {
    const { transport, self, logger, changed } = this.#options;
    const found = await transport.discover(address, answerMs);
    if (this.#isStopped) return;
    if (found.kind === "there") {
      this.#contacts.set(address, { id: found.identity.id, address });
      if (found.identity.id !== self) changed();
    } else if (this.#reasons.get(address) !== found.reason) {
      this.#reasons.set(address, found.reason);
      logger.log("warn", "nobody to join found there", { address, reason: found.reason });
    }
  }
}
