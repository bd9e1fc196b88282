// Rare states of clients: what else is under way when a command is retried or a read waits.
import { type Applying, type RareStates, rare, type Scene } from "./rare-state.ts";
import * as view from "./views.ts";

const firstLeader = ({ first }: Applying, scene: Scene) => view.leaderOfTerm(scene, first.term);

export const clients = {
  repeats: [
    rare(
      "a command is in the log twice, from two leaders",
      ["sessions", "elections"],
      ({ first, position }) => first.term < position.term,
    ),
    rare("a command is repeated while a node copies its lost log", ["sessions", "lost data"], (_, { members }) =>
      members.some(view.isRefilling),
    ),
    rare("a command is repeated while a disk is full or does not answer", ["sessions", "bad disks"], (_, scene) =>
      scene.members.some((each) => view.isFull(each) || each.disk.isStuck),
    ),
    rare(
      "a command is repeated while the node that had it first is down",
      ["sessions", "crashes"],
      (at, scene) => firstLeader(at, scene)?.isUp === false,
    ),
    rare(
      "a command is repeated while the node that had it first sleeps",
      ["sessions", "pauses"],
      (at, scene) => firstLeader(at, scene)?.isAsleep === true,
    ),
    rare(
      "a command is repeated while the node that had it first is cut off",
      ["sessions", "partitions"],
      (at, scene) => {
        const first = firstLeader(at, scene);
        return first !== null && first !== at.member && scene.isCut(first.id, at.member.id);
      },
    ),
  ],
  replaces: [
    rare("a command is committed after an earlier copy of it was cut off", ["sessions", "conflicts"], () => true),
  ],
  isOvertaken: [
    rare("a command of a session is applied after one that was sent later", ["sessions", "partitions"], () => true),
  ],
  comesLate: [
    rare("a copy of a command is committed after its client has the answer", ["sessions", "partitions"], () => true),
  ],
  findsDoubtful: [
    rare("a client reads what a command has written whose outcome is in doubt", ["sessions", "reads"], () => true),
  ],
  sendsInVain: [
    rare(
      "a client sends a command over a connection that its node has forgotten",
      ["sessions", "partitions"],
      () => true,
    ),
  ],
  skips: [
    rare("an administrator skips an entry while a node is down or sleeps", ["crashes", "pauses"], (_, { members }) =>
      members.some(({ isUp, isAsleep }) => !isUp || isAsleep),
    ),
  ],
  losesClients: [
    rare(
      "a leader is cut from its clients alone while its log holds what is not committed",
      ["sessions", "partitions"],
      ({ state }) => view.leaderOf(state) !== null && state.log.last.index > state.commitIndex,
    ),
    rare(
      "a leader is cut from its clients alone while reads wait for a quorum",
      ["reads", "partitions"],
      ({ state }) => (view.leaderOf(state)?.reads.length ?? 0) > 0,
    ),
    rare(
      "a leader is cut from its clients alone while it hands leadership over",
      ["hand-overs", "partitions"],
      ({ state }) => (view.leaderOf(state)?.transfer ?? null) !== null,
    ),
  ],
  reads: [
    rare(
      "a read waits at a leader whose disk does not answer",
      ["reads", "bad disks"],
      ({ member, after }) => view.leaderOf(after) !== null && member.disk.isStuck,
    ),
    rare(
      "a read waits at a leader that is cut from every quorum",
      ["reads", "partitions"],
      ({ after }, scene) => view.leaderOf(after) !== null && view.isWithoutQuorum(scene, after),
    ),
    rare(
      "a read waits at a leader that has a successor",
      ["reads", "elections"],
      ({ after }, { members }) =>
        view.leaderOf(after) !== null &&
        members.some(({ isLeader, node }) => isLeader && node!.state.currentTerm > after.currentTerm),
    ),
  ],
  asksLeader: [
    rare(
      "a node that copies its lost log asks the leader on behalf of a read",
      ["reads", "lost data"],
      ({ state }) => state.refill !== null,
    ),
    rare("a node whose log conflicts asks the leader on behalf of a read", ["reads", "conflicts"], (at, scene) => {
      const leader = view.stateOf(scene, at.to);
      return leader !== null && !view.includes(scene, leader.log, at.state.log.last);
    }),
  ],
  crashes: [
    rare(
      "a leader crashes while reads wait for a quorum",
      ["reads", "crashes"],
      ({ state }) => (view.leaderOf(state)?.reads.length ?? 0) > 0,
    ),
    rare(
      "a leader crashes that a follower has asked on behalf of a read",
      ["reads", "crashes"],
      ({ state }, { members }) =>
        members.some(({ node }) => {
          const role = node?.state.role;
          return role?.kind === "follower" && role.leader === state.self && role.reads.length > 0;
        }),
    ),
  ],
  sleeps: [
    rare(
      "a leader falls asleep while reads wait for a quorum",
      ["reads", "pauses"],
      ({ state }) => (view.leaderOf(state)?.reads.length ?? 0) > 0,
    ),
  ],
} satisfies RareStates;
