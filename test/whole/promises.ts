// Is anything promised that a power cut could still take back? What a node sends is compared with what its disk holds at that
// moment (§3.8), and each vote with every vote that the node has given before.
import type { MemoryDisk } from "../../src/adapters/memory/memory-disk.ts";
import type { MemberKey } from "../../src/core/configuration.ts";
import type { Message } from "../../src/core/messages.ts";
import type { NodeMessage } from "../../src/ports/node-messages.ts";

export interface Sent {
  readonly from: MemberKey;
  readonly to: MemberKey;
  readonly message: Message | NodeMessage;
}

export class Promises {
  readonly #broken: (what: string) => void;
  /** `voter term` → the candidate. */
  readonly #votes = new Map<string, MemberKey>();

  constructor(broken: (what: string) => void) {
    this.#broken = broken;
  }

  onSent({ from, to, message }: Sent, disk: MemoryDisk): void {
    switch (message.kind) {
      case "requestVote":
        return this.#onVote(from, from, message.term, disk);
      case "requestVoteReply":
        return message.granted ? this.#onVote(from, to, message.term, disk) : undefined;
      case "appendEntries":
        return this.#must(disk.currentTerm >= message.term, `${from} leads term ${message.term}, which is not durable`);
      case "appendEntriesReply": {
        const { outcome } = message;
        if (outcome.kind !== "accepted") return;
        const end = (disk.entries.at(-1) ?? disk.base).index;
        return this.#must(outcome.matchIndex <= end, `${from} confirms ${outcome.matchIndex}, and ${end} is durable`);
      }
      default:
    }
  }

  /** §3.4: one vote a term. */
  #onVote(voter: MemberKey, candidate: MemberKey, term: number, { currentTerm, votedFor }: MemoryDisk): void {
    // A later term may have reached the disk together with the vote.
    const isDurable = currentTerm > term || (currentTerm === term && votedFor === candidate);
    this.#must(isDurable, `${voter} votes for ${candidate} in term ${term}, which is not durable`);
    const before = this.#votes.get(`${voter} ${term}`) ?? candidate;
    this.#must(before === candidate, `${voter} votes for ${candidate} in term ${term}, and has voted for ${before}`);
    this.#votes.set(`${voter} ${term}`, candidate);
  }

  #must(holds: boolean, what: string): void {
    if (!holds) this.#broken(what);
  }
}
