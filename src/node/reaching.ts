// Can a newcomer be reached by those who would have to? A voter that cannot be reached by its leader of tomorrow is found out
// before it counts: this node and every voter that answers try, by dialling or by a connection of the newcomer's own. What this node
// does when another one asks is reach-answers.ts.
import { type Incarnation, type MemberKey, type NodeId, nodeIdOf } from "../core/configuration.ts";
import type { Clock } from "../ports/clock.ts";
import type { Reach, ReachReply } from "../ports/node-messages.ts";
import type { Transport } from "../ports/transport.ts";
import type { Peer } from "./peers.ts";

/** How long one attempt may take, ms, and how long a newcomer is given to dial everyone itself. */
const attemptMs = 2_000;
const patienceMs = 4_000;
const pauseMs = 250;
/** What a voter's answer may take beyond its attempt, ms. */
const answerMs = 500;

/** What one node has found; null: it has not answered, and nothing is known of it. */
export interface Finding {
  readonly by: NodeId;
  readonly reach: Reach | null;
}

export type Verdict =
  | {
      readonly kind: "reachable";
      readonly incarnation: Incarnation;
      readonly unasked: readonly NodeId[];
      /** Who has tried to dial it in vain, and reaches it by its own connection alone. */
      readonly undialledBy: readonly NodeId[];
      /** Whether that is everyone who has tried. */
      readonly isHidden: boolean;
    }
  | { readonly kind: "refused"; readonly reason: string };

/** Whether everyone who was able to say something reaches the newcomer, and the same process of it. */
export function judgeFindings({ id, address }: Peer, findings: readonly Finding[]): Verdict {
  const reached = findings.flatMap(({ reach }) => (reach?.kind === "reached" ? [reach] : []));
  const failed = findings.flatMap(({ by, reach }) =>
    reach?.kind === "unreachable" ? [`${by} cannot reach ${id} at ${address}: ${reach.reason}`] : [],
  );
  const incarnations = [...new Set(reached.map(({ incarnation }) => incarnation))];
  const [incarnation] = incarnations;
  if (failed.length > 0 || incarnation === undefined) {
    const why = failed.length > 0 ? failed.join("; ") : `nobody has answered whether ${id} can be reached`;
    // Where another node reaches it, it runs, and the address is right.
    const next = incarnation === undefined ? `Start ${id}, or check its address` : "Check the network between them";
    return { kind: "refused", reason: `${why}. Nor has ${id} connections of its own to them. ${next}` };
  }
  if (incarnations.length > 1) return { kind: "refused", reason: `two processes with different data answer as ${id}` };
  return {
    kind: "reachable",
    incarnation,
    unasked: findings.filter(({ reach }) => reach === null).map(({ by }) => by),
    undialledBy: findings
      .filter(({ reach }) => reach?.kind === "reached" && reach.by === "accepted")
      .map(({ by }) => by),
    isHidden: reached.every(({ by }) => by === "accepted"),
  };
}

export interface ReachingOptions {
  readonly self: NodeId;
  readonly transport: Pick<Transport, "peers" | "reach" | "send">;
  readonly clock: Clock;
}

export class Reaching {
  readonly #options: ReachingOptions;
  readonly #asked = new Map<number, { readonly voter: MemberKey; readonly resolve: (reach: Reach) => void }>();
  #ids = 0;

  constructor(options: ReachingOptions) {
    this.#options = options;
  }

  /** Asks everyone again and again until all reach it, or its time is up. Never rejects. */
  async find(newcomer: Peer, voters: readonly MemberKey[]): Promise<Verdict> {
    const { self, clock } = this.#options;
    const dueMs = clock.nowMs() + patienceMs;
    for (;;) {
      const findings = await Promise.all([
        this.#try(newcomer).then((reach) => ({ by: self, reach })),
        ...voters.map(async (key) => ({ by: nodeIdOf(key), reach: await this.#ask(key, newcomer) })),
      ]);
      const verdict = judgeFindings(newcomer, findings);
      if (verdict.kind === "reachable" || clock.nowMs() >= dueMs) return verdict;
      await new Promise<void>((resolve) => clock.at(clock.nowMs() + pauseMs, resolve));
    }
  }

  onReply(from: MemberKey, { id, reach }: ReachReply): void {
    const asked = this.#asked.get(id);
    if (asked?.voter === from) asked.resolve(reach);
  }

  #try({ id, address }: Peer): Promise<Reach> {
    return this.#options.transport.reach(id, address, attemptMs);
  }

  /** Resolves with null when the voter does not answer. */
  async #ask(voter: MemberKey, { id: node, address }: Peer): Promise<Reach | null> {
    const { transport, clock } = this.#options;
    if (!transport.peers().some((peer) => peer.id === nodeIdOf(voter) && peer.reachable)) return null;
    const id = ++this.#ids;
    const { promise, resolve } = Promise.withResolvers<Reach | null>();
    this.#asked.set(id, { voter, resolve });
    const timer = clock.at(clock.nowMs() + attemptMs + answerMs, () => resolve(null));
    transport.send(voter, { kind: "reachRequest", id, node, address, timeoutMs: attemptMs });
    const reach = await promise;
    timer.cancel();
    this.#asked.delete(id);
    return reach;
  }
}
