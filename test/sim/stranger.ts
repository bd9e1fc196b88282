// What does a node do to the cluster that was never added, has a certificate, and lies? It claims to lead the next term, sends entries
// that no leader made, and asks for votes with the longest log of all. It hears nothing: no member sends it anything that matters.
import { type MemberKey, toMemberKey } from "../../src/core/configuration.ts";
import type { Entry } from "../../src/core/entry.ts";
import type { Message } from "../../src/core/messages.ts";
import type { State } from "../../src/core/state.ts";
import { Chance } from "../../src/sim/chance.ts";
import type { Cluster } from "./cluster.ts";
import type { SimNode } from "./sim-node.ts";

export const stranger: MemberKey = toMemberKey("stranger", "disk1");

/** How long a node waits at the least without a quorum before it hears a stranger, in election timeouts: core/vouching.ts. */
const deafFor = 60;

export class Stranger {
  readonly #cluster: Cluster;
  /** Of its own, so that the rest of the run is the same with it and without. */
  readonly #chance: Chance;

  constructor(cluster: Cluster, seed: number) {
    this.#cluster = cluster;
    this.#chance = new Chance(seed ^ 0x5eed);
  }

  /** Tells one lie after the other, until the end. */
  lieOn(): void {
    const { world, nodes } = this.#cluster;
    const waitMs = this.#chance.wait(world.profile.settings.electionTimeoutMs / 2);
    world.schedule.after(waitMs, () => {
      for (const node of nodes) if (this.#chance.happens(0.7)) this.#lieTo(node);
      this.lieOn();
    });
  }

  #lieTo(node: SimNode): void {
    const { state } = node;
    // A node that has never taken part follows whichever node brings it the log, and one that is alone for very long as well.
    if (state === null || (!state.wasMember && state.refill === null) || isAlone(state)) return;
    this.#cluster.world.coverage.lies++;
    node.deliver({ kind: "message", from: stranger, message: this.#lie(node, state) });
  }

  #lie(node: SimNode, { currentTerm, log, commitIndex, refill: refilling }: State): Message {
    const term = currentTerm + 1;
    const last = { index: log.last.index + 100, term: currentTerm };
    const entry: Entry = { kind: "noop", index: log.last.index + 1, term, stampMs: log.lastStampMs };
    const refill = refilling === null ? null : { id: refilling.id, through: log.last.index + 1 };
    const told = { freshAsOf: null, prevChain: node.chainAt(log.last.index), confirmed: 0, refill };
    const claim = { kind: "appendEntries", term, prev: log.last, leaderCommit: commitIndex, ...told } as const;
    return this.#chance.pick<Message>([
      { ...claim, entries: [entry], round: 1 },
      { ...claim, entries: [], round: 2 },
      { ...claim, term: currentTerm, entries: [], round: 2 },
      { kind: "requestPreVote", term, last, transfer: true },
      { kind: "requestVote", term, last, transfer: true },
      { kind: "requestVoteReply", term: currentTerm, granted: true },
      { kind: "requestMembersReply", index: 2 ** 50, members: [stranger] },
    ]);
  }
}

const isAlone = ({ vouching, nowMs, settings }: State): boolean =>
  vouching !== null && nowMs - vouching.aloneSinceMs >= (deafFor / 2) * settings.electionTimeoutMs;
