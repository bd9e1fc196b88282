// Can an honest node have sent this message? Some messages contradict what this node can check by itself: its own log, its own
// commit index, and what it has sent. Such a message is a lie of its sender. It costs the sender its connection, and this node
// ignores it. What a correct node cannot contradict by itself is believed: see hearing.ts for whose word counts at all.
import type { MemberKey } from "./configuration.ts";
import { brokenRuleOf } from "./configuration-invariants.ts";
import { type Entry, stampMsMax } from "./entry.ts";
import { isNewcomer } from "./hearing.ts";
import { type LogIndex, type LogPosition, logStart, type Term } from "./log-position.ts";
import { termAt } from "./log-terms.ts";
import type { AppendEntries, AppendEntriesReply, InstallSnapshot, Message } from "./messages.ts";
import { plausibleStampMs } from "./replicated-time.ts";
import type { State } from "./state.ts";

/** How far a leader's snapshot may end beyond this log: 2^9 such leaps lie before the end of the range. */
export const indexLeapMax = 2 ** 44;

/** Why `from` cannot have sent this as an honest node, in words for an operator; null when this node sees no contradiction. */
export function lieIn(state: State, from: MemberKey, message: Message): string | null {
  if (state.genesis === null) return null;
  switch (message.kind) {
    case "appendEntries":
      return secondLeader(state, from, message.term) ?? lieInConfirmed(state, message) ?? lieInEntries(state, message);
    case "installSnapshot":
      return secondLeader(state, from, message.term) ?? lieInConfirmed(state, message) ?? lieInSnapshot(state, message);
    case "appendEntriesReply":
      return lieInReply(state, message);
    default:
      return null;
  }
}

/** §3.4: at most one leader is elected in a term, and this node knows it. */
function secondLeader({ role, currentTerm, self }: State, from: MemberKey, term: Term): string | null {
  if (term !== currentTerm) return null;
  const leader = role.kind === "leader" ? self : role.kind === "follower" ? role.leader : null;
  return leader === null || leader === from ? null : `it claims to lead term ${term}, which ${leader} leads`;
}

/**
 * A leader says how much this node has acknowledged to it. In the first term after its start this node may have lost that. In a
 * later one it holds what it has acknowledged, until a leader of a still later term overwrites it (§3.5).
 */
function lieInConfirmed(
  { firstTerm, currentTerm, refill, log }: State,
  { term, confirmed }: Pick<AppendEntries, "term" | "confirmed">,
): string | null {
  const isKnown = refill === null && firstTerm !== null && term > firstTerm && term >= currentTerm;
  if (!isKnown || confirmed <= log.last.index) return null;
  return `it has had entry ${confirmed} confirmed in term ${term}, and this log has never reached beyond ${log.last.index} in it`;
}

/** Each entry follows the one before it, and none contradicts what is committed here (§3.6.3). */
function lieInEntries(state: State, { term, prev, entries }: AppendEntries): string | null {
  // A leader of an earlier term may hold what was overwritten since.
  const compares = term >= state.currentTerm;
  const latestMs = latestStampMs(state);
  let before: LogPosition = prev;
  if (compares && contradictsCommitted(state, prev)) return conflict(state, prev);
  for (const entry of entries) {
    const fault = misplaced(entry, before, term);
    if (fault !== null) return fault;
    if (entry.stampMs > latestMs) return leapInTime(state, `its entry ${entry.index}`, entry.stampMs);
    if (compares && contradictsCommitted(state, entry)) return conflict(state, entry);
    before = entry;
  }
  return lieInConfigurations(entries);
}

/**
 * No leader appends a configuration that breaks a rule. Stored, it would end each node that leads with it, at each start. Whether it
 * follows from the one before it (§4.3) says nothing: the log of a recovered cluster holds those of the cluster of old.
 */
function lieInConfigurations(entries: readonly Entry[]): string | null {
  for (const entry of entries) {
    const broken = entry.kind === "configuration" ? brokenRuleOf(entry.configuration) : null;
    if (broken !== null) return `its entry ${entry.index} is a configuration of which this does not hold: ${broken}`;
  }
  return null;
}

function misplaced(entry: Entry, before: LogPosition, leaderTerm: Term): string | null {
  if (entry.index !== before.index + 1) return `its entry ${entry.index} does not follow ${before.index}`;
  if (entry.term < before.term) return `its entry ${entry.index} has term ${entry.term}, after term ${before.term}`;
  return entry.term > leaderTerm ? `its entry ${entry.index} has term ${entry.term}, later than its own` : null;
}

/** Whether another entry is committed here at this index; below the base this node cannot tell. */
function contradictsCommitted({ log, commitIndex }: State, { index, term }: LogPosition): boolean {
  return index >= log.base.index && index <= commitIndex && termAt(log, index) !== term;
}

const conflict = ({ log }: State, { index, term }: LogPosition): string =>
  `its entry ${index} has term ${term}; here term ${termAt(log, index)} is committed there`;

/** A newcomer has no time of its own yet: it takes that of the log which the members bring it. */
const latestStampMs = (state: State): number => (isNewcomer(state) ? stampMsMax : plausibleStampMs(state));

const leapInTime = (state: State, what: string, stampMs: number): string =>
  `${what} has the time ${stampMs}; here nothing is later than ${latestStampMs(state)}: compare the clocks`;

function lieInSnapshot(state: State, { term, snapshot }: InstallSnapshot): string | null {
  if (term < state.currentTerm) return null;
  const { position, stampMs, configuration } = snapshot;
  const broken = brokenRuleOf(configuration.configuration);
  if (broken !== null) return `its snapshot has a configuration of which this does not hold: ${broken}`;
  if (stampMs > latestStampMs(state)) return leapInTime(state, "its snapshot", stampMs);
  if (contradictsCommitted(state, position)) return conflict(state, position);
  const committed = lastCommitted(state);
  if (position.index > committed.index && position.term < committed.term) {
    return `its snapshot ends at ${position.index} in term ${position.term}; here ${committed.index} is committed in term ${committed.term}`;
  }
  const indexMax: LogIndex = state.log.last.index + indexLeapMax;
  return position.index > indexMax ? `its snapshot ends at ${position.index}, beyond ${indexMax}` : null;
}

const lastCommitted = ({ log, commitIndex }: State): LogPosition => ({
  index: commitIndex,
  term: termAt(log, commitIndex) ?? logStart.term,
});

/** A follower answers what this leader has sent in this term: no round before it was sent, no entry that was never there. */
function lieInReply({ role, currentTerm, log }: State, { term, round, outcome }: AppendEntriesReply): string | null {
  if (role.kind !== "leader" || term !== currentTerm) return null;
  if (round > role.round) return `it answers round ${round}; the last one sent is ${role.round}`;
  if (outcome.kind !== "accepted" || outcome.matchIndex <= log.last.index) return null;
  return `it acknowledges entry ${outcome.matchIndex}; the leader's log ends at ${log.last.index}`;
}
