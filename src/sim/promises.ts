// Is anything promised that a power cut could still take back? What a node sends is compared with what its disk holds at that
// moment (§3.8), and each vote with every vote that the node has given before.
import type { MemoryDisk } from "./memory/memory-disk.ts";
import type { MemberKey } from "../core/configuration.ts";
import type { LogIndex, LogPosition, Term } from "../core/log-position.ts";
import type { AppendEntriesReply, Message } from "../core/messages.ts";
import type { NodeMessage } from "../ports/node-messages.ts";

export interface Sent {
  readonly from: MemberKey;
  readonly to: MemberKey;
  readonly message: Message | NodeMessage;
}

export class Promises {
  readonly #broken: (what: string) => void;
  readonly #voted: (by: MemberKey) => void;
  /** `voter term` → the candidate. */
  readonly #votes = new Map<string, MemberKey>();
  /** `leader's term, index` → the term of the entry that this leader has there, as far as it has told. */
  readonly #told = new Map<string, Term>();
  /** `leader term` → the last round that it has sent. */
  readonly #rounds = new Map<string, number>();
  /** Term → the last index of which its leader has told. */
  readonly #toldThrough = new Map<Term, LogIndex>();

  /** @param voted told of each vote for another node */
  constructor(broken: (what: string) => void, voted: (by: MemberKey) => void) {
    this.#broken = broken;
    this.#voted = voted;
  }

  onSent({ from, to, message }: Sent, disk: MemoryDisk): void {
    switch (message.kind) {
      case "requestVote":
        return this.#onVote(from, from, message.term, disk);
      case "requestVoteReply":
        if (!message.granted) return;
        this.#onVote(from, to, message.term, disk);
        return this.#voted(from);
      case "appendEntries":
        this.#rounds.set(`${from} ${message.term}`, message.round);
        for (const position of [message.prev, ...message.entries]) this.#onTold(message.term, position);
        return this.#must(disk.currentTerm >= message.term, `${from} leads term ${message.term}, which is not durable`);
      case "genesisNotice":
        return this.#must(
          disk.genesis?.clusterUuid === message.genesis.clusterUuid,
          `${from} tells of a genesis that is not durable`,
        );
      case "installSnapshot":
        this.#rounds.set(`${from} ${message.term}`, message.round);
        return this.#onTold(message.term, message.snapshot.position);
      case "appendEntriesReply":
        this.#mustAnswer(from, to, message);
        if (message.outcome.kind === "accepted")
          this.#onConfirmed(from, message.term, message.outcome.matchIndex, disk);
        return;
      default:
    }
  }

  #onTold(leaderTerm: Term, { index, term }: LogPosition): void {
    this.#told.set(`${leaderTerm} ${index}`, term);
    this.#toldThrough.set(leaderTerm, Math.max(index, this.#toldThrough.get(leaderTerm) ?? 0));
  }

  /** A leader counts an answer for its own round, so it names one that this leader has sent in this term, or none. */
  #mustAnswer(by: MemberKey, leader: MemberKey, { term, round }: AppendEntriesReply): void {
    const sent = this.#rounds.get(`${leader} ${term}`) ?? 0;
    this.#must(round <= sent, `${by} answers round ${round} of ${leader} in term ${term}, which has sent ${sent}`);
  }

  /** §3.5: the disk holds what the leader of this term has there. */
  #onConfirmed(by: MemberKey, term: Term, index: LogIndex, { base, entries }: MemoryDisk): void {
    const end = (entries.at(-1) ?? base).index;
    this.#must(index <= end, `${by} confirms ${index}, and ${end} is durable`);
    const through = this.#toldThrough.get(term) ?? 0;
    this.#must(index <= through, `${by} confirms ${index}, and the leader of term ${term} has told of ${through}`);
    const told = this.#told.get(`${term} ${index}`);
    // Below the base the snapshot stands in for the entry. Of what a snapshot covers the leader need not have told.
    const held = entries[index - base.index - 1]?.term;
    const isEqual = told === undefined || held === undefined || told === held;
    this.#must(isEqual, `${by} confirms ${index} of term ${told}, and its durable entry is of term ${held}`);
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
