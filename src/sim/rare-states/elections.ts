// Rare states of elections: what else is under way when a node stands, votes, wins or loses.
import { type RareStates, rare } from "./rare-state.ts";
import * as view from "./views.ts";

export const elections = {
  elected: [
    rare("a leader is elected while the configuration is joint", ["elections", "members"], ({ before }) =>
      view.isJointAt(before),
    ),
    rare("a leader is elected whose vote ends with the joint configuration", ["elections", "members"], ({ before }) =>
      view.votesInOldOnly(before, before.self),
    ),
    rare(
      "a leader is elected whose whole log is in its snapshot",
      ["elections", "snapshots"],
      ({ before: { log } }) => log.base.index > 0 && log.base.index === log.last.index,
    ),
    rare("a leader is elected while a node copies its lost log", ["elections", "lost data"], (_, { members }) =>
      members.some(view.isRefilling),
    ),
    rare("a leader is elected while the disk of a voter is full", ["elections", "bad disks"], ({ after }, scene) =>
      scene.members.some((each) => view.isFull(each) && each.key !== null && view.isVoterAt(after, each.key)),
    ),
    rare("a leader is elected while an earlier one sleeps", ["elections", "pauses"], ({ after }, scene) =>
      view.formerLeaders(scene, after).some(({ isAsleep }) => isAsleep),
    ),
    rare(
      "a leader is elected while an earlier one is cut from it and leads on",
      ["elections", "partitions"],
      ({ member, after }, scene) => view.formerLeaders(scene, after).some(({ id }) => scene.isCut(id, member.id)),
    ),
    rare("a leader is elected that is unfit to lead", ["elections", "preferences"], ({ after }) =>
      after.unfit.has(after.self),
    ),
    rare("a leader is elected and another voter is preferred", ["elections", "preferences"], ({ after }) =>
      view.configurationOf(after)!.voters.some((key) => view.isPreferredTo(after, key, after.self)),
    ),
    rare(
      "a leader is elected early because the crash of its predecessor was noticed",
      ["elections", "crashes"],
      ({ before }) => before.crashedLeader !== null,
    ),
    rare(
      "a leader is elected with uncommitted entries of two earlier terms",
      ["elections", "conflicts"],
      ({ before: { log, commitIndex } }) => log.termStarts.filter(({ index }) => index > commitIndex).length > 1,
    ),
    rare(
      "a leader is elected to which its predecessor hands over",
      ["elections", "hand-overs"],
      ({ before: { role } }) => role.kind === "candidate" && role.transfer,
    ),
    rare(
      "a leader is elected while an earlier one hands over to another node",
      ["elections", "hand-overs"],
      ({ after }, { members }) =>
        members.some(({ node }) => {
          const role = node?.state.role;
          const target = (role?.kind === "leader" ? role.transfer : node?.state.handingOver)?.target;
          return target !== undefined && target !== after.self;
        }),
    ),
    rare(
      "a leader is elected without entries that a former one still holds",
      ["partitions", "conflicts"],
      ({ after, member }, scene) =>
        view
          .formerLeaders(scene, after)
          .some(({ id, node }) => scene.isCut(id, member.id) && !view.includes(scene, after.log, node!.state.log.last)),
    ),
  ],
  deposed: [
    rare(
      "a leader is deposed whose joint configuration is not committed",
      ["elections", "members"],
      ({ before }) => view.isJointAt(before) && view.isUnsettled(before),
    ),
    rare(
      "a leader is deposed while reads wait for a quorum",
      ["elections", "reads"],
      ({ before }) => view.leaderOf(before)!.reads.length > 0,
    ),
    rare("a leader gives up because its disk is full", ["elections", "bad disks"], ({ member }) => view.isFull(member)),
    rare(
      "a leader gives up because it is cut from every quorum",
      ["elections", "partitions"],
      ({ before, after }, scene) => after.currentTerm === before.currentTerm && view.isWithoutQuorum(scene, before),
    ),
  ],
  stands: [
    rare(
      "a node that has overslept stands for election",
      ["elections", "pauses"],
      ({ before: { role } }) => role.kind === "follower" && role.wokeLate,
    ),
    rare(
      "a node stands for election that was removed and does not know it",
      ["elections", "members"],
      ({ after }, scene) =>
        scene.governing()?.members.every(({ key }) => key !== after.self) === true && after.removed === null,
    ),
    rare(
      "a node stands for election while its disk does not answer",
      ["elections", "bad disks"],
      ({ member }) => member.disk.isStuck,
    ),
    rare(
      "a follower stands for election while it waits for answers to reads",
      ["elections", "reads"],
      ({ before: { role } }) => role.kind === "follower" && role.reads.length > 0,
    ),
  ],
  votes: [
    rare(
      "a vote is cast by a voter of the old configuration only",
      ["elections", "members"],
      ({ state, message }) => message.granted && view.votesInOldOnly(state, state.self),
    ),
    rare(
      "a vote is cast by a learner",
      ["elections", "members"],
      ({ state, message }) =>
        message.granted && view.isMemberAt(state, state.self) && !view.isVoterAt(state, state.self),
    ),
    rare(
      "a vote is cast by a node that is sent a snapshot",
      ["elections", "snapshots"],
      ({ state, message }, scene) => message.granted && view.isFetching(scene, state.self),
    ),
  ],
  asksForVote: [
    rare(
      "a node that copies its lost log is asked for its vote",
      ["elections", "lost data"],
      ({ to }, scene) => (view.stateOf(scene, to)?.refill ?? null) !== null,
    ),
  ],
  crashes: [
    rare(
      "a leader crashes before its first entry is committed",
      ["elections", "crashes"],
      ({ state }) => state.commitIndex < (view.leaderOf(state)?.termStartIndex ?? 0),
    ),
    rare(
      "a node crashes before its vote is durable",
      ["elections", "crashes"],
      ({ state: { durability, votedFor } }) => votedFor !== null && durability.voteTicket > durability.confirmed,
    ),
  ],
  cut: [
    rare(
      "what a node appended as the leader is cut off",
      ["elections", "conflicts"],
      ({ before }, { leaders }) => leaders.get(before.log.last.term) === before.self,
    ),
  ],
} satisfies RareStates;
