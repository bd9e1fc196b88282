// Which members can this node dial? A connection that stands does not tell: the peer may have dialled it, or a firewall may
// have changed since. Clients dial the same addresses, so each member's address is tried now and then (P71).
import { type MemberKey, nodeIdOf, type NodeId } from "../core/configuration.ts";
import { latestConfiguration } from "../core/log-terms.ts";
import type { State } from "../core/state.ts";
import type { Clock, Timer } from "../ports/clock.ts";
import type { Transport } from "../ports/transport.ts";

/** From one attempt at a member to the next, ms. */
const pauseMs = 10_000;
/** The first attempt, and the one after an attempt that failed, come sooner, ms. */
const retryMs = 1_000;
/** How long one attempt may take, ms. */
const attemptMs = 2_000;
/** So many failures in a row make a member one that cannot be dialled. */
const failuresMin = 2;

export interface DiallingOptions {
  readonly transport: Pick<Transport, "discover" | "peers">;
  readonly clock: Clock;
  readonly state: () => State;
}

interface Attempts {
  dueMs: number;
  failures: number;
  isUnderWay: boolean;
}

export class Dialling {
  readonly #options: DiallingOptions;
  /** By member and address: another address is tried anew. */
  readonly #attempts = new Map<string, Attempts>();
  #timer: Timer | null = null;
  #isStopped = false;

  constructor(options: DiallingOptions) {
    this.#options = options;
  }

  start(): void {
    this.#tryThoseDue();
  }

  stop(): void {
    this.#isStopped = true;
    this.#timer?.cancel();
  }

  /**
   * Nodes that are connected and have been dialled in vain, each once. While a wiped node replaces its old incarnation the members hold
   * both, maybe at two addresses, of which the old one may be dead.
   */
  get undialled(): readonly NodeId[] {
    const connected = this.#connected();
    const hasFailed = (attempts: string): boolean => (this.#attempts.get(attempts)?.failures ?? 0) >= failuresMin;
    const dialled = new Set(connected.filter(({ attempts }) => !hasFailed(attempts)).map(({ id }) => id));
    return [...new Set(connected.map(({ id }) => id))].filter((id) => !dialled.has(id));
  }

  #tryThoseDue(): void {
    const { clock } = this.#options;
    const connected = this.#connected();
    for (const known of this.#attempts.keys()) {
      if (!connected.some(({ attempts }) => attempts === known)) this.#attempts.delete(known);
    }
    const nowMs = clock.nowMs();
    for (const { attempts, ...target } of connected) {
      const each = this.#attempts.get(attempts) ?? { dueMs: nowMs + retryMs, failures: 0, isUnderWay: false };
      this.#attempts.set(attempts, each);
      if (!each.isUnderWay && nowMs >= each.dueMs) void this.#try(target, each);
    }
    this.#timer = clock.at(nowMs + retryMs, () => this.#tryThoseDue());
  }

  /** Never rejects. */
  async #try({ id, address }: { readonly id: NodeId; readonly address: string }, attempts: Attempts): Promise<void> {
    const { clock, transport } = this.#options;
    attempts.isUnderWay = true;
    const found = await transport.discover(address, attemptMs);
    if (this.#isStopped) return;
    const isThere = found.kind === "there" && found.identity.id === id;
    attempts.isUnderWay = false;
    if (found.kind !== "unable") attempts.failures = isThere ? 0 : attempts.failures + 1;
    attempts.dueMs = clock.nowMs() + (isThere || attempts.failures >= failuresMin ? pauseMs : retryMs);
  }

  #connected(): readonly { readonly id: NodeId; readonly address: string; readonly attempts: string }[] {
    const { state, transport } = this.#options;
    const reachable = new Set(
      transport
        .peers()
        .filter((peer) => peer.reachable)
        .map(({ id }) => id),
    );
    const members = latestConfiguration(state().log)?.members ?? [];
    return members
      .map(({ key, address }: { key: MemberKey; address: string }) => ({
        id: nodeIdOf(key),
        address,
        attempts: `${key} ${address}`,
      }))
      .filter(({ id }) => id !== nodeIdOf(state().self) && reachable.has(id));
  }
}
