// What becomes of an administrator's request to change the membership? The leader has newcomers tried, gives up leadership
// first if it is to leave itself, and lets the core decide; whoever asked waits until all of it is done, and is told in words.
import { type Configuration, isJoint, type MemberKey, nodeIdOf, toMemberKey } from "../core/configuration.ts";
import {
  describeChange,
  describeChangeOutcome,
  describeConfiguration,
  describeRefusal,
} from "../core/describe-membership.ts";
import type { LogIndex, Millis } from "../core/log-position.ts";
import { latestConfiguration } from "../core/log-terms.ts";
import { formerMembers } from "../core/removal.ts";
import type { ChangeOutcome, MembershipChange } from "../core/membership-change.ts";
import { membersCalled } from "../core/member-names.ts";
import { nextConfiguration, settledConfiguration } from "../core/next-configuration.ts";
import type { State } from "../core/state.ts";
import type { Clock } from "../ports/clock.ts";
import type { ChangeMembershipRequest, RequestedAddition, RequestedChange } from "../ports/membership-requests.ts";
import type { ClientReply, LeaderHint, RequestId } from "../ports/requests.ts";
import { knownLeader, notLeader } from "./known-leader.ts";
import type { HandOver } from "./hand-overs.ts";
import { inTime } from "./in-time.ts";
import type { NodeMembership } from "./membership.ts";
import type { Verdict } from "./reaching.ts";
import { planOf, standstill, type Tried } from "./plan.ts";
import type { ReplyError } from "./waiting-clients.ts";

/** The node as such a request sees it. */
export interface ChangeTarget {
  readonly state: State;
  /** Why changes of the members are not taken just now; null when they are. */
  readonly refusalOfChanges: ReplyError | null;
  readonly clock: Clock;
  readonly membership: Pick<NodeMembership, "reach" | "change" | "untilAnswered">;
  transfer(to: string | null): Promise<HandOver>;
}

/** Of a node that is added though nobody can dial it: leadership goes to whoever clients reach. */
const hiddenPriority = -1;

type Answer = (reply: ClientReply) => void;

export async function onChangeRequest(
  node: ChangeTarget,
  request: ChangeMembershipRequest,
  reply: Answer,
): Promise<void> {
  const { id, change, expectedIndex, dryRun, timeoutMs } = request;
  const { clock } = node;
  const dueMs = clock.nowMs() + timeoutMs;
  const fail = (error: ReplyError): void => reply({ kind: "error", id, ...error });
  const before = obstacle(node);
  if (before !== null) return fail(before);
  const trying = resolve(node, change);
  if (!(await inTime(trying, clock, timeoutMs))) return fail(notTried(change));
  const { resolved, tried } = await trying;
  // Trying takes time: somebody else may lead by now.
  const after = obstacle(node);
  if (after !== null) return fail(after);
  if (dryRun) return reply({ kind: "membershipPlan", id, ...planOf(node.state, resolved, tried) });
  if (tried.refusal !== null) return fail(refused(tried.refusal));
  const objection = objectionTo(node.state, resolved, expectedIndex);
  if (objection !== null) return fail(objection);
  const handing = handOverFirst(node, resolved);
  if (!(await inTime(handing, clock, dueMs - clock.nowMs())))
    return fail(notBegun("leadership was not handed over in time"));
  const handed = await handing;
  if (handed === "busy") return fail(notBegun("leadership is being handed over"));
  if (handed !== null) return fail(notLeader(handed));
  const changed = node.membership.change(resolved, expectedIndex);
  const answered = answerChange(node, id, { resolved, changed, remarks: tried.remarks, dueMs }).then(reply);
  await node.membership.untilAnswered(answered);
}

interface Handed {
  readonly resolved: MembershipChange;
  readonly changed: Promise<ChangeOutcome>;
  readonly remarks: readonly string[];
  readonly dueMs: Millis;
}

async function answerChange(
  node: ChangeTarget,
  id: RequestId,
  { resolved, changed, remarks, dueMs }: Handed,
): Promise<ClientReply> {
  const outcome = (await inTime(changed, node.clock, dueMs - node.clock.nowMs())) ? await changed : null;
  if (outcome?.kind !== "done") return { kind: "error", id, ...failureOf(node.state, resolved, outcome) };
  const message = [`${describeChange(resolved)}: ${standing(node.state)}`, ...remarks].join("; ");
  return { kind: "membershipChanged", id, index: outcome.index, message };
}

/**
 * Why this node does not take it just now; null: it leads. A stopped state machine is no reason: the change may bring the
 * only member that can lead better.
 */
function obstacle({ state, refusalOfChanges }: ChangeTarget): ReplyError | null {
  if (refusalOfChanges !== null) return refusalOfChanges;
  return state.role.kind === "leader" ? null : notLeader(knownLeader(state));
}

/** Gives every newcomer the incarnation that runs at its address now. */
async function resolve(
  { state, membership }: ChangeTarget,
  change: RequestedChange,
): Promise<{ readonly resolved: MembershipChange; readonly tried: Tried }> {
  const judges = judgesOf(state, change);
  const verdicts = await Promise.all(change.add.map((each) => membership.reach(each, judges)));
  const refusals = change.add.flatMap((each, at) => objectionsTo(each, verdicts[at]!));
  const unasked = verdicts.flatMap((verdict) => (verdict.kind === "reachable" ? verdict.unasked : []));
  const add = change.add.map(({ id, address, priority, voter }, at) => {
    const verdict = verdicts[at];
    const incarnation = verdict?.kind === "reachable" ? verdict.incarnation : "unknown";
    const key = toMemberKey(id, incarnation);
    const isNew = state.log.configurations.at(-1)?.configuration.members.every((member) => member.key !== key) ?? true;
    const isLastChoice = isNew && verdict?.kind === "reachable" && verdict.isHidden;
    return { key, address, priority: priority ?? (isLastChoice ? hiddenPriority : null), voter };
  });
  return {
    resolved: { ...change, add },
    tried: {
      refusal: refusals.length === 0 ? null : refusals.join("; "),
      unasked: [...new Set(unasked)],
      remarks: change.add.flatMap((each, at) => remarksOn(each, verdicts[at]!)),
    },
  };
}

/** A node that nobody can dial is added when that is meant, and not because of a slip in its address. */
function objectionsTo({ id, address, behindNat }: RequestedAddition, verdict: Verdict): readonly string[] {
  if (verdict.kind === "refused") return [verdict.reason];
  if (behindNat || !verdict.isHidden) return [];
  return [
    `${listOf(verdict.undialledBy)} cannot dial ${id} at ${address}, and reach it by its own connections alone; if the address is right, and clients need not reach it there: --behind-nat`,
  ];
}

function remarksOn({ id, address }: RequestedAddition, verdict: Verdict): readonly string[] {
  if (verdict.kind === "refused" || verdict.undialledBy.length === 0) return [];
  return verdict.isHidden
    ? [`nobody can dial ${id} at ${address}: its own connections serve, and clients cannot reach it there`]
    : [`${listOf(verdict.undialledBy)} cannot dial ${id} at ${address}: its own connections serve there`];
}

const listOf = (names: readonly string[]): string =>
  names.length < 2 ? names.join("") : `${names.slice(0, -1).join(", ")} and ${names.at(-1)}`;

/** The other voters that will have to reach the newcomers: whoever leaves need not, nor a newcomer itself. */
function judgesOf({ log, self }: State, change: RequestedChange): readonly MemberKey[] {
  const configuration = latestConfiguration(log);
  if (configuration === null) return [];
  const leaving = new Set(change.remove.flatMap((name) => membersCalled(configuration, name)).map(({ key }) => key));
  const coming = new Set(change.add.map(({ id }) => id));
  return configuration.voters.filter((key) => key !== self && !leaving.has(key) && !coming.has(nodeIdOf(key)));
}

/** What can be seen to be wrong before anything is begun; the core looks again. */
function objectionTo(state: State, change: MembershipChange, expectedIndex: LogIndex | null): ReplyError | null {
  const latest = state.log.configurations.at(-1);
  if (latest === undefined || isJoint(latest.configuration)) return null;
  const { position, configuration } = latest;
  if (expectedIndex !== null && expectedIndex !== position.index) {
    return failureOf(state, change, { kind: "conflict", index: position.index });
  }
  const decision = nextConfiguration(configuration, change, formerMembers(state));
  if (decision.kind === "refused") return failureOf(state, change, decision);
  if (decision.kind !== "append") return null;
  const newcomers = change.add.map(({ key }) => key);
  const halt = standstill(state, settledConfiguration(decision.configuration), newcomers);
  return halt === null ? null : refused(halt);
}

/**
 * A leader that is to leave, or to learn, hands over to a voter that stays. Null: it need not, or nobody took over; `busy`: it
 * hands over already, for somebody else.
 */
async function handOverFirst(node: ChangeTarget, change: MembershipChange): Promise<LeaderHint | "busy" | null> {
  const { state } = node;
  const configuration = latestConfiguration(state.log);
  if (configuration === null || isJoint(configuration)) return null;
  const decision = nextConfiguration(configuration, change, formerMembers(state));
  if (decision.kind !== "append") return null;
  const after = settledConfiguration(decision.configuration);
  const successor = after.voters.includes(state.self) ? null : bestStaying(state, configuration, after);
  if (successor === null) return null;
  const outcome = await node.transfer(nodeIdOf(successor));
  if (outcome.kind === "busy") return "busy";
  const member = configuration.members.find(({ key }) => key === successor);
  return outcome.kind !== "done" || member === undefined ? null : { id: nodeIdOf(successor), address: member.address };
}

/** The voter of before and after that has answered lately and has the longest log. */
function bestStaying({ role, nowMs, settings }: State, now: Configuration, after: Configuration): MemberKey | null {
  if (role.kind !== "leader") return null;
  const fit = now.members.flatMap(({ key, priority }) => {
    const progress = role.progress.get(key);
    const stays = now.voters.includes(key) && after.voters.includes(key);
    const isHeard = progress !== undefined && nowMs - progress.heardMs < settings.electionTimeoutMs;
    return stays && isHeard ? [{ key, priority, matchIndex: progress.matchIndex }] : [];
  });
  fit.sort((a, b) => b.priority - a.priority || b.matchIndex - a.matchIndex);
  return fit[0]?.key ?? null;
}

/** `outcome` null: the time is up. */
function failureOf(
  state: State,
  change: MembershipChange,
  outcome: Exclude<ChangeOutcome, { readonly kind: "done" }> | null,
): ReplyError {
  const leader = knownLeader(state);
  const what = describeChange(change);
  if (outcome === null) {
    const message = `${what}: not complete yet, and may still be made; now: ${standing(state)}`;
    return { code: "outcome-unknown", message, leader };
  }
  switch (outcome.kind) {
    case "notLeader":
      return notLeader(leader);
    case "unknown":
      return { code: "outcome-unknown", message: `${what}: ${describeChangeOutcome(outcome)}`, leader };
    case "refused":
      // Its first part was made: the learner was added, and a later change has taken its promotion back.
      if (outcome.reason.kind === "withdrawn") return inPart(`${what}: ${describeRefusal(outcome.reason)}`, leader);
      return refused(describeRefusal(outcome.reason));
    case "conflict":
      return refused(describeChangeOutcome(outcome));
  }
}

const refused = (message: string): ReplyError => ({ code: "rejected", message, leader: null });

const notBegun = (reason: string): ReplyError => ({
  code: "unavailable",
  message: `${reason}; the change was not begun`,
  leader: null,
});

const notTried = ({ add }: RequestedChange): ReplyError =>
  notBegun(`no answer yet whether ${listOf(add.map(({ id }) => id))} can be reached`);

const inPart = (message: string, leader: LeaderHint | null): ReplyError => ({
  code: "outcome-unknown",
  message,
  leader,
});

function standing({ log }: State): string {
  const configuration = latestConfiguration(log);
  return configuration === null ? "no members" : describeConfiguration(configuration);
}
