// How is the membership changed? (§4) By the leader, one change after the other: each is a configuration in the log, in force
// as soon as it is there. One that changes voters is joint first (§4.3), and the leader ends that as soon as it is committed.
// Which configuration follows which is next-configuration.ts, when a learner is ready catch-up.ts.
//
// States of a change:   queued ──▶ in the log ──▶ committed ──▶ complete
//                                       ▲              │ joint, or its learners have caught up: the next configuration
//                                       └──────────────┘
// What holds: nothing is appended before an entry of the leader's own term is committed (P37), nor while the latest
// configuration is uncommitted (P38), nor while leadership is being handed over. So a leader has at most one uncommitted
// configuration, and any later leader finds in the log what is left to do.
import { advanceCommit } from "./commit.ts";
import { hasCaughtUp, withRounds } from "./catch-up.ts";
import {
  type Configuration,
  isJoint,
  isMember,
  isVoter,
  type MemberKey,
  nodeIdOf,
  type PlacedConfiguration,
} from "./configuration.ts";
import { checkConfiguration } from "./configuration-invariants.ts";
import { appendToLog } from "./durability.ts";
import type { ChangeMembershipEvent, ChangeRef } from "./events.ts";
import { bidFarewell, withFarewells } from "./farewell.ts";
import { missingVoters } from "./faults.ts";
import { noHomecoming } from "./homecoming.ts";
import type { ChangeOutcome } from "./membership-change.ts";
import { finalConfiguration, nextConfiguration, promotionsOf } from "./next-configuration.ts";
import { formerMembers } from "./removal.ts";
import { confirmReads } from "./reads.ts";
import { nextStampMs } from "./replicated-time.ts";
import { firstProgress } from "./progress.ts";
import { heartbeat, replicateToAll } from "./replication.ts";
import type { Administration, BegunChange, Leader } from "./roles.ts";
import type { Emit, State } from "./state.ts";
import { becomeFollower } from "./step-down.ts";
import { bestPrepared } from "./transfer.ts";

/** How many changes a leader keeps that are not complete. */
const changesMax = 64;

export const openAdministration = (): Administration => ({
  queue: [],
  begun: [],
  rounds: new Map(),
  farewells: new Map(),
  homecoming: noHomecoming,
});

/** A leader lets the change wait for its turn; `administer` takes it up, perhaps in this very step. */
export function onChangeMembership(state: State, event: ChangeMembershipEvent, emit: Emit): State {
  const { role } = state;
  const { ref, change, expectedIndex } = event;
  if (role.kind !== "leader") {
    settle(ref, { kind: "notLeader", leader: role.kind === "follower" ? role.leader : null }, emit);
    return state;
  }
  const { queue, begun } = role.administration;
  if (queue.length + begun.length >= changesMax) {
    settle(ref, { kind: "refused", reason: { kind: "tooManyChanges", max: changesMax } }, emit);
    return state;
  }
  return withAdministration(state, { queue: [...queue, { ref, change, expectedIndex }] });
}

/** What a leader does about its members after each step: as much as can be done now. */
export function administer(state: State, emit: Emit): State {
  let next = withFarewells(withRounds(state));
  for (;;) {
    const after = advance(next, emit);
    if (after === next) return next;
    next = after;
  }
}

/** The next thing to do; the state itself when there is nothing. */
function advance(state: State, emit: Emit): State {
  const { role } = state;
  if (role.kind !== "leader" || state.commitIndex < role.termStartIndex) return state;
  const latest = state.log.configurations.at(-1);
  if (latest === undefined || latest.position.index > state.commitIndex) return state;
  const { configuration } = latest;
  if (isJoint(configuration)) {
    return role.transfer === null ? appendConfiguration(state, finalConfiguration(configuration), emit) : state;
  }
  const next = settleComplete(state, role, latest, emit);
  if (!isVoter(configuration, state.self)) return abdicate(next, role, emit);
  if (next !== state || role.transfer !== null) return next;
  const promoted = promotionsOf(configuration, (key) => hasCaughtUp(state, role, key));
  const isTime = promoted !== null && missingVoters(state, role, promoted).length === 0;
  return isTime ? appendConfiguration(state, promoted, emit) : beginNext(state, role, latest, emit);
}

/** The changes whose learners wait no longer are complete: the configuration is committed and not joint. */
function settleComplete(
  state: State,
  role: Leader,
  { position, configuration }: PlacedConfiguration,
  emit: Emit,
): State {
  const { begun } = role.administration;
  const isWaiting = ({ awaits }: BegunChange): boolean =>
    configuration.pending.some(({ promote }) => promote.some((key) => awaits.includes(key)));
  const waiting = begun.filter(isWaiting);
  if (waiting.length === begun.length) return state;
  for (const { ref, awaits } of begun.filter((change) => !isWaiting(change))) {
    const withdrawn = awaits.find((key) => !configuration.voters.includes(key));
    const outcome: ChangeOutcome =
      withdrawn === undefined
        ? { kind: "done", index: position.index }
        : { kind: "refused", reason: { kind: "withdrawn", id: nodeIdOf(withdrawn) } };
    settle(ref, outcome, emit);
  }
  return withAdministration(state, { begun: waiting });
}

/** Takes the first change that waits for its turn. */
function beginNext(state: State, role: Leader, { position, configuration }: PlacedConfiguration, emit: Emit): State {
  const [first, ...queue] = role.administration.queue;
  if (first === undefined) return state;
  const taken = withAdministration(state, { queue });
  const { ref, change, expectedIndex } = first;
  if (expectedIndex !== null && expectedIndex !== position.index) {
    settle(ref, { kind: "conflict", index: position.index }, emit);
    return taken;
  }
  const decision = nextConfiguration(configuration, change, formerMembers(state));
  if (decision.kind === "refused") {
    settle(ref, decision, emit);
    return taken;
  }
  const missing = decision.kind === "append" ? newlyMissing(state, role, decision.configuration) : [];
  if (missing.length > 0) {
    settle(ref, { kind: "refused", reason: { kind: "damagedVoters", ids: missing.map(nodeIdOf) } }, emit);
    return taken;
  }
  const begun = withAdministration(taken, { begun: [...role.administration.begun, { ref, awaits: decision.awaits }] });
  return decision.kind === "append" ? appendConfiguration(begun, decision.configuration, emit) : begun;
}

/** A change that leaves the voters as they are makes nothing worse. */
const newlyMissing = (state: State, role: Leader, configuration: Configuration): readonly MemberKey[] =>
  isJoint(configuration) ? missingVoters(state, role, configuration) : [];

/** §4.1: the configuration is in force from now on, here at once and on the others as it reaches their logs. */
function appendConfiguration(state: State, configuration: Configuration, emit: Emit): State {
  const { role, log } = state;
  if (role.kind !== "leader") throw new Error(`a ${role.kind} changes no members`);
  checkConfiguration(configuration);
  const index = log.last.index + 1;
  const stampMs = nextStampMs(state, role);
  const entry = { kind: "configuration", index, term: state.currentTerm, stampMs, configuration } as const;
  const members = configuration.members.map(({ key }) => key).filter((key) => key !== state.self);
  const progress = new Map(role.progress);
  for (const key of members) if (!progress.has(key)) progress.set(key, firstProgress(state, index));
  // Whoever is a member (again) is told nothing of having left.
  const farewells = new Map([...role.administration.farewells].filter(([key]) => !isMember(configuration, key)));
  const administration = { ...role.administration, farewells };
  // Nobody has had a reason yet to answer for this configuration: its quorum has an election timeout from now.
  const graceUntilMs = Math.max(role.graceUntilMs, state.nowMs + state.settings.electionTimeoutMs);
  const leading = { ...state, role: { ...role, progress, administration, graceUntilMs, wokeLate: false } };
  let next = appendToLog(leading, [entry], emit);
  for (const key of role.progress.keys()) next = bidFarewell(next, key);
  // A smaller quorum may have confirmed what a larger one had not.
  return confirmReads(advanceCommit(replicateToAll(withRounds(next), emit), emit), emit);
}

/**
 * §4.2.2: the configuration that leaves this leader out, or lets it learn, is committed: its work is done. It says so to its
 * followers and asks the best of them to take over, so that nobody has to wait for an election timeout.
 */
function abdicate(state: State, role: Leader, emit: Emit): State {
  const told = heartbeat(state, emit);
  const successor = bestPrepared(told, role);
  // What it lacks is on its way before this; and if it is not, the others tell it so before it raises its term (§9.6).
  if (successor !== null) {
    emit({ kind: "send", to: successor, message: { kind: "timeoutNow", term: state.currentTerm } });
  }
  return becomeFollower(told, told.currentTerm, null, emit);
}

function withAdministration(state: State, change: Partial<Administration>): State {
  const { role } = state;
  if (role.kind !== "leader") throw new Error(`a ${role.kind} administers nothing`);
  return { ...state, role: { ...role, administration: { ...role.administration, ...change } } };
}

const settle = (ref: ChangeRef, outcome: ChangeOutcome, emit: Emit): void =>
  emit({ kind: "changeSettled", ref, outcome });
