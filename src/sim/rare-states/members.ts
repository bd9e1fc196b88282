// Rare states of changes of the members: what else is under way when nodes come, go, vote and move.
import { isJoint, type MemberKey, nodeIdOf } from "../../core/configuration.ts";
import { type RareStates, rare, type Scene, type Turn } from "./rare-state.ts";
import * as view from "./views.ts";

/** Members that the leader's new configuration leaves out. */
function removedBy({ before, after }: Turn): readonly MemberKey[] {
  const members = view.configurationOf(before)?.members ?? [];
  return members.map(({ key }) => key).filter((key) => !view.isMemberAt(after, key) || isLeaving(after, key));
}

const isLeaving = (state: Turn["after"], key: MemberKey): boolean =>
  view.configurationOf(state)?.leaving.includes(key) ?? false;

function isRolledBack({ before, after }: Turn, scene: Scene): boolean {
  const position = before.log.configurations.at(-1)?.position;
  return position !== undefined && !view.includes(scene, after.log, position);
}

const voters = ({ after }: Turn, { members }: Scene) =>
  members.filter(({ key }) => key !== null && view.isVoterAt(after, key));

export const members = {
  configured: [
    rare("a member is removed while it sleeps", ["members", "pauses"], (turn, scene) =>
      removedBy(turn).some((key) => view.machineOf(scene, key)?.isAsleep === true),
    ),
    rare("a member is removed that the leader does not reach", ["members", "partitions"], (turn, scene) =>
      removedBy(turn).some((key) => scene.isCut(turn.member.id, nodeIdOf(key))),
    ),
    rare("a node that copies its lost log is removed", ["members", "lost data"], (turn, scene) =>
      removedBy(turn).some((key) => (view.stateOf(scene, key)?.refill ?? null) !== null),
    ),
    rare("a member is removed whose process has crashed", ["members", "crashes"], (turn, scene) =>
      removedBy(turn).some((key) => view.machineOf(scene, key)?.isUp === false),
    ),
    rare("a leader removes itself", ["members", "elections"], (turn) => removedBy(turn).includes(turn.after.self)),
    rare("the preferred voter is removed or stops voting", ["members", "preferences"], ({ before, after }) =>
      view
        .configurationOf(before)!
        .voters.some((key) => view.isPreferred(before, key) && !view.configurationOf(after)!.voters.includes(key)),
    ),
    rare("a change of the members begins while the disk of a voter is full", ["members", "bad disks"], (turn, scene) =>
      voters(turn, scene).some(view.isFull),
    ),
    rare(
      "a change of the members begins while the disk of a voter does not answer",
      ["members", "bad disks"],
      (turn, scene) => voters(turn, scene).some(({ disk }) => disk.isStuck),
    ),
    rare("a change of the members begins while a member is sent a snapshot", ["members", "snapshots"], ({ after }) =>
      [...view.leaderOf(after)!.progress.values()].some(({ kind }) => kind === "installing"),
    ),
    rare("a wiped node is added while its old self is in the log", ["members", "lost data"], ({ before, after }) => {
      const known = view.configurationOf(before)?.members ?? [];
      const isNew = (key: MemberKey): boolean => known.every((member) => member.key !== key);
      const isOldThere = (key: MemberKey): boolean => known.some((member) => nodeIdOf(member.key) === nodeIdOf(key));
      return view.configurationOf(after)!.members.some(({ key }) => isNew(key) && isOldThere(key));
    }),
  ],
  refuses: [
    rare(
      "a voter does not start because its mark is lost",
      ["members", "lost data"],
      ({ member: { disk, key } }, scene) =>
        disk.hasLostMark && key !== null && scene.governing()?.voters.includes(key) === true,
    ),
  ],
  starts: [
    rare(
      "a wiped node starts while its old self is a member",
      ["members", "lost data"],
      ({ state, member }, scene) =>
        scene.governing()?.members.some(({ key }) => nodeIdOf(key) === member.id && key !== state.self) === true,
    ),
    rare(
      "a node starts with a joint configuration that is not committed",
      ["members", "crashes"],
      ({ state }) => view.isJointAt(state) && view.isUnsettled(state),
    ),
  ],
  cut: [
    rare("a configuration is rolled back with its entry", ["members", "conflicts"], isRolledBack),
    rare(
      "a joint configuration is rolled back",
      ["members", "conflicts"],
      (turn, scene) => view.isJointAt(turn.before) && isRolledBack(turn, scene),
    ),
  ],
  reads: [
    rare(
      "a read waits for both majorities of a joint configuration",
      ["members", "reads"],
      ({ after }) => view.leaderOf(after) !== null && view.isJointAt(after),
    ),
  ],
  asksLeader: [
    rare(
      "a learner asks the leader on behalf of a read",
      ["members", "reads"],
      ({ state }) => !view.isVoterAt(state, state.self),
    ),
  ],
  crashes: [
    rare(
      "a leader crashes whose joint configuration is not committed",
      ["members", "crashes"],
      ({ state }) => view.leaderOf(state) !== null && view.isJointAt(state) && view.isUnsettled(state),
    ),
    rare(
      "the last running node crashes while the configuration is joint",
      ["members", "crashes"],
      ({ member, state }, scene) =>
        view.isJointAt(state) && scene.members.every((each) => each === member || !each.isUp),
    ),
  ],
  repeats: [
    rare("the members change between two copies of a command", ["members", "sessions"], ({ state, first, position }) =>
      state.log.configurations.some(({ position: { index } }) => index > first.index && index < position.index),
    ),
  ],
  tookSnapshot: [
    rare("a snapshot holds a joint configuration", ["members", "snapshots"], ({ after }) =>
      isJoint(after.snapshot!.configuration.configuration),
    ),
  ],
  offers: [
    rare("a learner is sent a snapshot", ["members", "snapshots"], ({ state, to }) => !view.isVoterAt(state, to)),
    rare(
      "a deposed leader whose joint configuration is not committed is sent a snapshot",
      ["members", "snapshots", "elections"],
      ({ to }, scene) => {
        const state = view.stateOf(scene, to);
        if (state === null || !view.isJointAt(state) || !view.isUnsettled(state)) return false;
        return scene.leaders.get(state.log.configurations.at(-1)!.position.term) === to;
      },
    ),
  ],
  adopted: [
    rare(
      "a snapshot takes the place of a configuration that was not known to be committed",
      ["members", "snapshots"],
      ({ before }) => view.isUnsettled(before),
    ),
    rare(
      "a snapshot takes the place of a configuration that conflicts with it",
      ["members", "snapshots", "conflicts"],
      isRolledBack,
    ),
  ],
  isCutOff: [
    rare("the network is cut while the configuration is joint", ["members", "partitions"], (_, scene) => {
      const leader = view.latestLeader(scene);
      return leader !== null && view.isJointAt(leader.node!.state);
    }),
  ],
} satisfies RareStates;
