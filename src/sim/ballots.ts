// Is each vote given, refused and counted by the rules (§3.4, §3.6.1, §9.6)? A voter gives no vote to a log that is behind its own, and
// refuses only for a reason. A candidate counts only what was granted to it in this term. A node that is told of a later term stops
// asking for an earlier one. All this is worked out from the messages, apart from the core.
import type { MemberKey } from "../core/configuration.ts";
import type { LogPosition, Term } from "../core/log-position.ts";
import { configurationAt } from "../core/log-terms.ts";
import type { Message, RequestPreVoteReply, RequestVoteReply } from "../core/messages.ts";
import type { State } from "../core/state.ts";
import type { Node } from "../node/node.ts";
import type { NodeMessage } from "../ports/node-messages.ts";
import { areEnough } from "./deciders.ts";
import type { Member } from "./member.ts";
import type { Sent } from "./promises.ts";

/** A node that asks for pre-votes has been told of a later term than the one it asks for. */
interface Told {
  readonly by: MemberKey;
  readonly askedTerm: Term;
  readonly term: Term;
  /** How often it has asked for the earlier term since. */
  asked: number;
}

interface Request {
  readonly term: Term;
  readonly held: LogPosition;
  /** The voter has lost something and copies it anew. Its refusal may wait for its disk until the copy is whole. */
  readonly isRefilling: boolean;
}

/** It may be about to ask as it is told. */
const askedMax = 1;

export class Ballots {
  readonly #broken: (what: string) => void;
  /** `candidate term` → the end of the log with which it asks for votes. */
  readonly #asked = new Map<string, LogPosition>();
  /** `voter candidate` → requests without an answer yet, each with what the voter had as it came. */
  readonly #unanswered = new Map<string, readonly Request[]>();
  /** `voter candidate term` of each vote that has arrived. */
  readonly #votes = new Set<string>();
  /** The same of pre-votes, with the term that was asked for. */
  readonly #preVotes = new Set<string>();
  readonly #seen = new WeakMap<Node, State>();
  readonly #told = new Map<Member, Told>();

  constructor(broken: (what: string) => void) {
    this.#broken = broken;
  }

  onSent(by: Member, { from, to, message }: Sent): void {
    if (message.kind === "requestVote") this.#asked.set(`${from} ${message.term}`, message.last);
    else if (message.kind === "requestVoteReply") this.#onAnswered(by, { from, to }, message);
    else if (message.kind === "requestPreVote") this.#onAskedAgain(by, to, message.term);
  }

  /** A message has come to a node that is awake. */
  onHeard(by: Member, from: MemberKey, message: Message | NodeMessage): void {
    const state = by.node?.state;
    if (state === undefined) return;
    const { self, log, refill } = state;
    if (message.kind === "requestVote")
      this.#onAsked(`${self} ${from}`, { term: message.term, held: log.last, isRefilling: refill !== null });
    else if (message.kind === "requestVoteReply" && message.granted) this.#votes.add(`${from} ${self} ${message.term}`);
    else if (message.kind === "requestPreVoteReply") this.#onPreVoteReply(by, state, from, message);
  }

  /** After each event. */
  look(member: Member): void {
    const { node } = member;
    if (node === null) return void this.#told.delete(member);
    const { state } = node;
    const before = this.#seen.get(node);
    if (state === before) return;
    this.#seen.set(node, state);
    const { role, self, currentTerm } = state;
    const told = this.#told.get(member);
    if (told !== undefined && (role.kind !== "preCandidate" || currentTerm >= told.askedTerm))
      this.#told.delete(member);
    if (role.kind === "candidate") this.#mustBeGranted(role.granted, this.#votes, self, currentTerm);
    if (role.kind === "preCandidate") this.#mustBeGranted(role.granted, this.#preVotes, self, currentTerm + 1);
    // A node whose disk is full begins anew with what is on it.
    if (before !== undefined && member.disk.room !== "none") this.#lookAtVote(before, state);
  }

  /** §3.4: the votes of a majority have arrived, of both halves of a joint configuration (§4.3), and of voters only. */
  onElected({ currentTerm: term, self, votedFor, log, role }: State): void {
    if (role.kind !== "leader") return;
    const { configuration } = configurationAt(log, role.termStartIndex);
    // A lone voter asks nobody.
    const hasVoted = (key: MemberKey): boolean =>
      key === self ? votedFor === self : this.#votes.has(`${key} ${self} ${term}`);
    if (!areEnough(configuration, hasVoted))
      this.#broken(`${self} leads term ${term}, and no majority has voted for it`);
  }

  #mustBeGranted(granted: readonly MemberKey[], arrived: ReadonlySet<string>, self: MemberKey, term: Term): void {
    const extra = granted.find((voter) => voter !== self && !arrived.has(`${voter} ${self} ${term}`));
    if (extra !== undefined)
      this.#broken(`${self} counts ${extra} for itself in term ${term}, which has not granted that`);
  }

  /** §3.6.1. In one event more than the vote may happen to the log. */
  #lookAtVote(before: State, { currentTerm, self, votedFor, log }: State): void {
    if (votedFor === null || votedFor === self) return;
    if (votedFor === before.votedFor && currentTerm === before.currentTerm) return;
    const last = this.#asked.get(`${votedFor} ${currentTerm}`);
    if (last === undefined || !isBehind(last, log.last) || !isBehind(last, before.log.last)) return;
    const own = textOf(log.last);
    this.#broken(
      `${self} votes for ${votedFor} in term ${currentTerm}, whose log ends at ${textOf(last)}, before ${own}`,
    );
  }

  #onAsked(pair: string, request: Request): void {
    this.#unanswered.set(pair, [...(this.#unanswered.get(pair) ?? []), request]);
  }

  /** A request of an earlier term is refused in the current one as well, so only the answer to a single request can be judged. */
  #onAnswered(by: Member, { from, to }: Pick<Sent, "from" | "to">, reply: RequestVoteReply): void {
    const pair = `${from} ${to}`;
    const [request, ...others] = this.#unanswered.get(pair) ?? [];
    this.#unanswered.delete(pair);
    if (reply.granted || request === undefined || others.length > 0 || request.term !== reply.term) return;
    this.#mustHaveReason(by, to, request);
  }

  /** A voter that has heard no leader of this term and has not voted in it refuses a vote only to a log that is behind its own. */
  #mustHaveReason({ node }: Member, candidate: MemberKey, { term, held, isRefilling }: Request): void {
    const state = node?.state;
    if (state === undefined || state.currentTerm !== term || isRefilling) return;
    const { role, self, votedFor, log } = state;
    if (role.kind !== "follower" || role.leader !== null || votedFor !== null) return;
    const last = this.#asked.get(`${candidate} ${term}`);
    if (last === undefined || isBehind(last, held) || isBehind(last, log.last)) return;
    this.#broken(
      `${self} refuses ${candidate} its vote in term ${term}, whose log ends at ${textOf(last)}, not before ${textOf(held)}`,
    );
  }

  #onPreVoteReply(by: Member, state: State, from: MemberKey, { askedTerm, term, granted }: RequestPreVoteReply): void {
    if (granted) return void this.#preVotes.add(`${from} ${state.self} ${askedTerm}`);
    const isAsking = state.role.kind === "preCandidate" && askedTerm === state.currentTerm + 1;
    if (isAsking && term >= askedTerm && !this.#told.has(by))
      this.#told.set(by, { by: from, askedTerm, term, asked: 0 });
  }

  #onAskedAgain(by: Member, to: MemberKey, term: Term): void {
    const told = this.#told.get(by);
    if (told === undefined || told.by !== to || told.askedTerm !== term || ++told.asked <= askedMax) return;
    this.#broken(`${by.id} asks ${to} again for a pre-vote in term ${term}, though it was told of term ${told.term}`);
  }
}

const isBehind = (one: LogPosition, other: LogPosition): boolean =>
  one.term < other.term || (one.term === other.term && one.index < other.index);

const textOf = ({ index, term }: LogPosition): string => `${index} of term ${term}`;
