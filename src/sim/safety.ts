// Does the cluster keep the promises of Raft? What all nodes know is looked at after each event: at most one leader a term (§3.4),
// each leader has what was committed before (§3.6.3), what is committed is on the disks of a quorum and never changes, and all apply
// the same, in order and once in each life.
import type { MemberKey, NodeId } from "../core/configuration.ts";
import { checkState } from "../core/invariants.ts";
import type { LogIndex, Term } from "../core/log-position.ts";
import { configurationAt, type LogTerms, termAt } from "../core/log-terms.ts";
import type { State } from "../core/state.ts";
import type { AppliedEntry } from "../ports/state-machine.ts";
import type { Member } from "./member.ts";
import { areEnough } from "./standing.ts";

/** How far the log is committed, and in which term that was decided. */
interface Committed {
  readonly index: LogIndex;
  readonly term: Term;
  readonly decidedIn: Term;
}

export class Safety {
  readonly #members: readonly Member[];
  readonly #broken: (what: string) => void;
  /** Who has led, by terms. */
  readonly leaders = new Map<Term, MemberKey>();
  readonly #seen = new Map<Member, State>();
  #committed: Committed = { index: 0, term: 0, decidedIn: 0 };
  /** The terms of entries up to which a node has known the log to be committed. */
  readonly #terms = new Map<LogIndex, Term>();
  /** What each index of the log was when it was first applied anywhere. */
  readonly #applied = new Map<LogIndex, string>();
  /** How far each life of each member has applied. */
  readonly #reached = new Map<string, LogIndex>();

  constructor(members: readonly Member[], broken: (what: string) => void) {
    this.#members = members;
    this.#broken = broken;
  }

  /** After each event, at each member. */
  look(member: Member): void {
    const state = member.node?.state;
    const before = this.#seen.get(member);
    if (state === undefined || state === before) return;
    this.#seen.set(member, state);
    if (state.role.kind === "leader") this.#lookAtLeader(state);
    if (state.commitIndex !== before?.commitIndex) this.#lookAtCommitted(state);
  }

  #lookAtLeader(state: State): void {
    const { currentTerm: term, self, log } = state;
    const known = this.leaders.get(term);
    if (known === self) return;
    if (known !== undefined) return this.#broken(`${known} and ${self} both lead term ${term}`);
    this.leaders.set(term, self);
    checkState(state);
    const { index, term: committedTerm, decidedIn } = this.#committed;
    if (term <= decidedIn || holds(log, index, committedTerm)) return;
    this.#broken(`${self} leads term ${term} without entry ${index} of term ${committedTerm}, which is committed`);
  }

  #lookAtCommitted({ commitIndex: index, currentTerm, log, self, role }: State): void {
    const term = termAt(log, index);
    if (term === null) return;
    const known = this.#terms.get(index) ?? term;
    if (known !== term)
      this.#broken(`${self} takes entry ${index} of term ${term} for committed, and it is of ${known}`);
    this.#terms.set(index, term);
    if (index <= this.#committed.index) return;
    this.#committed = { index, term, decidedIn: currentTerm };
    if (role.kind === "leader") this.#mustBeDurable(index, term, log);
  }

  /** As long as no disk has lost anything. What was confirmed by a disk that is gone counts: its node never votes again. */
  #mustBeDurable(index: LogIndex, term: Term, log: LogTerms): void {
    if (this.#members.some(({ disk }) => disk.incarnation !== null && !disk.isWhole)) return;
    // The latest configuration decides; it may have been appended since, because this was committed.
    const inForce = configurationAt(log, index).position.index;
    const governing = log.configurations.filter(({ position }) => position.index >= inForce);
    const isDurableOn = (key: MemberKey): boolean =>
      this.#members.find((member) => member.key === key)?.disk.holds(index, term) ?? true;
    if (governing.some(({ configuration }) => areEnough(configuration, isDurableOn))) return;
    this.#broken(`entry ${index} of term ${term} is committed, and not on the disks of a quorum`);
  }

  /** What a member gives to its state machine. */
  onApplied(by: NodeId, life: number, entry: AppliedEntry): void {
    const { isAwaited: _, ...said } = entry;
    const text = JSON.stringify(said, (_key, value: unknown) =>
      value instanceof Uint8Array ? Buffer.from(value).toString("hex") : value,
    );
    const known = this.#applied.get(entry.index);
    if (known !== undefined && known !== text) this.#broken(`${by} applies ${text} at ${entry.index}, not ${known}`);
    this.#applied.set(entry.index, text);
    const key = `${by} ${life}`;
    const reached = this.#reached.get(key) ?? 0;
    if (entry.index <= reached) this.#broken(`${by} applies ${entry.index} after ${reached}`);
    this.#reached.set(key, entry.index);
  }
}

/** Whether the log has this entry, or a snapshot in its place. */
const holds = (log: LogTerms, index: LogIndex, term: Term): boolean =>
  index <= log.base.index || (index <= log.last.index && termAt(log, index) === term);
