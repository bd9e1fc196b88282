// Where are the members whose addresses have changed? A node knows the addresses of the others from its log. When they all change at
// once no new address gets into the log. So a node that cannot reach a member looks at the other addresses of its configuration
// file, and dials the member where that very incarnation answers. The log keeps the old address until `cluster add` changes it.
import { type Member, type MemberKey, type NodeId, nodeIdOf, toMemberKey } from "../core/configuration.ts";
import type { Clock, Timer } from "../ports/clock.ts";
import type { Logger } from "../ports/logger.ts";
import type { Transport } from "../ports/transport.ts";

const answerMs = 5_000;
/** Between two looks, ms. */
const pauseMs = 1_000;

export interface MovedMembersOptions {
  /** `host:port` of `bootstrap` or `join` in the configuration file. */
  readonly addresses: readonly string[];
  readonly self: () => MemberKey;
  /** Where others reach this node now. */
  readonly ownAddress: string;
  /** The members as the log has them. */
  readonly members: () => readonly Member[];
  /** The command with which an administrator moves the member. */
  readonly howToMove: (key: MemberKey, address: string) => string;
  readonly transport: Pick<Transport, "discover" | "peers">;
  readonly clock: Clock;
  readonly logger: Logger;
  /** A member has been found at another address, or is there no longer. */
  readonly changed: () => void;
}

export class MovedMembers {
  readonly #options: MovedMembersOptions;
  /** Where each was found, and the address that the log had then. */
  readonly #found = new Map<MemberKey, { readonly address: string; readonly before: string }>();
  #timer: Timer | null = null;
  #isStopped = false;

  constructor(options: MovedMembersOptions) {
    this.#options = options;
  }

  /** Where the member is to be dialled. */
  readonly addressOf = ({ key, address }: Member): string => {
    const found = this.#found.get(key);
    // The log may have learned of another move since.
    return found?.before === address ? found.address : address;
  };

  start(): void {
    if (this.#options.addresses.length > 0) void this.#look();
  }

  stop(): void {
    this.#isStopped = true;
    this.#timer?.cancel();
  }

  async #look(): Promise<void> {
    const { clock } = this.#options;
    const missing = this.#missing();
    if (missing.length > 0) await Promise.all(this.#placesOf(missing).map((address) => this.#ask(address, missing)));
    if (this.#isStopped) return;
    this.#timer = clock.at(clock.nowMs() + pauseMs, () => void this.#look());
  }

  async #ask(address: string, missing: readonly Member[]): Promise<void> {
    const { transport, logger, changed, howToMove } = this.#options;
    const found = await transport.discover(address, answerMs);
    if (this.#isStopped || found.kind !== "there") return;
    const key = toMemberKey(found.identity.id, found.identity.incarnation);
    const member = missing.find((each) => each.key === key);
    if (member === undefined || this.addressOf(member) === address) return;
    this.#found.set(key, { address, before: member.address });
    changed();
    if (address === member.address) {
      logger.log("info", "a member is back at its address", { peer: nodeIdOf(key), address }, `back ${nodeIdOf(key)}`);
      return;
    }
    const fields = {
      peer: nodeIdOf(key),
      address,
      before: member.address,
      next: howToMove(key, address),
    };
    const message = "a member has moved; it is reached at an address of the configuration file";
    logger.log("warn", message, fields, `moved ${nodeIdOf(key)}`);
  }

  /** The members that are not connected. */
  #missing(): readonly Member[] {
    const { members, transport, self } = this.#options;
    const isReached = new Set<NodeId>(transport.peers().flatMap(({ id, reachable }) => (reachable ? [id] : [])));
    return members().filter(({ key }) => key !== self() && !isReached.has(nodeIdOf(key)));
  }

  /**
   * Where the missing members may be that are dialled elsewhere: at the addresses of the file at which the log expects no member, and
   * at their addresses in the log.
   */
  #placesOf(missing: readonly Member[]): readonly string[] {
    const { addresses, ownAddress, members } = this.#options;
    const listed = new Set(members().map(({ address }) => address));
    const unlisted = addresses.filter((address) => !listed.has(address));
    const left = missing.flatMap((member) => (this.addressOf(member) === member.address ? [] : [member.address]));
    return [...unlisted, ...left].filter((address) => address !== ownAddress);
  }
}
