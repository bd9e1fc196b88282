// Which messages are heard at all? Raft believes any term that it is told (§3.3), and any node that claims to lead. Here a node is
// heard that this node's configuration names. Another one is heard when a member vouches for it: vouching.ts. And no message of
// anybody moves a term far. What the heard messages do stands in their own files. Why so: docs/decisions/terms-leap-no-further.md.
import { isMember, type MemberKey } from "./configuration.ts";
import type { Term } from "./log-position.ts";
import type { Message } from "./messages.ts";
import type { Emit, State } from "./state.ts";
import { becomeFollower } from "./step-down.ts";
import { isSticky } from "./stickiness.ts";
import { askMembers, isCutOff, isKnown, isVouchedFor } from "./vouching.ts";

/** How far one message may move this node's term: an election a second for twelve days while it was away. */
export const termLeapMax = 2 ** 20;

/** Messages that carry the term of a leader, a candidate or a voter. */
type TermedMessage = Exclude<Message, { kind: "genesisNotice" | "requestMembers" | "requestMembersReply" }>;

/** What of a message counts here; null: nothing, as if it had been lost. */
export function heardOf(state: State, from: MemberKey, message: Message): Message | null {
  if (message.kind === "genesisNotice" || message.kind === "requestMembers") return message;
  if (isKnown(state, from)) return message;
  return message.kind === "requestMembersReply" ? null : heardOfUnknown(state, from, message);
}

function heardOfUnknown(state: State, from: MemberKey, message: TermedMessage): Message | null {
  switch (message.kind) {
    case "requestPreVote":
    case "requestVote":
      if (!isTrusted(state, from)) return null;
      // P10: it may be rightful. Ignore the transfer flag: only a known leader can vouch for a hand-over.
      return message.transfer ? { ...message, transfer: false } : message;
    case "appendEntries":
    case "installSnapshot": {
      // The answer to a leader whose term is over tells it so, and moves nothing here.
      const isOver = message.term < state.currentTerm;
      if (isOver || isFollowed(state, from, message.term)) return message;
      return isTrusted(state, from) && !isAgainstLeader(state, from, message.term) ? message : null;
    }
    case "requestPreVoteReply":
    case "requestVoteReply":
      // Only members are asked.
      return null;
    case "appendEntriesReply":
      // A node to which this leader bids farewell; its term concerns nobody (P9).
      return message.term > state.currentTerm ? null : message;
    case "timeoutNow":
    case "readIndex":
    case "readIndexReply":
      return message;
  }
}

/** A node that is not heard claims to lead or wants a vote while this node has no leader: the members may vouch for it. */
export function onUnheard(state: State, from: MemberKey, { kind }: Message, emit: Emit): State {
  const isClaim =
    kind === "requestPreVote" || kind === "requestVote" || kind === "appendEntries" || kind === "installSnapshot";
  return isClaim && state.genesis !== null && !isSticky(state) ? askMembers(state, from, emit) : state;
}

const isTrusted = (state: State, key: MemberKey): boolean =>
  hasNothingToLose(state) || isVouchedFor(state, key) || isCutOff(state);

/** A member that has lost its log looks like a newcomer. It still has a vote to lose: whichever leader refills it gives it back. */
const hasNothingToLose = (state: State): boolean => isNewcomer(state) && state.refill === null;

/** It has taken part in nothing yet: its configuration is that of a founding long ago, and the members bring it the later ones. */
export const isNewcomer = ({ wasMember, log, self }: State): boolean =>
  !wasMember && !log.configurations.some(({ configuration }) => isMember(configuration, self));

/** Whether it is the leader that this node follows in this very term. */
const isFollowed = ({ role, currentTerm }: State, key: MemberKey, term: Term): boolean =>
  role.kind === "follower" && role.leader === key && term === currentTerm;

/**
 * Whether it claims to lead while this node has a leader, which is another one: a rightful one says so again once that one has
 * been silent for an election timeout.
 */
const isAgainstLeader = (state: State, from: MemberKey, term: Term): boolean =>
  !isFollowed(state, from, term) && isSticky(state);

/**
 * A term that lies further than one leap is approached, and nothing else of the message is heard: so a node that was away comes to
 * hear a leader of any term, and no single message leaves the cluster without terms. Null: the term is within reach.
 */
export function approach(state: State, message: Message, emit: Emit): State | null {
  if (!("term" in message) || message.term <= state.currentTerm + termLeapMax || state.genesis === null) return null;
  switch (message.kind) {
    case "appendEntries":
    case "installSnapshot":
      // It has no term to lose, and the members bring it theirs.
      return isNewcomer(state) && state.currentTerm === 0 ? null : leap(state, emit);
    case "requestVote":
      return isSticky(state) && !message.transfer ? state : leap(state, emit);
    case "requestVoteReply":
    case "appendEntriesReply":
      return leap(state, emit);
    case "requestPreVoteReply":
      return state.role.kind === "preCandidate" ? leap(state, emit) : state;
    default:
      return null;
  }
}

const leap = (state: State, emit: Emit): State => becomeFollower(state, state.currentTerm + termLeapMax, null, emit);
