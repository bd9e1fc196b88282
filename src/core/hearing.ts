// Which messages are heard at all? Raft believes any term that it is told (§3.3), and whoever claims to lead. A node that no
// configuration has named yet must be heard, for this node's configuration may be the older one; but it ends no leader's
// term, and no message of anybody's moves a term far. The rules for what is heard stand in the files of the messages.
// Why so: docs/decisions/terms-leap-no-further.md.
import { isMember, type MemberKey } from "./configuration.ts";
import type { Term } from "./log-position.ts";
import type { Message } from "./messages.ts";
import type { State } from "./state.ts";
import { isSticky } from "./stickiness.ts";

/** How far one message may lie ahead of this node's term: an election a second for twelve days while it was away. */
export const termLeapMax = 2 ** 20;

/** The genesis, or a configuration that this node's log holds, committed or not, names this incarnation. */
export const isNamed = ({ log, genesis }: Pick<State, "log" | "genesis">, key: MemberKey): boolean =>
  log.configurations.some(({ configuration }) => isMember(configuration, key)) ||
  genesis?.members.some((member) => member.key === key) === true;

/** What of a message counts here; null: nothing, as if it had been lost. */
export function heardOf(state: State, from: MemberKey, message: Message): Message | null {
  if (message.kind === "genesisNotice") return message;
  if (message.term > state.currentTerm + termLeapMax && !isNewcomerToLeader(state, message)) return null;
  return isNamed(state, from) ? message : heardOfUnnamed(state, from, message);
}

/** Who has taken part in nothing yet may join a cluster of any age: nobody takes a term from it that leaps. */
const isNewcomerToLeader = ({ currentTerm, wasMember }: State, { kind }: Message): boolean =>
  currentTerm === 0 && !wasMember && (kind === "appendEntries" || kind === "installSnapshot");

function heardOfUnnamed(
  state: State,
  from: MemberKey,
  message: Exclude<Message, { kind: "genesisNotice" }>,
): Message | null {
  switch (message.kind) {
    case "requestPreVote":
    case "requestVote":
      // P10: it may be rightful, and is heard by who has no leader. That a leader hands over to it nobody else says.
      return message.transfer ? { ...message, transfer: false } : message;
    case "appendEntries":
    case "installSnapshot":
      return isAgainstLeader(state, from, message.term) ? null : message;
    case "requestPreVoteReply":
    case "requestVoteReply":
      // Only members are asked.
      return null;
    case "appendEntriesReply": {
      // A former member whose name is compacted away is bid farewell; its term and its log concern nobody (P9).
      const { outcome, term } = message;
      const isBeyond = outcome.kind === "accepted" && outcome.matchIndex > state.log.last.index;
      return term > state.currentTerm || isBeyond ? null : message;
    }
    case "timeoutNow":
    case "readIndex":
    case "readIndexReply":
      return message;
  }
}

/**
 * Whether it claims to lead while this node has a leader, which is another one: a rightful one says so again once that one has
 * been silent for an election timeout. In one term there is no second leader ever.
 */
function isAgainstLeader(state: State, from: MemberKey, term: Term): boolean {
  const { role, currentTerm } = state;
  const leader = role.kind === "leader" ? state.self : role.kind === "follower" ? role.leader : null;
  if (leader === null || leader === from || term < currentTerm) return false;
  return term === currentTerm || isSticky(state);
}
