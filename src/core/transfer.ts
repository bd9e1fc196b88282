// How does leadership move to a named node without an election timeout? (§3.10)
import { type Configuration, type MemberKey, type NodeId, nodeIdOf } from "./configuration.ts";
import type { TransferOutcome } from "./effects.ts";
import type { TransferEvent, TransferRef } from "./events.ts";
import { counts } from "./faults.ts";
import { gravityOf, isHidden } from "./fitness.ts";
import type { Impediment } from "./impediment.ts";
import { latestConfiguration } from "./log-terms.ts";
import type { Leader } from "./roles.ts";
import type { Emit, State } from "./state.ts";

/** Begins to hand over: from now on proposals are held until the target leads or an election timeout has passed. */
export function onTransfer(state: State, { ref, to }: TransferEvent, emit: Emit): State {
  const { role } = state;
  const settle = (outcome: TransferOutcome): State => {
    emit({ kind: "transferSettled", ref, outcome });
    return state;
  };
  if (role.kind !== "leader") {
    return settle({ kind: "notLeader", leader: role.kind === "follower" ? role.leader : null });
  }
  if (to === nodeIdOf(state.self)) return settle({ kind: "done" });
  if (role.transfer !== null && role.transfer.ref !== null) return settle({ kind: "busy" });
  const target = to === null ? bestPrepared(state, role) : findVoter(state, to);
  if (target === null) return settle(to === null ? { kind: "noTarget" } : { kind: "unknownTarget", to });
  // It would never stand for election, and what clients propose would wait for that.
  if (!counts(role.progress.get(target))) return settle({ kind: "noTarget" });
  const impediment = to === null ? undefined : whyNotTo(state, target);
  if (impediment !== undefined) return settle({ kind: "unfitTarget", to: nodeIdOf(target), impediment });
  return beginTransfer(state, target, ref, emit);
}

/**
 * What was held for an earlier target is held for this one.
 * @param ref null: the leader's own idea
 */
export function beginTransfer(state: State, target: MemberKey, ref: TransferRef | null, emit: Emit): State {
  const { role } = state;
  if (role.kind !== "leader") throw new Error(`a ${role.kind} has nothing to hand over`);
  const dueMs = state.nowMs + state.settings.electionTimeoutMs;
  const transfer = { ref, target, dueMs, timeoutNowSent: false, held: role.transfer?.held ?? [] };
  return handOverWhenReady({ ...state, role: { ...role, transfer } }, target, emit);
}

/** §3.10: the target is told to stand for election once its log holds everything the leader's does. */
export function handOverWhenReady(state: State, from: MemberKey, emit: Emit): State {
  const { role } = state;
  if (role.kind !== "leader" || role.transfer === null || role.transfer.timeoutNowSent) return state;
  const { transfer } = role;
  const progress = role.progress.get(from);
  if (transfer.target !== from || !counts(progress) || progress.matchIndex !== state.log.last.index) return state;
  emit({ kind: "send", to: transfer.target, message: { kind: "timeoutNow", term: state.currentTerm } });
  return { ...state, role: { ...role, transfer: { ...transfer, timeoutNowSent: true } } };
}

/** Looks at what a step has made known of who leads, after everything else: only then is a hand-over over. */
export function settleHandOver(state: State, emit: Emit): State {
  const { handingOver, role, self } = state;
  if (handingOver === null) return state;
  const leader = role.kind === "follower" ? role.leader : role.kind === "leader" ? self : null;
  if (leader === null && state.nowMs < handingOver.dueMs && state.removed === null) return state;
  emit({ kind: "transferSettled", ref: handingOver.ref, outcome: outcomeOf(handingOver.target, leader) });
  return { ...state, handingOver: null };
}

function outcomeOf(target: MemberKey, leader: MemberKey | null): TransferOutcome {
  if (leader === null) return { kind: "timedOut" };
  return leader === target ? { kind: "done" } : { kind: "elsewhere", leader };
}

function findVoter(state: State, id: NodeId): MemberKey | null {
  return latestConfiguration(state.log)?.voters.find((key) => nodeIdOf(key) === id) ?? null;
}

/** What makes the target a worse leader than this one; undefined: nothing. */
function whyNotTo(state: State, target: MemberKey): Impediment | undefined {
  const isWorse = gravityOf(state, target) > gravityOf(state, state.self);
  return isWorse || isHidden(state, target) ? state.unfit.get(target) : undefined;
}

/**
 * The voter that is fittest to lead, has answered lately and has the longest log; among equals the preferred one. One that is
 * about to stop voting only if there is no other, and never one that nobody can dial (P71).
 */
export function bestPrepared(state: State, leader: Leader): MemberKey | null {
  const configuration = latestConfiguration(state.log);
  if (configuration === null) return null;
  const { members, voters } = configuration;
  const candidates = members.filter(({ key }) => {
    const progress = leader.progress.get(key);
    if (!counts(progress) || !voters.includes(key) || key === state.self || isHidden(state, key)) return false;
    return state.nowMs - progress.heardMs < state.settings.electionTimeoutMs;
  });
  const matchOf = (key: MemberKey): number => leader.progress.get(key)?.matchIndex ?? 0;
  const stays = (key: MemberKey): number => (isToStop(configuration, key) ? 0 : 1);
  const gravity = (key: MemberKey): number => gravityOf(state, key);
  candidates.sort(
    (a, b) =>
      gravity(a.key) - gravity(b.key) ||
      stays(b.key) - stays(a.key) ||
      matchOf(b.key) - matchOf(a.key) ||
      b.priority - a.priority,
  );
  return candidates[0]?.key ?? null;
}

/** A step that waits for learners is going to take its vote. */
export const isToStop = ({ pending }: Configuration, key: MemberKey): boolean =>
  pending.some(({ demote, remove }) => demote.includes(key) || remove.includes(key));
