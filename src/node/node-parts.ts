// What is a node made of, and how do its parts reach each other? Everything is constructed and wired here. How the node lives is
// node.ts, what its transport brings incoming.ts, and what its clients ask request-desk.ts.
import { SkippedEntries } from "./skipped-entries.ts";
import type { HaltReason } from "../core/effects.ts";
import type { PlacedConfiguration } from "../core/configuration.ts";
import { codeOf } from "../core/activation.ts";
import { restore } from "../core/restore.ts";
import { nextStampMs } from "../core/replicated-time.ts";
import type { State } from "../core/state.ts";
import type { SavedState } from "../ports/log-store.ts";
import { runningFrom } from "./active-version.ts";
import { Applier } from "./applier.ts";
import { Copies } from "./copies.ts";
import { knownLeader } from "./known-leader.ts";
import { Fitness } from "./fitness.ts";
import { FullClients } from "./full-clients.ts";
import { HandOvers } from "./hand-overs.ts";
import { LogTail } from "./log-tail.ts";
import { type ArrivedEvent, Mailbox } from "./mailbox.ts";
import { NodeMembership } from "./membership.ts";
import type { NodeModules, NodeOptions } from "./node-options.ts";
import { unprovenOrigin } from "./own-copy.ts";
import { NodeSnapshots, type NodeSnapshotsOptions } from "./snapshots.ts";
import { StateOnDisk } from "./state-on-disk.ts";
import { startOf } from "./start-of.ts";
import { TurnLoop } from "./turn-loop.ts";
import { WaitingClients } from "./waiting-clients.ts";
import { WaitingReads } from "./waiting-reads.ts";

const tailBytesMax = 32 * 1024 * 1024;

export interface NodeParts {
  readonly skipped: SkippedEntries;
  readonly waiting: WaitingClients;
  readonly reads: WaitingReads;
  readonly mailbox: Mailbox;
  readonly tail: LogTail;
  readonly applier: Applier;
  readonly snapshots: NodeSnapshots;
  readonly onDisk: StateOnDisk;
  readonly membership: NodeMembership;
  readonly handOvers: HandOvers;
  readonly fitness: Fitness;
  readonly fullClients: FullClients;
  readonly copies: Copies;
  readonly loop: TurnLoop;
}

/** What the parts tell their node. */
export interface NodeHandlers {
  readonly isEnded: () => boolean;
  /** Whether any request waits on this node, also one that has not reached the log. */
  readonly isAsked: () => boolean;
  /** The state machine has answered. */
  readonly answered: () => void;
  /** After each turn, when everything in it has been done. */
  readonly turned: () => void;
  /** The disk is full, and the state is that of the store. */
  readonly noRoom: () => void;
  readonly removed: (by: PlacedConfiguration) => void;
  /** The node cannot continue. */
  readonly failed: (cause: unknown) => void;
  /** The core has the node end. */
  readonly halt: (reason: HaltReason) => void;
}

/** The parts reach each other when something happens, and not while they are constructed. */
export function makeParts(options: NodeOptions, modules: NodeModules, handlers: NodeHandlers): NodeParts {
  const { failed } = handlers;
  const state = (): State => loop.state;
  const arrive = (event: ArrivedEvent): void => loop.arrive(event);
  const waiting = new WaitingClients();
  const reads = new WaitingReads(() => applier.serve());
  // Only a leader has a log to keep short. All others say at once that they do not lead.
  const mailbox = new Mailbox(waiting, reads, () =>
    state().role.kind === "leader" && !handlers.isEnded() ? state().currentTerm : null,
  );
  const fitness = new Fitness(modules, {
    ...options,
    state,
    arrive,
    failed,
    stateMachine: () => applier,
    versions: modules.stateMachine.versions.map(codeOf),
    distrust: () => copies.own.why,
    copyFault: () => copies.fault,
    snapshotFailure: () => snapshots.taker.failure,
    snapshotDamage: () => snapshots.damage,
    fetchFailure: () => snapshots.fetchFailure,
    waitsForRoom: () => loop.waitsForRoom,
  });
  const ways = { state, arrive, failed, disk: fitness.disk };
  const snapshots = makeSnapshots(options, modules, { ...ways, copies: () => copies, applier: () => applier });
  const tail = new LogTail(modules.store, tailBytesMax);
  const onDisk = new StateOnDisk({ ...modules, state, begun: (source) => copies.onRestoring(source) });
  const compared = { state, snapshots, fitness, tail, onDisk };
  const copies: Copies = makeCopies(options, modules, { ...compared, applier: () => applier });
  const membership = new NodeMembership(modules, { ...options, state, arrive });
  const handOvers = new HandOvers(state, arrive);
  const fullClients = new FullClients(() => {
    const { role, currentTerm: term } = state();
    if (role.kind !== "leader") return null;
    return { term, stampMs: nextStampMs({ ...state(), nowMs: modules.clock.nowMs() }, role) };
  });
  const skipped = new SkippedEntries(() => {
    const { log, commitIndex } = state();
    return { activations: log.activations, commitIndex };
  });
  const kept = { skipped, onDisk, tail, snapshots };
  const others = { ...kept, copies, waiting, reads, mailbox, fitness, fullClients, membership, handOvers };
  const applier: Applier = makeApplier(modules, handlers, { ...others, loop: () => loop });
  const loop: TurnLoop = makeLoop(options, modules, handlers, { ...others, applier });
  return { ...others, applier, loop };
}

function makeSnapshots(
  options: NodeOptions,
  modules: NodeModules,
  parts: Pick<NodeSnapshotsOptions, "state" | "arrive" | "failed" | "disk"> & {
    readonly copies: () => Copies;
    readonly applier: () => Applier;
  },
): NodeSnapshots {
  const { copies, applier, ...ways } = parts;
  return new NodeSnapshots(modules, {
    ...ways,
    cluster: options.cluster,
    policy: options.snapshotPolicy,
    scrubIntervalMs: options.scrubIntervalMs,
    compareEvery: options.compareEveryEntries,
    origin: () => (copies().own.why === null ? copies().own.origin : null),
    offered: () => copies().offeredFiles,
    contentRead: (index, value) => copies().onWord({ index, of: "content", value }),
    restoring: (source) => copies().onRestoring(source),
    replaced: () => {
      const { why } = copies().own;
      if (why !== null) applier().replace(why);
    },
  });
}

function makeCopies(
  { compareEveryEntries: every }: NodeOptions,
  modules: NodeModules,
  parts: Pick<NodeParts, "snapshots" | "fitness" | "tail" | "onDisk"> & {
    readonly state: () => State;
    readonly applier: () => Applier;
  },
): Copies {
  const { state, snapshots, fitness, tail, onDisk, applier } = parts;
  const { store, stateMachine } = modules;
  const copies = new Copies(store.saved, modules, {
    every,
    state,
    distrust: (why) => {
      applier().distrust(why);
      snapshots.distrust(copies.own.standing);
      // The whole log is here then, and applied anew.
      const isToldByLog = !stateMachine.description.snapshots && state().snapshot === null;
      if (why !== null && !why.applies && isToldByLog) applier().replace(why);
      if (copies.own.standing === "wrong") void onDisk.setOrigin(unprovenOrigin);
      fitness.look();
    },
    confirmed: () => void onDisk.setOrigin(copies.own.origin),
    explained: (why) => {
      applier().distrust(why);
      fitness.look();
    },
    operationAt: (index) => {
      const { base, last } = state().log;
      const [entry] = index > base.index && index <= last.index ? tail.read(index, index, 1) : [];
      return entry?.kind === "command" ? stateMachine.operationOf(entry.payload) : null;
    },
    askContent: (at) => snapshots.taker.askFor(at),
    snapshotFrom: (index) => snapshots.latestFrom(index),
    replaceBy: (from, snapshot) => snapshots.replaceBy(from, snapshot),
  });
  stateMachine.watchMilestones(every, (milestone) => copies.onMilestone(milestone));
  return copies;
}

function makeApplier(
  modules: NodeModules,
  { isAsked, answered, failed }: NodeHandlers,
  parts: Omit<NodeParts, "applier" | "loop"> & { readonly loop: () => TurnLoop },
): Applier {
  const { store, logger } = modules;
  const { onDisk, skipped, tail, reads, waiting, mailbox, snapshots, fitness, fullClients, loop } = parts;
  return new Applier(
    store.saved.snapshot,
    { ...modules, tail, reads, waiting },
    {
      leader: () => knownLeader(loop().state),
      isAsked,
      placeAfter: (index) => snapshots.taker.placeAfter(index),
      handed: (last, bytes) => snapshots.taker.onHanded(last, bytes),
      freed: () => {
        if (!mailbox.isEmpty) loop().schedule();
      },
      clientFull: (entry, outcome) => fullClients.onFull(entry, outcome),
      restore: (snapshot, plugin) => snapshots.restore(snapshot, plugin),
      recall: async (mayKeep) => {
        const held = await onDisk.recall(mayKeep);
        skipped.begin(held?.reached.index ?? 0);
        return held;
      },
      resumed: (reached) => snapshots.onResumed(reached),
      renew: () => snapshots.renew(),
      latest: () => loop().state.snapshot,
      wake: (wake) => loop().arrive({ kind: "wake", wake }),
      runningFrom: (index) => {
        const { log, commitIndex } = loop().state;
        const { activations } = log;
        return runningFrom(index, { activations, commitIndex, versions: modules.stateMachine.versions });
      },
      decisionOn: (index) => skipped.on(index),
      freshlyDecided: (after, through) => skipped.fresh(after, through),
      isDiskLow: () => fitness.disk.isLow,
      lacking: () => fitness.look(),
      answered,
      // The log goes on, but this node can neither answer nor keep up: another one should lead.
      stateMachineFailed: (error) => {
        logger.log("error", "the state machine has stopped", { reason: error.message });
        fitness.look();
      },
      stateMachineRuns: () => {
        logger.log("info", "the state machine runs again");
        fitness.look();
      },
      failed,
    },
  );
}

function makeLoop(
  options: NodeOptions,
  modules: NodeModules,
  { turned, noRoom, failed, removed, halt }: NodeHandlers,
  parts: Omit<NodeParts, "loop">,
): TurnLoop {
  const { store, clock, transport } = modules;
  const { mailbox, fitness, handOvers, membership } = parts;
  const begin = (saved: SavedState): State => restore(saved, startOf(saved, options, clock, modules.stateMachine));
  return new TurnLoop(
    begin(store.saved),
    { ...modules, mailbox, disk: fitness.disk },
    {
      targets: {
        ...parts,
        transport,
        transferSettled: (settled) => handOvers.settle(settled),
        changeSettled: (settled) => membership.settle(settled),
        followerFault: (effect) => fitness.onFollowerFault(effect),
        removed,
        halt,
      },
      turned,
      begin,
      noRoom,
      failed,
    },
  );
}
