// The one switch over effects: what the core decides is done here and nowhere else. Nothing in it catches and goes on.
import type { MemberKey, PlacedConfiguration } from "../core/configuration.ts";
import type {
  ChangeSettled,
  DurableEffect,
  Effect,
  FollowerFault,
  HaltReason,
  SendEntries,
  TransferSettled,
} from "../core/effects.ts";
import type { Entry } from "../core/entry.ts";
import { samePosition } from "../core/log-position.ts";
import type { State } from "../core/state.ts";
import type { Transport } from "../ports/transport.ts";
import type { Applier } from "./applier.ts";
import { leaderHint, notLeader } from "./known-leader.ts";
import type { LogTail } from "./log-tail.ts";
import type { NodeSnapshots } from "./snapshots.ts";
import type { ReplyError, WaitingClients } from "./waiting-clients.ts";
import type { WaitingReads } from "./waiting-reads.ts";

export interface EffectTargets {
  readonly transport: Transport;
  readonly tail: LogTail;
  readonly applier: Applier;
  readonly waiting: WaitingClients;
  readonly reads: WaitingReads;
  /** Collects this turn's durable effects: they reach the store as one transaction. */
  readonly writes: DurableEffect[];
  readonly transferSettled: (settled: TransferSettled) => void;
  readonly changeSettled: (settled: ChangeSettled) => void;
  readonly removed: (by: PlacedConfiguration) => void;
  readonly snapshots: Pick<NodeSnapshots, "fetch" | "check" | "onWritten">;
  readonly followerFault: (effect: FollowerFault) => void;
  readonly halt: (reason: HaltReason) => void;
}

/** Executes one effect. `state` is the state that came with it. */
export function executeEffect(effect: Effect, state: State, targets: EffectTargets): void {
  switch (effect.kind) {
    case "writeVote":
    case "writeGenesis":
    case "writeRemoved":
    case "writeRefilled":
    case "writeSnapshot":
    case "appendLog":
    case "truncateLog":
      write(effect, targets);
      return;
    case "fetchSnapshot":
      targets.snapshots.fetch(effect.from, effect.snapshot);
      return;
    case "checkSnapshot":
      targets.snapshots.check(effect.by, effect.snapshot);
      return;
    case "restoreState":
      targets.waiting.coverThrough(effect.snapshot.position.index);
      targets.applier.restore(effect.snapshot);
      return;
    case "send":
      targets.transport.send(effect.to, effect.message);
      return;
    case "sendEntries":
      sendEntries(effect, targets);
      return;
    case "apply":
      targets.applier.advance(effect.through);
      return;
    case "proposalsAccepted":
      targets.waiting.place(effect.refs, effect.first);
      return;
    case "proposalsRefused":
      targets.waiting.refuse(effect.refs, notLeader(leaderHint(state, effect.leader)));
      return;
    case "readReady":
      targets.reads.ready(effect.ref, { index: effect.index, term: state.currentTerm });
      targets.applier.serve();
      return;
    case "readRefused":
      targets.reads.refuse(effect.ref, readRefusal(state, effect.leader));
      return;
    case "genesisDurable":
      targets.transport.setAffiliation(effect.genesis);
      return;
    default:
      tell(effect, targets);
  }
}

type Told = Extract<
  Effect,
  { readonly kind: "transferSettled" | "changeSettled" | "removed" | "accuse" | "followerFault" | "halt" }
>;

/** What the core has to say: to administrators who wait, to those who read the log, and of a node that lies. */
function tell(effect: Told, targets: EffectTargets): void {
  switch (effect.kind) {
    case "transferSettled":
      targets.transferSettled(effect);
      return;
    case "changeSettled":
      targets.changeSettled(effect);
      return;
    case "removed":
      return targets.removed(effect);
    case "accuse":
      return targets.transport.dismiss(effect.from, effect.lie);
    case "followerFault":
      return targets.followerFault(effect);
    case "halt":
      return targets.halt(effect.reason);
  }
}

/** The log's tail shows at once what reaches the store with the rest of this turn. */
function write(effect: DurableEffect, { tail, writes, snapshots, applier }: EffectTargets): void {
  writes.push(effect);
  if (effect.kind === "appendLog") tail.append(effect.entries);
  if (effect.kind === "truncateLog") tail.truncate(effect.through);
  if (effect.kind !== "writeSnapshot") return;
  if (effect.discardsLog) {
    tail.clear(effect.snapshot);
    applier.hold();
  }
  snapshots.onWritten(effect.ticket);
}

/** Reads the range that the effect names and sends it; what no longer matches is dropped. */
function sendEntries(effect: SendEntries, { tail, transport }: EffectTargets): void {
  const { to, prev, through, bytesMax, term, leaderCommit, round, freshAsOf, confirmed, refill } = effect;
  let entries: readonly Entry[] = [];
  if (through.index > prev.index) {
    entries = tail.read(prev.index + 1, through.index, bytesMax);
    const last = entries.at(-1);
    if (last === undefined || (last.index === through.index && !samePosition(last, through))) return;
  }
  const known = { leaderCommit, round, freshAsOf, confirmed, refill };
  const prevChain = tail.chainAt(prev.index);
  transport.send(to, { kind: "appendEntries", term, prev, prevChain, entries, ...known });
}

/** The client asks the leader, or another node; one that leads refuses only because too much waits. */
function readRefusal(state: State, leader: MemberKey | null): ReplyError {
  if (state.role.kind !== "leader") return notLeader(leaderHint(state, leader));
  return {
    code: "overloaded",
    message: "too many reads wait already",
    leader: null,
  };
}
