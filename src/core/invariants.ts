// What must hold in every state of a node, and between a state and a later one of the same start. Tests check it after every
// step, the simulator after every turn of a node, which has many steps. A cluster-wide property (one leader per term, logs that
// match) is the simulator's to check.
import { crashAttemptsMax } from "./leader-crash.ts";
import { termAt } from "./log-terms.ts";
import { checkMembership } from "./membership-invariants.ts";
import { must } from "./must.ts";
import { confirmedRound } from "./reads.ts";
import type { Follower, Leader, Progress } from "./roles.ts";
import type { State } from "./state.ts";

/** Throws when `state` cannot be the state of a correct node. */
export function checkState(state: State): void {
  const { log, durability, role } = state;
  must(state.genesis === null || state.founding === null, "a node that knows the genesis waits for no founder");
  must(state.founding === null || state.refill === null, "a node that has lost its data founds no cluster");
  const isNew = state.genesis === null && state.refill === null;
  must(!isNew || (state.currentTerm === 0 && state.votedFor === null), "no vote precedes the genesis");
  must(state.refill === null || role.kind === "follower", "a node that has lost something does not stand for election");
  must(state.genesis !== null || role.kind === "follower", "before the genesis a node only waits");
  const covered = state.snapshot?.position.index ?? 0;
  must(log.base.index <= covered, "entries go only when a snapshot covers them");
  must(covered <= state.appliedIndex || state.installing !== null, "what a snapshot covers is applied");
  must(state.installing === null || durability.persistedIndex < covered, "what is being installed is not durable yet");
  must(covered <= state.commitIndex, "a snapshot covers what is committed, and nothing else");
  must(log.lastStampMs >= (state.snapshot?.stampMs ?? 0), "the log ends no earlier than its snapshot, also in time");
  must(state.appliedIndex <= state.commitIndex, "nothing is applied before it is committed (§3.5)");
  must(state.appliedIndex <= durability.persistedIndex, "nothing is applied before it is durable here");
  must(state.commitIndex <= log.last.index, "what is committed is in the log");
  must(durability.persistedIndex <= log.last.index, "what is durable is in the log");
  must((state.wake?.through ?? 0) <= state.appliedIndex, "a state machine asks after what it was given");
  must(log.last.term <= state.currentTerm, "no entry has a term that this node has not reached");
  must(durability.confirmed <= durability.issued, "no ticket is confirmed before it is issued");
  must(durability.voteTicket <= durability.issued, "the vote's ticket has been issued");
  must(isAscending(durability.appends.map((write) => write.ticket)), "appends are confirmed in order");
  must(
    isAscending(
      durability.promised.map((waiting) => waiting.ticket),
      true,
    ),
    "promises are kept in order",
  );
  must(isAscending(log.termStarts.map((start) => start.term)), "terms rise along the log");
  must(isAscending(log.termStarts.map((start) => start.index)), "term starts rise along the log");
  must(isAscending(log.segments.map((segment) => segment.through)), "segments rise along the log");
  must((log.segments.at(-1)?.through ?? log.last.index) === log.last.index, "the segments reach the end of the log");
  must(isAscending(log.configurations.map((placed) => placed.position.index)), "configurations rise along the log");
  if (role.kind === "follower") checkFollower(state, role);
  if (role.kind === "candidate") must(state.votedFor === state.self, "a candidate has voted for itself (§3.4)");
  if (role.kind === "candidate") must(role.asked || role.granted.length === 0, "nobody votes before being asked");
  checkCrashedLeader(state);
  if (role.kind === "leader") checkLeader(state, role);
  checkMembership(state);
}

function checkCrashedLeader({ crashedLeader, role, currentTerm }: State): void {
  if (crashedLeader === null) return;
  const { key, term, attemptsLeft, dueMs } = crashedLeader;
  must(role.kind !== "leader", "a leader waits for no other one's crash");
  must(term <= currentTerm, "a leader that has crashed had led a term");
  must(attemptsLeft >= 0 && attemptsLeft <= crashAttemptsMax, "evidence of a crash is acted on a few times");
  must(Number.isFinite(dueMs) === attemptsLeft > 0, "an attempt has its time, and only an attempt");
  const follows = role.kind === "follower" ? role.leader : null;
  must(
    follows === null || (follows === key && term === currentTerm),
    "a leader that is heard voids what spoke for its crash",
  );
}

function checkFollower(state: State, role: Follower): void {
  must(role.verifiedIndex <= state.log.last.index, "what is verified is in the log");
  must(role.leader !== null || role.reads.length === 0, "nobody is asked about reads but a leader");
  must(isAscending(role.reads.map(({ id }) => id)), "reads are asked about once each, in order");
  must((role.reads.at(-1)?.id ?? 0) < state.nextReadId, "the next read has a name of its own");
}

function checkReads(state: State, role: Leader): void {
  const confirmed = confirmedRound(state, role);
  for (const { after, index, asker } of role.reads) {
    must(after <= role.round, "a read waits for messages after those that were sent when it came");
    must(after >= confirmed, "no read waits that a quorum has confirmed (§6.4)");
    must(index >= role.termStartIndex, "no read is served before the leader's term is committed (§6.4)");
    must(index <= state.commitIndex || index === role.termStartIndex, "a read waits for nothing later than itself");
    must(asker.kind === "client" || asker.key !== state.self, "a leader does not ask itself");
  }
  must(
    isAscending(
      role.reads.map(({ after }) => after),
      true,
    ),
    "reads are confirmed in the order of their arrival",
  );
  must(role.askedAfter <= role.round, "nobody has been asked in a round to come");
}

function checkLeader(state: State, role: Leader): void {
  const { log } = state;
  must(state.votedFor === state.self, "a leader has voted for itself");
  must(log.last.index >= role.termStartIndex, "a leader never removes entries of its own term (§3.5)");
  const isCompacted = role.termStartIndex <= log.base.index;
  must(isCompacted || termAt(log, role.termStartIndex) === state.currentTerm, "a leader's term opens with its no-op");
  must(log.lastStampMs >= role.stampBaseMs, "a leader's time goes on from where its log stood");
  must(log.last.term === state.currentTerm, "a leader's last entry is of its own term");
  must((role.stirring?.index ?? 0) <= log.last.index, "what a leader has appended stays in its log");
  checkReads(state, role);
  for (const [key, progress] of role.progress) {
    must(key !== state.self, "a leader follows itself by its own disk only");
    must(progress.matchIndex < progress.nextIndex, "matchIndex is below nextIndex");
    must(progress.nextIndex <= log.last.index + 1, "nextIndex is at most one beyond the log");
    must(progress.matchedAfter <= role.round, "nothing is confirmed in a round to come");
    must(progress.ackedRound <= role.round, "no round is acknowledged before it is sent");
    if (progress.kind !== "replicating") continue;
    must(isAscending(progress.inFlight.map((sent) => sent.through)), "messages in flight rise along the log");
    must((progress.inFlight.at(-1)?.through ?? 0) < progress.nextIndex, "nothing in flight is beyond nextIndex");
    const entries = progress.inFlight.reduce((sum, sent) => sum + sent.entries, 0);
    must(entries <= state.settings.windowEntriesMax, "the window of entries holds");
  }
}

/** Throws when no events can lead a correct node from `before` to `after` in one turn. */
export function checkTransition(before: State, after: State): void {
  must(after.nowMs >= before.nowMs, "time does not go back");
  must(after.currentTerm >= before.currentTerm, "the current term never falls (§3.3)");
  must(after.commitIndex >= before.commitIndex, "the commit index never falls");
  must(after.appliedIndex >= before.appliedIndex, "nothing is applied twice");
  must(after.self === before.self, "a node stays itself");
  must(before.removed === null || after.removed === before.removed, "who has been removed stays removed");
  must(!before.wasMember || after.wasMember, "who has been a member has been one");
  must(before.refill !== null || after.refill === null, "a node that takes part does so until it stops");
  must(before.genesis === null || after.genesis === before.genesis, "a genesis is for ever");
  if (after.currentTerm === before.currentTerm && before.votedFor !== null) {
    must(after.votedFor === before.votedFor, "a vote stands for its whole term (§3.4)");
  }
  must(after.durability.confirmed >= before.durability.confirmed, "what was durable stays durable");
  must(after.durability.issued >= before.durability.issued, "tickets rise");
  must(after.log.base.index >= before.log.base.index, "the log's base never goes back");
  const coveredBefore = before.snapshot?.position.index ?? 0;
  must((after.snapshot?.position.index ?? 0) >= coveredBefore, "a snapshot never goes back");
  must((after.snapshot?.stampMs ?? 0) >= (before.snapshot?.stampMs ?? 0), "the time of a snapshot never goes back");
  const committed = Math.max(before.commitIndex, after.log.base.index);
  must(
    before.commitIndex < after.log.base.index || termAt(before.log, committed) === termAt(after.log, committed),
    "a committed entry is never replaced (§3.6.3)",
  );
  checkSameTerm(before, after);
}

function checkSameTerm(before: State, after: State): void {
  if (before.role.kind !== "leader" || after.role.kind !== "leader") return;
  if (before.currentTerm !== after.currentTerm) return;
  must(after.log.last.index >= before.log.last.index, "a leader only appends (§3.5)");
  must(after.role.round >= before.role.round, "rounds rise");
  const { farewells } = after.role.administration;
  for (const [key, progress] of before.role.progress) {
    const later = after.role.progress.get(key);
    // In one turn a farewell may end and, since the node asks for a vote, begin again with nothing known of the node.
    const beginsAnew = later !== undefined && (beginsRefill(progress, later) || farewells.has(key));
    must(later === undefined || beginsAnew || later.matchIndex >= progress.matchIndex, "matchIndex never falls");
  }
}

const refillOf = ({ fault }: Progress): number | null => (fault?.kind === "refilling" ? fault.id : null);

/** What a follower that refills itself has acknowledged before counts no more; each start of it begins anew. */
const beginsRefill = (before: Progress, after: Progress): boolean =>
  refillOf(after) !== null && refillOf(after) !== refillOf(before);

function isAscending(values: readonly number[], allowEqual = false): boolean {
  return values.every((value, at) => at === 0 || value > values[at - 1]! || (allowEqual && value === values[at - 1]!));
}
