// Which list of members does a node believe that joins? Any node that is connected may send one. Those count that come from the nodes
// of the configuration file, and from the members that such a list names; if there are none, all do. A node's later list takes the
// place of its earlier one, so that an index at the end of its range speaks for its sender alone.
import { type MemberKey, type NodeId, nodeIdOf } from "../core/configuration.ts";
import type { MemberList } from "../ports/node-messages.ts";

/** Senders whose lists are kept. */
const sendersMax = 64;

export class MemberLists {
  /** The latest of each sender, the oldest first. */
  readonly #bySender = new Map<MemberKey, MemberList>();

  add(from: MemberKey, list: MemberList): void {
    this.#bySender.delete(from);
    this.#bySender.set(from, list);
    const [oldest] = this.#bySender.keys();
    if (this.#bySender.size > sendersMax && oldest !== undefined) this.#bySender.delete(oldest);
  }

  /** Whether one of these nodes has sent a list. */
  hasOneOf(given: readonly NodeId[]): boolean {
    return [...this.#bySender.keys()].some((key) => given.includes(nodeIdOf(key)));
  }

  /** `given`: the nodes at the addresses of the configuration file. */
  believed(given: readonly NodeId[]): MemberList | null {
    const trusted = new Set(given);
    let best = this.#latestOf((key) => trusted.has(nodeIdOf(key)));
    if (best === null) return this.#latestOf(() => true);
    for (let index = -1; best !== null && best.index > index;) {
      index = best.index;
      for (const { key } of best.members) trusted.add(nodeIdOf(key));
      best = this.#latestOf((key) => trusted.has(nodeIdOf(key)));
    }
    return best;
  }

  #latestOf(counts: (sender: MemberKey) => boolean): MemberList | null {
    const lists = [...this.#bySender].filter(([key]) => counts(key)).map(([, list]) => list);
    return lists.reduce<MemberList | null>(
      (best, list) => (best === null || list.index > best.index ? list : best),
      null,
    );
  }
}
