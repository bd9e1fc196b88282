// Rare states of snapshots: what else is under way when one is taken, sent, received or restored.
import { nodeIdOf } from "../../core/configuration.ts";
import { type RareStates, rare, type Standing } from "./rare-state.ts";
import * as view from "./views.ts";

const isSending = ({ state }: Standing): boolean =>
  [...(view.leaderOf(state)?.progress.values() ?? [])].some(({ kind }) => kind === "installing");

export const snapshots = {
  offers: [
    rare("a follower whose log conflicts is sent a snapshot", ["snapshots", "conflicts"], ({ state, to }, scene) => {
      const other = view.stateOf(scene, to);
      return other !== null && !view.includes(scene, state.log, other.log.last);
    }),
    rare("a node with a full disk is sent a snapshot", ["snapshots", "bad disks"], ({ to }, scene) =>
      scene.members.some((each) => each.key === to && view.isFull(each)),
    ),
    rare(
      "a node that sleeps is sent a snapshot",
      ["snapshots", "pauses"],
      ({ to }, scene) => view.machineOf(scene, to)?.isAsleep === true,
    ),
    rare(
      "a node that copies its lost log is sent a snapshot",
      ["snapshots", "lost data"],
      ({ message }) => message.refill !== null,
    ),
    rare("a preferred voter is sent a snapshot", ["snapshots", "preferences"], ({ state, to }) =>
      view.isPreferredTo(state, to, state.self),
    ),
    rare("a snapshot is offered to a node that is cut off", ["snapshots", "partitions"], ({ member, to }, scene) =>
      scene.isCut(member.id, nodeIdOf(to)),
    ),
  ],
  adopted: [
    rare(
      "a snapshot takes the place of a log that conflicts with it",
      ["snapshots", "conflicts"],
      ({ before, after }, scene) => !view.includes(scene, after.log, before.log.last),
    ),
    rare(
      "a node has a snapshot while reads wait at it",
      ["snapshots", "reads"],
      ({ after: { role } }) => role.kind === "follower" && role.reads.length > 0,
    ),
  ],
  asksLeader: [
    rare("a node that is sent a snapshot asks the leader on behalf of a read", ["snapshots", "reads"], (at, scene) =>
      view.isFetching(scene, at.state.self),
    ),
  ],
  crashes: [
    rare(
      "a node crashes between a snapshot's rename and the cut of its log",
      ["snapshots", "crashes"],
      ({ state, member }) => state.snapshot !== null && member.disk.snapshotFile !== state.snapshot.file,
    ),
    rare("a node crashes while it is sent a snapshot", ["snapshots", "crashes"], ({ state }, scene) =>
      view.isFetching(scene, state.self),
    ),
    rare("a leader crashes while it sends a snapshot", ["snapshots", "crashes"], isSending),
  ],
  sleeps: [rare("a leader falls asleep while it sends a snapshot", ["snapshots", "pauses"], isSending)],
  goesOn: [
    rare(
      "a state machine goes on with its state on disk after a crash",
      ["snapshots", "crashes"],
      ({ isAfterCrash }) => isAfterCrash,
    ),
  ],
  repeats: [
    rare(
      "a command comes again after a snapshot that has its first copy",
      ["snapshots", "sessions"],
      ({ state, first }) => (state.snapshot?.position.index ?? 0) >= first.index,
    ),
    rare(
      "a command comes again from a new leader after a snapshot that has its first copy",
      ["snapshots", "sessions", "elections"],
      ({ state, first, position }) =>
        (state.snapshot?.position.index ?? 0) >= first.index && position.term > first.term,
    ),
  ],
} satisfies RareStates;
