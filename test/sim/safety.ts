// Do the five properties of the thesis hold (figure 3.2)? Watched across the whole cluster and its whole history, by what
// each node does to its log, and never by what its core says of itself.
//
// Log Matching is checked by induction: if each (index, term) names one entry with one predecessor, two logs that share
// an entry share everything before it. With it a log holds all of another's entries up to one as soon as it holds that one.
import type { MemberKey } from "../../src/core/configuration.ts";
import type { Entry } from "../../src/core/entry.ts";
import type { Term } from "../../src/core/log-position.ts";
import { Violation } from "../../src/sim/violation.ts";

/** What the properties need to know of a node. */
export interface Witness {
  readonly key: MemberKey;
  /** The entry of index i stands at i - 1; durable or not. */
  readonly log: readonly Entry[];
}

/** One node's leadership of one term, and the log it had. */
class Leadership {
  readonly key: MemberKey;
  readonly term: Term;
  /** The terms of the entries it was elected with. */
  readonly #terms: readonly Term[];
  lastIndex: number;

  constructor(witness: Witness, term: Term) {
    this.key = witness.key;
    this.term = term;
    this.#terms = witness.log.map((entry) => entry.term);
    this.lastIndex = this.#terms.length;
  }

  holds(index: number, term: Term): boolean {
    if (index === 0) return true;
    return index <= this.#terms.length
      ? this.#terms[index - 1] === term
      : term === this.term && index <= this.lastIndex;
  }
}

/** More terms than any simulation has. */
const termsMax = 2 ** 20;

export class Safety {
  readonly #leaders = new Map<Term, Leadership>();
  readonly #entries = new Map<number, { readonly entry: Entry; readonly prevTerm: Term }>();
  /** What any leader has committed: the entry of index i at i - 1. */
  readonly #committed: Entry[] = [];
  /** What any state machine has been given, likewise. */
  readonly #applied: Entry[] = [];
  /** The last entry that each term's leader has committed. */
  readonly #committedIn = new Map<Term, Entry>();

  get committed(): readonly Entry[] {
    return this.#committed;
  }

  /** Whether the leader of `term` holds this entry; null when that term has had no leader. */
  leaderHolds(leaderTerm: Term, index: number, term: Term): boolean | null {
    return this.#leaders.get(leaderTerm)?.holds(index, term) ?? null;
  }

  /** Election Safety: at most one leader can be elected in a given term. And Leader Completeness, for what is committed. */
  onElected(witness: Witness, term: Term): void {
    const other = this.#leaders.get(term);
    if (other !== undefined) {
      throw new Violation("Election Safety", `${other.key} and ${witness.key} have both been elected in term ${term}`);
    }
    const leadership = new Leadership(witness, term);
    this.#leaders.set(term, leadership);
    for (const [commitTerm, entry] of this.#committedIn) {
      if (commitTerm < term) mustHold(leadership, entry, commitTerm);
    }
  }

  /** Log Matching: an entry stands after the same predecessor wherever it stands. Returns whether it is a new one. */
  onAppended(witness: Witness, entry: Entry): boolean {
    const prevTerm = entry.index === 1 ? 0 : witness.log[entry.index - 2]?.term;
    if (prevTerm === undefined)
      throw new Violation("a log has no gaps", `${witness.key} has none before ${entry.index}`);
    const id = entry.index * termsMax + entry.term;
    const known = this.#entries.get(id);
    if (known !== undefined) {
      if (known.prevTerm === prevTerm && known.entry === entry) return false;
      throw new Violation("Log Matching", `${witness.key} has another entry ${entry.index}.${entry.term}`);
    }
    const leadership = this.#leaders.get(entry.term);
    if (leadership?.key !== witness.key) {
      throw new Violation("only a term's leader creates entries", `${witness.key} made ${entry.index}.${entry.term}`);
    }
    const prev = witness.log[entry.index - 2];
    if (prev !== undefined && prev.stampMs > entry.stampMs) {
      throw new Violation("replicated time never goes back", `at ${entry.index}.${entry.term}`);
    }
    leadership.lastIndex = Math.max(leadership.lastIndex, entry.index);
    this.#entries.set(id, { entry, prevTerm });
    return true;
  }

  /** Leader Append-Only: a leader never overwrites or deletes entries in its log. */
  onTruncated(witness: Witness, leadsTerm: Term | null): void {
    if (leadsTerm !== null) throw new Violation("Leader Append-Only", `${witness.key} truncates while it leads`);
  }

  /** A leader says that its log is committed through `index`. */
  onLeaderCommit(witness: Witness, index: number, commitTerm: Term): void {
    while (this.#committed.length < index) this.#committed.push(witness.log[this.#committed.length]!);
    const last = witness.log[index - 1]!;
    this.#committedIn.set(commitTerm, last);
    for (const [term, leadership] of this.#leaders) if (term > commitTerm) mustHold(leadership, last, commitTerm);
  }

  /** State Machine Safety: no two state machines are given different entries at one index. */
  onApplied(witness: Witness, index: number, entry: Entry | undefined): void {
    const known = this.#applied[index - 1];
    if (entry !== undefined && known === entry) return;
    if (entry === undefined || known !== undefined || index !== this.#applied.length + 1) {
      throw new Violation("State Machine Safety", `${witness.key} applies ${nameOf(entry)}, others ${nameOf(known)}`);
    }
    this.#applied.push(entry);
  }

  /** The same for what a node takes for committed, applied or not; a follower follows what a leader has committed. */
  onCommitted(witness: Witness, after: number, through: number): void {
    for (let index = after + 1; index <= through; index++) {
      const here = witness.log[index - 1];
      const known = this.#committed[index - 1];
      if (here !== undefined && here === known) continue;
      const where = `${witness.key} takes ${nameOf(here)} at ${index} for committed, which is ${nameOf(known)}`;
      throw new Violation("State Machine Safety", where);
    }
  }
}

const nameOf = (entry: Entry | undefined): string => (entry === undefined ? "nothing" : `${entry.index}.${entry.term}`);

/** Leader Completeness: what is committed in a term is in the logs of the leaders of all higher terms. */
function mustHold(leadership: Leadership, entry: Entry, commitTerm: Term): void {
  if (leadership.holds(entry.index, entry.term)) return;
  throw new Violation(
    "Leader Completeness",
    `${leadership.key}, leader of term ${leadership.term}, lacks ${entry.index}.${entry.term}, committed in term ${commitTerm}`,
  );
}
