// States, events and effects as one line of prose each, for transcripts and traces. Never shows a payload.
import { nodeIdOf } from "./configuration.ts";
import { describeChange, describeChangeOutcome, describeConfiguration } from "./describe-membership.ts";
import type { Effect, HaltReason, TransferOutcome } from "./effects.ts";
import type { Entry } from "./entry.ts";
import type { Event } from "./events.ts";
import type { Affiliation } from "./genesis.ts";
import type { Impediment, Unfit } from "./impediment.ts";
import type { LogPosition } from "./log-position.ts";
import type { AppendOutcome, Message } from "./messages.ts";
import type { Fault } from "./roles.ts";
import type { State } from "./state.ts";

const at = (position: LogPosition): string => `${position.index}.${position.term}`;
const yes = (value: boolean, word: string): string => (value ? ` ${word}` : "");

/** `n1 leader term 3, log 7.3, commit 7` */
export function describeState(state: State): string {
  const { role } = state;
  const isFollowing = role.kind === "follower" && role.leader !== null && state.removed === null;
  const following = isFollowing ? ` of ${nodeIdOf(role.leader)}` : "";
  const waits = state.founding === null ? "joining" : "founding";
  const name = state.genesis === null ? waits : state.removed === null ? role.kind : "removed";
  const durable =
    state.durability.persistedIndex < state.log.last.index ? ` (durable ${state.durability.persistedIndex})` : "";
  return `${nodeIdOf(state.self)} ${name}${following} term ${state.currentTerm}, log ${at(state.log.last)}${durable}, commit ${state.commitIndex}`;
}

const describeAffiliation = (affiliation: Affiliation): string =>
  typeof affiliation === "string" ? `is ${affiliation}` : `knows cluster ${affiliation.clusterUuid.slice(0, 8)}`;

export function describeEvent(event: Event): string {
  switch (event.kind) {
    case "tick":
      return "the timer fires";
    case "message":
      return `from ${nodeIdOf(event.from)}: ${describeMessage(event.message)}`;
    case "peerConnected":
      return `${event.peer.id} says hello and ${describeAffiliation(event.affiliation)}`;
    case "partReceived":
      return `a message of ${nodeIdOf(event.from)} is arriving`;
    case "peerCrashed":
      return `${nodeIdOf(event.peer)} has crashed`;
    case "propose":
      return `${event.proposals.length} proposed`;
    case "read":
      return `read ${event.ref} arrives`;
    case "persisted":
      return `ticket ${event.ticket} is durable`;
    case "changeMembership": {
      const expected = event.expectedIndex === null ? "" : ` if the configuration stands at ${event.expectedIndex}`;
      return `change ${event.ref}: ${describeChange(event.change)}${expected}`;
    }
    case "snapshotTaken":
      return `a snapshot through ${at(event.snapshot.position)} is taken`;
    case "snapshotFetched":
      return `the snapshot through ${at(event.snapshot.position)} is fetched`;
    case "snapshotReplaced":
      return `the snapshot through ${at(event.snapshot.position)} takes the place of the own one`;
    case "fetchFailed":
      return `the snapshot ${event.file} of ${nodeIdOf(event.from)} is damaged`;
    case "fitness":
      return `unfit to lead: ${describeUnfit(event.unfit)}`;
    case "wake":
      return event.wake === null
        ? "the state machine asks for no time"
        : `the state machine asks for ${event.wake.atMs}, after ${event.wake.through}`;
    case "transferLeadership":
      return `leadership shall go to ${event.to ?? "the best prepared voter"}`;
  }
}

function describeMessage(message: Message): string {
  switch (message.kind) {
    case "requestPreVote":
      return `RequestPreVote term ${message.term}, last ${at(message.last)}${yes(message.transfer, "(transfer)")}`;
    case "requestPreVoteReply":
      return `RequestPreVoteReply for term ${message.askedTerm}: ${message.granted ? "granted" : `refused, term ${message.term}`}`;
    case "requestVote":
      return `RequestVote term ${message.term}, last ${at(message.last)}${yes(message.transfer, "(transfer)")}`;
    case "requestVoteReply":
      return `RequestVoteReply term ${message.term}: ${message.granted ? "granted" : "refused"}`;
    case "appendEntries":
      return `AppendEntries term ${message.term} after ${at(message.prev)}: ${describeEntries(message.entries)}, commit ${message.leaderCommit}`;
    case "appendEntriesReply":
      return `AppendEntriesReply term ${message.term}${message.refill === null ? "" : ", abstaining"}: ${describeOutcome(message.outcome)}`;
    case "installSnapshot":
      return `InstallSnapshot term ${message.term}: through ${at(message.snapshot.position)}`;
    case "timeoutNow":
      return `TimeoutNow term ${message.term}`;
    case "readIndex":
      return `ReadIndex term ${message.term}`;
    case "readIndexReply":
      return `ReadIndexReply term ${message.term}: ${message.index ?? "refused"}`;
    case "requestMembers":
      return "RequestMembers";
    case "requestMembersReply":
      return `RequestMembersReply: at ${message.index} ${message.members.map(nodeIdOf).join(", ")}`;
    case "genesisNotice":
      return `GenesisNotice ${message.genesis.clusterUuid.slice(0, 8)}`;
  }
}

function describeOutcome(outcome: AppendOutcome): string {
  if (outcome.kind === "accepted") return `matches through ${outcome.matchIndex}`;
  if (outcome.kind === "fetching") return "fetches the snapshot";
  if (outcome.kind === "diverged") return `has another history at ${at(outcome.at)}`;
  if (outcome.kind === "fetchFailed") return `finds ${outcome.file} damaged`;
  return `refused after ${outcome.prevIndex}, conflict ${at(outcome.conflict)}, last ${outcome.lastIndex}`;
}

function describeEntries(entries: readonly Entry[]): string {
  if (entries.length === 0) return "nothing";
  return entries.map((entry) => `${at(entry)}${describeContent(entry)}`).join(", ");
}

function describeContent(entry: Entry): string {
  if (entry.kind === "command") return "";
  return entry.kind === "configuration" ? ` (${describeConfiguration(entry.configuration)})` : ` ${entry.kind}`;
}

export function describeEffect(effect: Effect): string {
  switch (effect.kind) {
    case "writeVote":
      return `write term ${effect.currentTerm}, vote ${effect.votedFor === null ? "none" : nodeIdOf(effect.votedFor)} [${effect.ticket}]`;
    case "truncateLog":
      return `truncate after ${effect.through} [${effect.ticket}]`;
    case "appendLog":
      return `append ${describeEntries(effect.entries)} [${effect.ticket}]`;
    case "writeGenesis":
      return `write genesis ${effect.genesis.clusterUuid.slice(0, 8)} [${effect.ticket}]`;
    case "writeSnapshot":
      return `write snapshot ${at(effect.snapshot.position)}, the log begins ${effect.discardsLog ? "anew " : ""}after ${at(effect.base)} [${effect.ticket}]`;
    case "writeRemoved":
      return `write that ${at(effect.position)} has removed this node [${effect.ticket}]`;
    case "writeRefilled":
      return `write that this node's log is whole again [${effect.ticket}]`;
    case "fetchSnapshot":
      return `fetch from ${nodeIdOf(effect.from)}: snapshot ${at(effect.snapshot.position)}`;
    case "checkSnapshot":
      return `check the snapshot ${at(effect.snapshot.position)}: ${nodeIdOf(effect.by)} finds it damaged`;
    case "restoreState":
      return `restore the state of snapshot ${at(effect.snapshot.position)}`;
    case "send":
      return `to ${nodeIdOf(effect.to)}: ${describeMessage(effect.message)}`;
    case "sendEntries":
      return effect.prev.index === effect.through.index
        ? `to ${nodeIdOf(effect.to)}: heartbeat term ${effect.term} at ${at(effect.prev)}, commit ${effect.leaderCommit}`
        : `to ${nodeIdOf(effect.to)}: entries term ${effect.term} after ${at(effect.prev)} through ${at(effect.through)}, commit ${effect.leaderCommit}`;
    case "apply":
      return `apply ${effect.after + 1} through ${effect.through}`;
    case "proposalsAccepted":
      return `accept ${effect.refs.length} from ${at(effect.first)}`;
    case "proposalsRefused":
      return `refuse ${effect.refs.length}, leader ${effect.leader === null ? "unknown" : nodeIdOf(effect.leader)}`;
    case "readReady":
      return `read ${effect.ref} may be served at ${effect.index}`;
    case "readRefused":
      return `refuse read ${effect.ref}, leader ${effect.leader === null ? "unknown" : nodeIdOf(effect.leader)}`;
    case "transferSettled":
      return `transfer: ${describeTransfer(effect.outcome)}`;
    case "changeSettled":
      return `change ${effect.ref}: ${describeChangeOutcome(effect.outcome)}`;
    case "genesisDurable":
      return `genesis ${effect.genesis.clusterUuid.slice(0, 8)} is durable`;
    case "removed":
      return `removed by ${at(effect.position)}`;
    case "accuse":
      return `accuse ${nodeIdOf(effect.from)}: ${effect.lie}`;
    case "followerFault":
      return `${nodeIdOf(effect.of)} ${describeFault(effect.fault)}`;
    case "halt":
      return `halt: ${describeHalt(effect.reason)}`;
  }
}

export function describeTransfer(outcome: TransferOutcome): string {
  switch (outcome.kind) {
    case "done":
      return "done";
    case "notLeader":
      return `this node does not lead${outcome.leader === null ? "" : `, ${nodeIdOf(outcome.leader)} does`}`;
    case "elsewhere":
      return `${nodeIdOf(outcome.leader)} leads instead`;
    case "unknownTarget":
      return `${outcome.to} is not a voter of this cluster`;
    case "unfitTarget":
      return `${outcome.to} cannot lead well: ${describeImpediment(outcome.impediment)}`;
    case "noTarget":
      return "no other voter that could lead has answered lately";
    case "busy":
      return "another transfer is under way";
    case "timedOut":
      return "the target did not take over within an election timeout";
  }
}

function describeImpediment(impediment: Impediment): string {
  switch (impediment) {
    case "space":
      return "its disk is nearly full";
    case "certificate":
      return "its certificate has expired";
    case "hidden":
      return "no other voter can dial it";
    case "stateMachine":
      return "its state machine has stopped or hangs, or it has not said yet that it got past the entry at which another one did";
  }
}

const describeUnfit = (unfit: Unfit): string =>
  [...unfit].map(([key, impediment]) => `${nodeIdOf(key)} (${impediment})`).join(", ") || "nobody";

/** What a leader says of a follower that does not count; null: it counts again. */
export function describeFault(fault: Fault | null): string {
  switch (fault?.kind) {
    case undefined:
      return "holds its whole log again and counts";
    case "lost":
      return `has acknowledged through ${fault.confirmed} and its log ends at ${fault.lastIndex}: its disk has lost the rest; it does not count`;
    case "refilling":
      return "has lost a part of its data and copies it anew; it does not count until it holds the whole log";
    case "diverged":
      return `has another history than this leader at ${at(fault.at)}: checksum ${fault.there} there, ${fault.here} here; it does not count`;
  }
}

export function describeHalt(reason: HaltReason): string {
  switch (reason.kind) {
    case "wiped":
      return `cluster ${reason.clusterUuid.slice(0, 8)} knows ${reason.id} with another disk: this one is new or was wiped`;
    case "notListed":
      return `cluster ${reason.clusterUuid.slice(0, 8)} was founded without ${reason.id}`;
    case "lost":
      return (
        `this node has acknowledged entries through ${reason.confirmed} to the leader ${nodeIdOf(reason.leader)}, and its log ` +
        `ends at ${at(reason.last)}: its disk has lost entries ${reason.last.index + 1} to ${reason.confirmed}`
      );
    case "diverged":
      return (
        `this node and the leader ${nodeIdOf(reason.leader)} hold different histories: at ${at(reason.at)}, the first position known ` +
        `to differ, the chained checksum is ${reason.chain} here and ${reason.leaderChain} there`
      );
  }
}
