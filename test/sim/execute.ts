// What does a simulated node do with an effect? The same as a real one: entries are read from its own log, cut at
// bytesMax, and dropped when they do not match what the core meant.
import { describeEffect } from "../../src/core/describe.ts";
import type { Effect, SendEntries } from "../../src/core/effects.ts";
import { type ConfigurationEntry, type Entry, entryBytes } from "../../src/core/entry.ts";
import type { AppendEntriesReply } from "../../src/core/messages.ts";
import type { SnapshotRecord } from "../../src/core/snapshot-record.ts";
import { inForce } from "./deciders.ts";
import type { SimNode } from "./sim-node.ts";
import { stranger } from "./stranger.ts";
import { Violation } from "../../src/sim/violation.ts";

export function executeEffect(node: SimNode, effect: Effect): void {
  const { world } = node;
  world.trace?.(`${" ".repeat(15)}→ ${describeEffect(effect)}`);
  if (world.checks.promises) world.promises.onEffect(node, effect);
  switch (effect.kind) {
    case "writeVote":
    case "writeGenesis":
    case "writeRemoved":
      node.writes.push(effect);
      return;
    case "writeRefilled":
      world.coverage.refilled++;
      node.writes.push(effect);
      return;
    case "writeSnapshot":
      node.writes.push(effect);
      if (effect.discardsLog) node.replaceLog([...world.snapshots.contentsOf(effect.snapshot)]);
      return;
    case "checkSnapshot":
      throw new Violation("no snapshot is damaged here", effect.snapshot.file);
    case "fetchSnapshot":
      world.snapshots.fetch(node, effect.from, effect.snapshot);
      return;
    case "restoreState":
      restoreState(node, effect.snapshot);
      return;
    case "appendLog":
      node.writes.push(effect);
      for (const entry of effect.entries) append(node, entry);
      return;
    case "truncateLog":
      node.writes.push(effect);
      truncate(node, effect.through);
      return;
    case "send":
      if (effect.message.kind === "appendEntriesReply") countReply(node, effect.message);
      node.network.send(node, effect.to, effect.message);
      if (effect.message.kind === "requestVoteReply" && effect.message.granted) world.onVoted(node);
      return;
    case "sendEntries":
      sendEntries(node, effect);
      return;
    case "apply":
      apply(node, effect.after, effect.through);
      return;
    case "proposalsAccepted":
      world.commands.onAccepted(effect.refs, effect.first, node.log);
      effect.refs.forEach((ref, at) => {
        const position = { index: effect.first.index + at, term: effect.first.term };
        node.waiting.set(position.index, { position, ref });
      });
      return;
    case "proposalsRefused":
      world.commands.onRefused(effect.refs);
      return;
    case "readReady":
      world.reads.onReady(effect.ref);
      node.readyReads.set(effect.ref, effect.index);
      answerReads(node);
      return;
    case "readRefused":
      node.askedReads.delete(effect.ref);
      world.reads.onRefused(effect.ref);
      return;
    case "transferSettled":
      if (effect.outcome.kind === "done") world.coverage.transfersDone++;
      if (effect.outcome.kind === "timedOut") world.coverage.transfersTimedOut++;
      return;
    case "genesisDurable":
      node.genesis = effect.genesis;
      return;
    case "changeSettled":
      world.onChangeSettled(node, effect);
      return;
    case "removed":
      world.onRemoved(node, effect);
      node.leave();
      return;
    case "accuse":
      if (effect.from === stranger) return;
      throw new Violation("no honest node is accused", `${node.key}: ${describeEffect(effect)}`);
    case "followerFault":
      world.onFollowerFault(node, effect);
      return;
    case "halt":
      node.halt(effect.reason);
      world.onHalted(node);
      return;
  }
}

function append(node: SimNode, entry: Entry): void {
  if (entry.index !== node.log.length + 1) {
    throw new Violation("a log has no gaps", `${node.key} appends ${entry.index} after ${node.log.length}`);
  }
  if (node.world.safety.onAppended(node, entry)) {
    node.world.coverage.entries++;
    node.world.commands.onCreated(entry);
    if (entry.kind === "configuration") countConfiguration(node, entry);
  }
  node.log.push(entry);
}

function countConfiguration({ world, log }: SimNode, { configuration }: ConfigurationEntry): void {
  const { outgoing, voters } = configuration;
  if (outgoing.length === 0) return;
  world.coverage.jointConfigurations++;
  const before = inForce(null, log, log.length);
  const waited = before?.pending.flatMap(({ promote }) => promote) ?? [];
  world.coverage.promotions += waited.filter((key) => voters.includes(key)).length;
}

function truncate(node: SimNode, through: number): void {
  node.world.coverage.rolledBack += node.log.slice(through).filter(({ kind }) => kind === "configuration").length;
  node.world.safety.onTruncated(node, node.leadsTerm);
  node.world.coverage.truncations++;
  node.truncateLog(through);
}

function sendEntries(node: SimNode, effect: SendEntries): void {
  const { to, prev, through, bytesMax, kind: _kind, ...sent } = effect;
  if (prev.index < node.state!.log.base.index) {
    throw new Violation("the core sends what its node has", `${describeEffect(effect)}, which begins later`);
  }
  if (termAt(node.log, prev.index) !== prev.term || termAt(node.log, through.index) !== through.term) {
    throw new Violation("the core sends what its node has", describeEffect(effect));
  }
  const entries: Entry[] = [];
  let bytes = 0;
  for (let index = prev.index + 1; index <= through.index; index++) {
    const entry = node.log[index - 1]!;
    bytes += entryBytes(entry);
    if (bytes > bytesMax && entries.length > 0) break;
    entries.push(entry);
  }
  if (entries.length < through.index - prev.index) node.world.coverage.cutMessages++;
  const prevChain = node.chainAt(prev.index);
  node.network.send(node, to, { ...sent, kind: "appendEntries", prev, prevChain, entries });
}

const termAt = (log: readonly Entry[], index: number): number | undefined => (index === 0 ? 0 : log[index - 1]?.term);

/** The model of a state machine: it sees entries in order, each once in a life, the same ones as all others. */
function apply(node: SimNode, after: number, through: number): void {
  const { safety, commands, clients } = node.world;
  if (after !== node.appliedIndex) {
    throw new Violation("each entry is applied once", `${node.key} goes on after ${after}, not ${node.appliedIndex}`);
  }
  for (let index = after + 1; index <= through; index++) {
    const entry = node.log[index - 1];
    safety.onApplied(node, index, entry);
    const answer = entry === undefined ? null : node.machine.apply(entry);
    const waiting = node.waiting.get(index);
    if (waiting === undefined) continue;
    node.waiting.delete(index);
    if (waiting.position.term !== entry?.term) continue;
    if (answer !== null) clients.onReply(waiting.ref, answer);
    else commands.acknowledge(waiting.ref, waiting.position);
    node.world.reads.told(index);
  }
  node.appliedIndex = through;
  answerReads(node);
  node.world.snapshots.maybeTake(node);
}

/** What was applied here stays so: a snapshot only ever adds to it (P33), and adds what others have applied. */
function restoreState(node: SimNode, snapshot: SnapshotRecord): void {
  const { safety, snapshots, coverage } = node.world;
  const { index } = snapshot.position;
  if (index <= node.appliedIndex) {
    throw new Violation("a snapshot never goes back", `${node.key} goes from ${node.appliedIndex} to ${index}`);
  }
  for (const entry of snapshots.contentsOf(snapshot)) safety.onApplied(node, entry.index, entry);
  node.machine.table.restore(snapshots.sessionsOf(snapshot));
  coverage.snapshotsInstalled++;
  node.appliedIndex = index;
  answerReads(node);
}

/** Those whose state has come far enough. */
function answerReads(node: SimNode): void {
  for (const [ref, index] of node.readyReads) {
    if (index > node.appliedIndex) continue;
    node.readyReads.delete(ref);
    node.askedReads.delete(ref);
    if (node.leadsTerm === null) node.world.coverage.followerReads++;
    node.world.reads.answer(ref, node.appliedIndex);
  }
}

function countReply(node: SimNode, { outcome }: AppendEntriesReply): void {
  const { coverage } = node.world;
  if (outcome.kind !== "accepted" && outcome.kind !== "refused") return;
  if (outcome.kind === "accepted") {
    if (outcome.matchIndex < node.log.length) coverage.partialAcks++;
    return;
  }
  coverage.refusedAppends++;
  if (outcome.conflict.term > 0) coverage.conflicts++;
}
