// Is anything promised that a power cut could still take back? What a node says is compared with what its disk holds at
// that moment, and each vote with every vote that the same node has given before.
import type { MemberKey } from "../../src/core/configuration.ts";
import type { Effect } from "../../src/core/effects.ts";
import type { Message } from "../../src/core/messages.ts";
import { areEnough, type Deciders, decidersOf, inForce } from "./deciders.ts";
import type { DiskImage } from "./disk.ts";
import type { Witness } from "./safety.ts";
import { Violation } from "../../src/sim/violation.ts";

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

  /**
   * A leader counts an entry as committed only when the disks of a majority hold it, of those who decide by its log: as it
   * was before the step, as far as `logEnd`, or by what it has appended since, once that was committed which came before.
   */
  onLeaderCommit(
    node: Promiser,
    { index, logEnd }: { readonly index: number; readonly logEnd: number },
    disks: ReadonlyMap<MemberKey, DiskImage>,
  ): void {
    const isHeld = (deciders: Deciders, at: number): boolean => {
      const term = node.log[at - 1]?.term ?? 0;
      return areEnough(deciders, (key) => disks.get(key)?.hasHeld(at, term) === true);
    };
    for (let end = Math.max(index, logEnd); ; end++) {
      const deciders = decidersOf(inForce(node.durable.genesis, node.log, end)!);
      if (isHeld(deciders, index)) return;
      const next = node.log.findIndex((entry, at) => at >= end && entry.kind === "configuration");
      const before = node.log.slice(0, end).findLastIndex(({ kind }) => kind === "configuration") + 1;
      const isOver = next === -1 || !isHeld(deciders, before);
      must(!isOver, node, `commits ${index}, which is not durable on a majority of ${deciders.join(" and of ")}`);
      end = next;
    }
  }

  /** A leader is elected by a majority of those who decide by its log. */
  onElected(node: Promiser, term: number): void {
    const deciders = decidersOf(inForce(node.durable.genesis, node.log, node.log.length)!);
    const { durable } = node;
    // Alone it has nobody to ask: its own vote is on its disk.
    const votesForItself = durable.currentTerm === term && durable.votedFor === node.key;
    const isElected = areEnough(deciders, (key) =>
      key === node.key ? votesForItself : this.#votes.get(`${key}/${term}`) === node.key,
    );
    must(isElected, node, `leads term ${term} without a majority of ${deciders.join(" and of ")}`);
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
