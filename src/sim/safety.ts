// Does the cluster keep the promises of Raft? What all nodes know is looked at after each event: at most one leader a term (§3.4),
// each leader has what was committed before (§3.6.3), what is committed is on the disks of a quorum and never changes, and all apply
// the same, in order and once in each state machine. Each node's state keeps the rules that the core has for one state and for two.
import type { Configuration, MemberKey, NodeId } from "../core/configuration.ts";
import { checkState, checkTransition } from "../core/invariants.ts";
import type { LogIndex, Term } from "../core/log-position.ts";
import { configurationAt, type LogTerms, termAt } from "../core/log-terms.ts";
import type { State } from "../core/state.ts";
import type { AppliedEntry } from "../ports/state-machine.ts";
import type { Node } from "../node/node.ts";
import type { Member } from "./member.ts";
import { areEnough } from "./deciders.ts";
import { followsStranger } from "./stranger.ts";

/** How far the log is committed, and in which term that was decided. */
interface Committed {
  readonly index: LogIndex;
  readonly term: Term;
  readonly decidedIn: Term;
}

export interface SafetyEvents {
  readonly broken: (what: string) => void;
  /** This member leads its term from this moment on, perhaps not until the end of the event. */
  readonly led: (state: State) => void;
  /** This member leads its term, since this event. */
  readonly elected: (member: Member) => void;
  /** This leader has found more of its log committed. */
  readonly committed: (leader: Member) => void;
  /** This leader has appended a configuration. */
  readonly changed: (leader: Member) => void;
}

export class Safety {
  readonly #members: readonly Member[];
  readonly #broken: (what: string) => void;
  readonly #told: SafetyEvents;
  /** Who has led, by terms. */
  readonly leaders = new Map<Term, MemberKey>();
  readonly #seen = new WeakMap<Node, State>();
  #committed: Committed = { index: 0, term: 0, decidedIn: 0 };
  /** The terms of entries up to which a node has known the log to be committed. */
  readonly #terms = new Map<LogIndex, Term>();
  /** What each index of the log was when it was first applied anywhere. */
  readonly #applied = new Map<LogIndex, string>();
  /** How far each state machine of each member has applied. */
  readonly #reached = new Map<string, LogIndex>();

  constructor(members: readonly Member[], told: SafetyEvents) {
    this.#members = members;
    this.#broken = told.broken;
    this.#told = told;
  }

  /** After each event, at each member. */
  look(member: Member): void {
    const { node } = member;
    if (node === null) return;
    const { state } = node;
    const before = this.#seen.get(node) ?? null;
    if (state === before) return;
    this.#seen.set(node, state);
    this.#mustBeSound(before, member, state);
    if (member.wasWiped && state.genesis !== null)
      this.#broken(`${state.self} has lost its disk, and takes part though it was not added`);
    if (followsStranger(state)) this.#broken(`${state.self} follows a node that was never added`);
    if (state.role.kind === "leader" && !isSameLeader(before, state)) this.#told.elected(member);
    if (before !== null && hasAppendedConfiguration(before, state)) this.#told.changed(member);
    if (state.commitIndex === before?.commitIndex) return;
    this.#lookAtCommitted(state);
    if (state.role.kind === "leader") this.#lookAtCommittedByLeader(before, member, state);
  }

  /** By the core's own rules. */
  #mustBeSound(before: State | null, { disk }: Member, state: State): void {
    try {
      checkState(state);
      // A node whose disk is full begins anew with what is on it.
      if (before !== null && disk.room !== "none") checkTransition(before, state);
    } catch (error) {
      if (!(error instanceof Error)) throw error;
      this.#broken(`${state.self} breaks a rule of the core: ${error.message}`);
    }
  }

  /** At once: a leader that has slept may learn of its successor in the event in which it is elected. */
  onRole({ node }: Member): void {
    if (node?.state.role.kind === "leader") this.#lookAtLeader(node.state);
  }

  #lookAtLeader(state: State): void {
    const { currentTerm: term, self, log } = state;
    const known = this.leaders.get(term);
    if (known === self) return;
    if (known !== undefined) return this.#broken(`${known} and ${self} both lead term ${term}`);
    this.leaders.set(term, self);
    this.#told.led(state);
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

  /** §3.6.2: by counting, only entries of its own term. Those before them are committed with them. */
  #lookAtCommittedByLeader(before: State | null, member: Member, { commitIndex, currentTerm, log, self }: State): void {
    const hasLed = before?.role.kind === "leader" && before.currentTerm === currentTerm;
    const term = termAt(log, commitIndex);
    if (hasLed && term !== null && term !== currentTerm)
      this.#broken(`${self} leads term ${currentTerm}, and commits entry ${commitIndex} of term ${term} by counting`);
    this.#told.committed(member);
  }

  /** As long as no disk has lost anything. What was confirmed by a disk that is gone counts: its node never votes again. */
  #mustBeDurable(index: LogIndex, term: Term, log: LogTerms): void {
    if (this.#members.some(({ disk }) => disk.incarnation !== null && !disk.isWhole)) return;
    const areHolders = (configuration: Configuration, at: LogIndex, of: Term): boolean =>
      areEnough(configuration, (key) => this.#members.find((each) => each.key === key)?.disk.holds(at, of) ?? true);
    const inForce = configurationAt(log, index).position.index;
    for (const { position, configuration } of log.configurations) {
      if (position.index < inForce) continue;
      if (areHolders(configuration, index, term)) return;
      // The next one decides once this one is committed; it may have been appended since.
      if (!areHolders(configuration, position.index, position.term)) break;
    }
    this.#broken(`entry ${index} of term ${term} is committed, and not on the disks of a quorum`);
  }

  /** What a member gives to its state machine. */
  onApplied(by: NodeId, machine: number, entry: AppliedEntry): void {
    // One that began before an entry was skipped was given that entry.
    const { isAwaited: _, isSkipped: __, ...said } = entry;
    const text = JSON.stringify(said, (key, value: unknown) => {
      // Another build of the same version may stand for it.
      if (entry.kind === "activate" && key === "hash") return null;
      return value instanceof Uint8Array ? Buffer.from(value).toString("hex") : value;
    });
    const known = this.#applied.get(entry.index);
    if (known !== undefined && known !== text) this.#broken(`${by} applies ${text} at ${entry.index}, not ${known}`);
    this.#applied.set(entry.index, text);
    const key = `${by} ${machine}`;
    const reached = this.#reached.get(key) ?? 0;
    if (entry.index <= reached) this.#broken(`${by} applies ${entry.index} after ${reached}`);
    this.#reached.set(key, entry.index);
  }
}

const isSameLeader = (before: State | null, after: State): boolean =>
  before?.role.kind === "leader" && after.role.kind === "leader" && before.currentTerm === after.currentTerm;

/** A leader's log is never cut, so the last configuration of it can only be a new one. */
const hasAppendedConfiguration = (before: State, after: State): boolean =>
  isSameLeader(before, after) &&
  before.log.configurations.at(-1)?.position.index !== after.log.configurations.at(-1)?.position.index;

/** Whether the log has this entry, or a snapshot in its place. */
const holds = (log: LogTerms, index: LogIndex, term: Term): boolean =>
  index <= log.base.index || (index <= log.last.index && termAt(log, index) === term);
