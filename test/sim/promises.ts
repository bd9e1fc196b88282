// Is anything promised that a power cut could still take back? What a node says is compared with what its disk holds at
// that moment, and each vote with every vote that the same node has given before.
import type { MemberKey } from "../../src/core/configuration.ts";
import type { Effect } from "../../src/core/effects.ts";
import type { Message } from "../../src/core/messages.ts";
import type { DiskImage } from "./disk.ts";
import type { Witness } from "./safety.ts";
import { Violation } from "./violation.ts";

/** A node, and what of it would survive a power cut now. */
export interface Promiser extends Witness {
  readonly durable: DiskImage;
}

export type HeldByLeader = (leaderTerm: number, index: number, term: number) => boolean | null;

export class Promises {
  readonly #heldByLeader: HeldByLeader;
  /** `voter/term` → the candidate. */
  readonly #votes = new Map<string, MemberKey>();

  constructor(heldByLeader: HeldByLeader) {
    this.#heldByLeader = heldByLeader;
  }

  onEffect(node: Promiser, effect: Effect): void {
    const { durable } = node;
    switch (effect.kind) {
      case "send":
        this.#onSend(node, effect.to, effect.message);
        return;
      case "sendEntries":
        must(durable.currentTerm >= effect.term, node, "leads a term that is not durable");
        return;
      case "apply": {
        const term = node.log[effect.through - 1]?.term;
        const isHere = term !== undefined && durable.holds(effect.through, term);
        must(isHere, node, `applies ${effect.through}, which is not durable here`);
        return;
      }
      case "genesisDurable":
        must(durable.genesis === effect.genesis, node, "announces a genesis that is not durable");
        return;
      default:
        return;
    }
  }

  /** A leader counts an entry as committed only when the disks of a majority hold it. */
  onLeaderCommit(node: Promiser, index: number, disks: ReadonlyMap<MemberKey, DiskImage>): void {
    const members = node.durable.genesis?.members ?? [];
    const term = node.log[index - 1]!.term;
    const holders = members.filter(({ key }) => disks.get(key)?.holds(index, term) === true);
    const isMajority = holders.length * 2 > members.length;
    must(
      isMajority,
      node,
      `commits ${index}.${term}, which is durable on ${holders.length} of ${members.length} nodes`,
    );
  }

  #onSend(node: Promiser, to: MemberKey, message: Message): void {
    const { durable } = node;
    switch (message.kind) {
      case "requestVote":
        this.#onVote(node, message.term, node.key);
        return;
      case "requestVoteReply":
        must(durable.currentTerm >= message.term, node, `answers in term ${message.term}, which is not durable`);
        if (message.granted) this.#onVote(node, message.term, to);
        return;
      case "appendEntriesReply":
        must(durable.currentTerm >= message.term, node, `answers in term ${message.term}, which is not durable`);
        if (message.outcome.kind === "accepted") this.#onAck(node, message.term, message.outcome.matchIndex);
        return;
      case "genesisNotice":
        must(durable.genesis === message.genesis, node, "tells of a genesis that is not durable");
        return;
      default:
        return;
    }
  }

  #onVote(node: Promiser, term: number, candidate: MemberKey): void {
    const { durable } = node;
    const isDurable = durable.currentTerm > term || (durable.currentTerm === term && durable.votedFor === candidate);
    must(isDurable, node, `votes for ${candidate} in term ${term}, which is not durable`);
    const id = `${node.key}/${term}`;
    const earlier = this.#votes.get(id);
    must(earlier === undefined || earlier === candidate, node, `votes for ${earlier} and ${candidate} in term ${term}`);
    this.#votes.set(id, candidate);
  }

  #onAck(node: Promiser, leaderTerm: number, matchIndex: number): void {
    if (matchIndex === 0) return;
    const term = node.log[matchIndex - 1]?.term;
    const isHere = term !== undefined && node.durable.holds(matchIndex, term);
    must(isHere, node, `acknowledges ${matchIndex}, which is not durable here`);
    const isShared = this.#heldByLeader(leaderTerm, matchIndex, term!) === true;
    must(isShared, node, `acknowledges ${matchIndex}.${term} to the leader of term ${leaderTerm}, whose log differs`);
  }
}

function must(holds: boolean, node: Witness, what: string): void {
  if (!holds) throw new Violation("nothing is promised before it is durable", `${node.key} ${what}`);
}
