// What does a node do with clients' requests while an election is under way in which it stands or has voted? It keeps them for
// that moment: who sent them would otherwise be told that nobody leads, and come back later than need be. Whoever wins, they go
// to the core then, which takes them or names the winner.
import { mayCampaign } from "../core/election.ts";
import type { Millis } from "../core/log-position.ts";
import type { State } from "../core/state.ts";
import { notAnswered, type Waiter } from "./waiting-clients.ts";

/**
 * Whether it will soon be known who leads: this node stands with good hope, or has voted and waits for word of the winner.
 * Not for longer than an election timeout: then it asks for pre-votes, and it is open again who will lead, and when.
 */
export function isElecting(state: State): boolean {
  const { self, role, crashedLeader, votedFor } = state;
  // Who may not stand would not ask for pre-votes either, and keep them for ever.
  if (role.kind === "leader" || !mayCampaign(state)) return false;
  if (role.kind === "candidate" || (crashedLeader !== null && crashedLeader.attemptsLeft > 0)) return true;
  if (role.kind === "preCandidate") return role.transfer;
  // Its own vote in a term that it follows in is that of an election it has lost, or of a leader that it was.
  return role.leader === null && votedFor !== null && votedFor !== self;
}

export class ParkedRequests {
  #waiters: Waiter[] = [];

  get count(): number {
    return this.#waiters.length;
  }

  add(waiter: Waiter): void {
    this.#waiters.push(waiter);
  }

  /** In the order in which they came. */
  release(): readonly Waiter[] {
    const waiters = this.#waiters;
    this.#waiters = [];
    return waiters;
  }

  /** Those whose time is up have not been handed to anyone. */
  expire(nowMs: Millis): void {
    for (const waiter of this.release()) {
      if (waiter.dueMs > nowMs) {
        this.add(waiter);
        continue;
      }
      waiter.open.close();
      waiter.fail(notAnswered("no leader was elected in time"));
    }
  }
}
