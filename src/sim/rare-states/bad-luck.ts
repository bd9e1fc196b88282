// Rare states of bad luck alone: two kinds of faults meet at one node, or a fault meets the node that is to lead.
import { samePosition } from "../../core/log-position.ts";
import { type RareStates, rare } from "./rare-state.ts";
import * as view from "./views.ts";

export const badLuck = {
  starts: [
    rare(
      "two nodes copy their lost logs at the same time",
      ["lost data"],
      (at, { members }) =>
        at.state.refill !== null && members.some((each) => each !== at.member && view.isRefilling(each)),
    ),
  ],
  refuses: [
    rare(
      "a node does not start whose mark is torn and whose data are damaged",
      ["lost data", "crashes"],
      ({ member }) => !member.disk.hasLostMark,
    ),
  ],
  fills: [
    rare(
      "the disk of a node is full while it copies its lost log",
      ["lost data", "bad disks"],
      ({ state }) => state.refill !== null,
    ),
  ],
  crashes: [
    rare("a node crashes while it copies its lost log", ["lost data", "crashes"], ({ state }) => state.refill !== null),
    rare("a node crashes whose disk is full", ["bad disks", "crashes"], ({ member }) => view.isFull(member)),
    rare(
      "a node crashes while its disk does not answer, and loses what it wrote",
      ["bad disks", "crashes"],
      ({ member, state: { durability } }) => member.disk.isStuck && durability.issued > durability.confirmed,
    ),
    rare("a node crashes while it sleeps", ["crashes", "pauses"], ({ member }) => member.isAsleep),
    rare("a node crashes that is cut from the leader", ["crashes", "partitions"], ({ member }, scene) =>
      view.isCutFromLeader(scene, member),
    ),
    rare(
      "a node crashes with an entry that conflicts with a committed one",
      ["crashes", "conflicts"],
      ({ state: { log } }, { committedTermAt }) =>
        committedTermAt(log.last.index) !== null && committedTermAt(log.last.index) !== log.last.term,
    ),
    rare(
      "the preferred voter crashes while it leads",
      ["crashes", "preferences"],
      ({ state }) => view.leaderOf(state) !== null && view.isPreferred(state, state.self),
    ),
  ],
  sleeps: [
    rare(
      "a node falls asleep while it copies its lost log",
      ["lost data", "pauses"],
      ({ state }) => state.refill !== null,
    ),
    rare("a node falls asleep whose disk is full", ["bad disks", "pauses"], ({ member }) => view.isFull(member)),
    rare("a node falls asleep that is cut from the leader", ["pauses", "partitions"], ({ member }, scene) =>
      view.isCutFromLeader(scene, member),
    ),
    rare(
      "the preferred voter falls asleep while it leads",
      ["pauses", "preferences"],
      ({ state }) => view.leaderOf(state) !== null && view.isPreferred(state, state.self),
    ),
  ],
  isCutOff: [
    rare(
      "a node that copies its lost log is cut from the leader",
      ["lost data", "partitions"],
      ({ state }) => state.refill !== null,
    ),
    rare("a node with a full disk is cut from the leader", ["bad disks", "partitions"], ({ member }) =>
      view.isFull(member),
    ),
    rare("the preferred voter is cut from the leader", ["partitions", "preferences"], ({ state }) =>
      view.isPreferred(state, state.self),
    ),
  ],
  cut: [
    rare("a log is cut while a node copies its lost log", ["lost data", "conflicts"], (_, scene) =>
      scene.members.some(view.isRefilling),
    ),
    rare(
      "a log is cut on a disk that does not answer",
      ["bad disks", "conflicts"],
      ({ member }) => member.disk.isStuck,
    ),
    rare(
      "what a node appended before it slept is cut off",
      ["pauses", "conflicts"],
      ({ member, before, after }, scene) => {
        const end = scene.endBeforeSleep(member);
        return end !== null && samePosition(end, before.log.last) && !view.includes(scene, after.log, end);
      },
    ),
    rare("the log of the preferred voter is cut", ["conflicts", "preferences"], ({ before }) =>
      view.isPreferred(before, before.self),
    ),
  ],
  elected: [
    rare(
      "a leader is elected while a voter that is preferred to it copies its lost log",
      ["lost data", "preferences"],
      (at, scene) =>
        scene.members.some(
          ({ node, key }) =>
            node !== null && node.state.refill !== null && view.isPreferredTo(at.after, key!, at.after.self),
        ),
    ),
  ],
} satisfies RareStates;
