// Counts how often each rare state is reached in a simulation. It looks on: it draws nothing and plans nothing.
import type { NodeId } from "../../core/configuration.ts";
import type { LogIndex, LogPosition, Term } from "../../core/log-position.ts";
import type { AppliedEntry } from "../../ports/state-machine.ts";
import type { Node } from "../../node/node.ts";
import type { State } from "../../core/state.ts";
import type { FaultName } from "../faults.ts";
import type { Member } from "../member.ts";
import type { Sent } from "../promises.ts";
import { rareStates, rareStatesAt } from "./all.ts";
import { momentsOf } from "./moments.ts";
import type { MomentName, Moments, RareState, Scene } from "./rare-state.ts";
import { isCutFromLeader } from "./views.ts";

/** By the name of the rare state. */
export type RareStateCounts = Readonly<Record<string, number>>;

type Table = { readonly [Name in MomentName]: readonly RareState<Name>[] };

const table: Table = {
  elected: rareStatesAt("elected"),
  deposed: rareStatesAt("deposed"),
  stands: rareStatesAt("stands"),
  cut: rareStatesAt("cut"),
  configured: rareStatesAt("configured"),
  tookSnapshot: rareStatesAt("tookSnapshot"),
  adopted: rareStatesAt("adopted"),
  handsOver: rareStatesAt("handsOver"),
  holds: rareStatesAt("holds"),
  leadsOn: rareStatesAt("leadsOn"),
  reads: rareStatesAt("reads"),
  starts: rareStatesAt("starts"),
  refuses: rareStatesAt("refuses"),
  crashes: rareStatesAt("crashes"),
  sleeps: rareStatesAt("sleeps"),
  fills: rareStatesAt("fills"),
  isCutOff: rareStatesAt("isCutOff"),
  losesClients: rareStatesAt("losesClients"),
  namesCopy: rareStatesAt("namesCopy"),
  tracesCopy: rareStatesAt("tracesCopy"),
  doubtsCopy: rareStatesAt("doubtsCopy"),
  replacesCopy: rareStatesAt("replacesCopy"),
  votes: rareStatesAt("votes"),
  asksForVote: rareStatesAt("asksForVote"),
  offers: rareStatesAt("offers"),
  asksLeader: rareStatesAt("asksLeader"),
  repeats: rareStatesAt("repeats"),
  replaces: rareStatesAt("replaces"),
  isOvertaken: rareStatesAt("isOvertaken"),
  comesLate: rareStatesAt("comesLate"),
  findsDoubtful: rareStatesAt("findsDoubtful"),
  sendsInVain: rareStatesAt("sendsInVain"),
  skips: rareStatesAt("skips"),
};

export class RareStateWatch {
  readonly #scene: Scene;
  readonly #counts = new Map<string, number>(rareStates.map(({ name }) => [name, 0]));
  readonly #seen = new Map<Member, { readonly node: Node; readonly state: State }>();
  readonly #slept = new Map<Member, LogPosition>();
  /** By session and sequence: where the first copy was applied. */
  readonly #firsts = new Map<string, LogPosition>();
  /** By session: the last command that was applied, and the lowest whose answer the client may still lack. */
  readonly #reached = new Map<LogIndex, { readonly sequence: number; readonly answeredBelow: number }>();
  /** The places of copies that leaders have sent, for commands that are not applied yet. */
  readonly #copies = new Map<string, readonly LogPosition[]>();
  /** Which lives of nodes read a leader's snapshot. */
  readonly #fetching = new Map<Member, Node>();
  /** Where each term begins in the log that is committed. */
  readonly #terms: LogPosition[] = [];
  /** Terms whose leaders stood because their predecessors asked them to. */
  readonly #takeovers = new Set<Term>();
  #committed = 0;
  /** The last index that was applied anywhere. */
  #applied = 0;

  constructor(scene: Omit<Scene, "endBeforeSleep" | "committedTermAt" | "isFetching" | "tookOver">) {
    this.#scene = {
      ...scene,
      endBeforeSleep: (member) => this.#slept.get(member) ?? null,
      committedTermAt: (index) => this.#committedTermAt(index),
      tookOver: (term) => this.#takeovers.has(term),
      isFetching: (member) => member.node !== null && this.#fetching.get(member) === member.node,
    };
  }

  get counts(): RareStateCounts {
    return Object.fromEntries(this.#counts);
  }

  /** After each event, at each member. */
  look(member: Member): void {
    const { node } = member;
    const seen = this.#seen.get(member);
    if (node === null || seen?.state === node.state) return;
    const { state } = node;
    this.#seen.set(member, { node, state });
    if (state.commitIndex > this.#committed) this.#onCommitted(state);
    if (seen?.node !== node) return this.happens("starts", { member, state });
    const { role } = seen.state;
    if (role.kind === "candidate" && role.transfer) this.#takeovers.add(seen.state.currentTerm);
    const turn = { member, before: seen.state, after: state };
    momentsOf(turn, this.#scene, (name) => this.happens(name, turn));
  }

  /** Before a process is gone without a word. */
  onCrash(member: Member): void {
    if (member.node !== null) this.happens("crashes", { member, state: member.node.state });
  }

  /** Before a process falls asleep. */
  onSleep(member: Member): void {
    if (member.node === null) return;
    const { state } = member.node;
    this.#slept.set(member, state.log.last);
    this.happens("sleeps", { member, state });
  }

  /** After a fault has come to a machine, or to the network. */
  onFault(name: FaultName, member: Member): void {
    switch (name) {
      case "fullDisk":
        if (member.node !== null) this.happens("fills", { member, state: member.node.state });
        return;
      case "split":
      case "oneWay":
      case "isolate":
      case "bridge":
      case "ring":
        return this.#onCut();
      default:
    }
  }

  /** After clients alone were cut from a node. */
  onClientsCut(id: NodeId): void {
    const member = this.#scene.members.find((each) => each.id === id);
    const state = member?.node?.state;
    if (member !== undefined && state !== undefined) this.happens("losesClients", { member, state });
  }

  onSent(member: Member, { to, message }: Sent): void {
    const state = member.node?.state;
    if (state === undefined) return;
    switch (message.kind) {
      case "appendEntries":
        for (const entry of message.entries) {
          if (entry.kind === "command" && entry.session !== null) this.#note(entry.session, entry);
        }
        return;
      case "requestVote":
        return this.happens("asksForVote", { member, state, to, message });
      case "requestVoteReply":
        return this.happens("votes", { member, state, to, message });
      case "installSnapshot":
        return this.happens("offers", { member, state, to, message });
      case "readIndex":
        return this.happens("asksLeader", { member, state, to, message });
      case "appendEntriesReply":
        if (message.outcome.kind === "fetching") this.#fetching.set(member, member.node!);
        else this.#fetching.delete(member);
        return;
      default:
    }
  }

  /** The first time that an entry goes to any state machine. */
  onApplied(by: NodeId, entry: AppliedEntry): void {
    if (entry.index <= this.#applied) return;
    this.#applied = entry.index;
    if (entry.kind !== "command" || entry.session === null) return;
    const member = this.#scene.members.find(({ id }) => id === by)!;
    if (member.node === null) return;
    const key = keyOf(entry.session);
    const { index, term } = entry;
    const first = this.#firsts.get(key);
    const applying = { member, state: member.node.state, position: { index, term }, first: first ?? { index, term } };
    const { id, sequence, answeredBelow } = entry.session;
    const reached = this.#reached.get(id) ?? { sequence: 0, answeredBelow: 1 };
    this.#reached.set(id, {
      sequence: Math.max(reached.sequence, sequence),
      answeredBelow: Math.max(reached.answeredBelow, answeredBelow),
    });
    if (first !== undefined) {
      if (sequence < reached.answeredBelow) this.happens("comesLate", applying);
      return this.happens("repeats", applying);
    }
    if (sequence < reached.sequence) this.happens("isOvertaken", applying);
    this.#firsts.set(key, { index, term });
    // Whatever is not this copy and came from an earlier leader is in no log that counts.
    const isReplaced = this.#copies.get(key)?.some((copy) => copy.term < term && copy.index <= index) ?? false;
    this.#copies.delete(key);
    if (isReplaced) this.happens("replaces", applying);
  }

  happens<Name extends MomentName>(name: Name, moment: Moments[Name]): void {
    for (const { name: sentence, holds } of table[name]) {
      if (holds(moment, this.#scene)) this.#counts.set(sentence, this.#counts.get(sentence)! + 1);
    }
  }

  #onCommitted({ log, commitIndex }: State): void {
    this.#committed = commitIndex;
    for (const start of log.termStarts) {
      if (start.index > commitIndex) return;
      if (start.term > (this.#terms.at(-1)?.term ?? 0)) this.#terms.push(start);
    }
  }

  #committedTermAt(index: LogIndex): Term | null {
    if (index > this.#committed) return null;
    return this.#terms.findLast((start) => start.index <= index)?.term ?? 0;
  }

  #onCut(): void {
    for (const member of this.#scene.members) {
      if (member.node === null || !isCutFromLeader(this.#scene, member)) continue;
      this.happens("isCutOff", { member, state: member.node.state });
    }
  }

  #note(session: Parameters<typeof keyOf>[0], { index, term }: LogPosition): void {
    const key = keyOf(session);
    if (this.#firsts.has(key)) return;
    const copies = this.#copies.get(key) ?? [];
    const latest = copies.at(-1);
    if (latest?.index === index && latest.term === term) return;
    this.#copies.set(key, [...copies, { index, term }]);
  }
}

const keyOf = ({ id, sequence }: { readonly id: number; readonly sequence: number }): string => `${id} ${sequence}`;
