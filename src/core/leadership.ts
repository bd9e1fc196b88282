// What does a leader do because it leads? It opens its term with a no-op, shows life by heartbeats, and steps down when
// it has not heard from a quorum for an election timeout (§6.2).
import type { MemberKey } from "./configuration.ts";
import { advanceCommit } from "./commit.ts";
import { quorumDueMs } from "./deadline.ts";
import { appendToLog } from "./durability.ts";
import type { ActivateEntry, NoopEntry } from "./entry.ts";
import { bidFarewells } from "./farewell.ts";
import { gravityOf, isFitter } from "./fitness.ts";
import { latestConfiguration } from "./log-terms.ts";
import { openAdministration } from "./membership.ts";
import { onPropose } from "./proposals.ts";
import { nextStampMs } from "./replicated-time.ts";
import { isReadDue } from "./reads.ts";
import { firstProgress } from "./progress.ts";
import { heartbeat, replicateToAll } from "./replication.ts";
import type { Leader, Progress } from "./roles.ts";
import type { Emit, State } from "./state.ts";
import { becomeFollower } from "./step-down.ts";
import { tickIfDue } from "./ticks.ts";

/** §3.4, §3.6.2: a new leader knows nothing of its followers, and commits nothing before an entry of its own term. */
export function becomeLeader(state: State, emit: Emit): State {
  const termStartIndex = state.log.last.index + 1;
  const progress = new Map<MemberKey, Progress>();
  for (const { key } of latestConfiguration(state.log)?.members ?? []) {
    if (key !== state.self) progress.set(key, firstProgress(state, termStartIndex));
  }
  const role: Leader = {
    kind: "leader",
    sinceMs: state.nowMs,
    stampBaseMs: state.log.lastStampMs,
    termStartIndex,
    heartbeatDueMs: state.nowMs + state.settings.heartbeatIntervalMs,
    round: 0,
    graceUntilMs: state.nowMs,
    wokeLate: false,
    progress,
    transfer: null,
    reads: [],
    askedAfter: 0,
    mark: null,
    administration: openAdministration(),
    stirring: null,
    tickNotBeforeMs: state.nowMs,
  };
  const firstTerm = state.firstTerm ?? state.currentTerm;
  const leading = bidFarewells({ ...state, crashedLeader: null, firstTerm, role });
  const position = { index: termStartIndex, term: state.currentTerm };
  const noop = { ...position, kind: "noop", stampMs: nextStampMs(leading, role) } as const;
  return advanceCommit(
    replicateToAll(appendToLog(leading, [noop, ...firstActivation(leading, noop)], emit), emit),
    emit,
  );
}

/** What a new cluster begins with. Every later leader has it in its log: it comes before the first command. */
function firstActivation({ plugin, log }: State, { index, term, stampMs }: NoopEntry): readonly ActivateEntry[] {
  if (plugin === null || log.activations.length > 0) return [];
  return [{ kind: "activate", index: index + 1, term, stampMs, plugin, replaces: false }];
}

/** The time for a heartbeat, for giving up a transfer, or for stepping down has come. */
export function onLeaderTick(state: State, emit: Emit): State {
  let next = state;
  if (next.role.kind === "leader" && next.role.transfer !== null && next.nowMs >= next.role.transfer.dueMs) {
    next = resumeAfterTransfer(next, emit);
  }
  if (next.role.kind !== "leader") throw new Error("giving up a transfer ended leadership");
  const dueMs = quorumDueMs(next, next.role);
  if (next.nowMs >= dueMs) {
    const hadItsMoment = next.role.wokeLate && next.role.graceUntilMs === dueMs;
    const wasAsleep = next.nowMs - dueMs > next.settings.heartbeatIntervalMs && !hadItsMoment;
    if (!wasAsleep) return becomeFollower(next, next.currentTerm, null, emit);
    // The silence was this node's own: answers may be waiting to be read. One heartbeat's time to read them.
    const graceUntilMs = next.nowMs + next.settings.heartbeatIntervalMs;
    return heartbeat({ ...next, role: { ...next.role, graceUntilMs, wokeLate: true } }, emit);
  }
  next = next.nowMs >= next.role.heartbeatDueMs || isReadDue(next.role) ? heartbeat(next, emit) : next;
  return tickIfDue(next, emit);
}

/**
 * P72: what this leader began of its own accord is given up when its target turns out to be no fitter, such as one that is about to stop
 * at the same entry. A target that has been told to stand stands.
 */
export function reconsiderTransfer(state: State, emit: Emit): State {
  const { role } = state;
  if (role.kind !== "leader" || role.transfer === null) return state;
  const { ref, target, timeoutNowSent } = role.transfer;
  const isFit = gravityOf(state, target) === 0 || isFitter(state, target);
  return ref !== null || timeoutNowSent || isFit ? state : resumeAfterTransfer(state, emit);
}

/** The target did not take over in time, or should not: this node goes on leading, and takes what it held. */
function resumeAfterTransfer(state: State, emit: Emit): State {
  const { role } = state;
  if (role.kind !== "leader" || role.transfer === null) return state;
  const { ref, held } = role.transfer;
  if (ref !== null) emit({ kind: "transferSettled", ref, outcome: { kind: "timedOut" } });
  return onPropose({ ...state, role: { ...role, transfer: null } }, held, emit);
}
