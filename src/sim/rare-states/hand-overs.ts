// Rare states of hand-overs: what else is under way when leadership moves to a named node.
import { isToStop } from "../../core/transfer.ts";
import type { Transfer } from "../../core/roles.ts";
import type { State } from "../../core/state.ts";
import { type RareStates, rare } from "./rare-state.ts";
import * as view from "./views.ts";

const transferOf = (state: State): Transfer | null => view.leaderOf(state)?.transfer ?? null;

/** To which node; asked where there is a hand-over. */
const targetOf = (state: State) => transferOf(state)!.target;

const holdsSessions = (transfer: Transfer | null): boolean =>
  transfer?.held.some((held) => held.kind === "command" && held.session !== null) ?? false;

export const handOvers = {
  handsOver: [
    rare("a hand-over begins while the configuration is joint", ["hand-overs", "members"], ({ after }) =>
      view.isJointAt(after),
    ),
    rare(
      "a hand-over begins while a learner waits to be promoted",
      ["hand-overs", "members"],
      ({ after }) => view.configurationOf(after)!.pending.length > 0,
    ),
    rare("a hand-over begins to a node that is to stop voting", ["hand-overs", "members"], ({ after }) => {
      const target = targetOf(after);
      return isToStop(view.configurationOf(after)!, target) || view.votesInOldOnly(after, target);
    }),
    rare("a hand-over begins to a node that has moved", ["hand-overs", "members"], ({ after }, scene) => {
      const target = targetOf(after);
      const known = view.configurationOf(after)!.members.find(({ key }) => key === target);
      const machine = view.machineOf(scene, target);
      return machine !== null && machine.address !== known?.address;
    }),
    rare(
      "a hand-over begins to a node that is sent a snapshot",
      ["hand-overs", "snapshots"],
      ({ after }) => view.leaderOf(after)!.progress.get(targetOf(after))?.kind === "installing",
    ),
    rare(
      "a hand-over begins while reads wait for a quorum",
      ["hand-overs", "reads"],
      ({ after }) => view.leaderOf(after)!.reads.length > 0,
    ),
    rare("a hand-over begins while a node copies its lost log", ["hand-overs", "lost data"], (_, { members }) =>
      members.some(view.isRefilling),
    ),
    rare("a leader whose disk is nearly full hands over", ["hand-overs", "bad disks"], ({ member }) =>
      view.isNearlyFull(member),
    ),
    rare("a hand-over begins to a node whose disk is nearly full", ["hand-overs", "bad disks"], ({ after }, scene) =>
      scene.members.some((each) => each.key === targetOf(after) && view.isNearlyFull(each)),
    ),
    rare(
      "a hand-over begins to a node that sleeps",
      ["hand-overs", "pauses"],
      ({ after }, scene) => view.machineOf(scene, targetOf(after))?.isAsleep === true,
    ),
    rare(
      "a hand-over begins to a node that has crashed",
      ["hand-overs", "crashes"],
      ({ after }, scene) => view.machineOf(scene, targetOf(after))?.isUp === false,
    ),
    rare(
      "a hand-over begins to a node from which the leader is cut",
      ["hand-overs", "partitions"],
      ({ member, after }, scene) => {
        const target = view.machineOf(scene, targetOf(after));
        return target !== null && scene.isCut(member.id, target.id);
      },
    ),
    rare("a hand-over begins to a node whose log conflicts", ["hand-overs", "conflicts"], ({ after }, scene) => {
      const other = view.stateOf(scene, targetOf(after));
      return other !== null && !view.includes(scene, after.log, other.log.last);
    }),
    rare(
      "a leader hands over to a preferred voter by itself",
      ["hand-overs", "preferences"],
      ({ after }) => transferOf(after)!.ref === null && view.isPreferredTo(after, targetOf(after), after.self),
    ),
    rare(
      "a leader whose disk is nearly full hands over by itself to a fitter voter",
      ["hand-overs", "bad disks", "preferences"],
      ({ after }) => transferOf(after)!.ref === null && after.unfit.get(after.self) === "space",
    ),
    rare(
      "leadership moves to a preferred voter while reads wait",
      ["reads", "preferences"],
      ({ after }) => transferOf(after)!.ref === null && view.leaderOf(after)!.reads.length > 0,
    ),
  ],
  tookSnapshot: [
    rare(
      "a leader takes a snapshot while it hands over",
      ["hand-overs", "snapshots"],
      ({ after }) => transferOf(after) !== null,
    ),
  ],
  holds: [
    rare("commands of sessions wait for the end of a hand-over", ["hand-overs", "sessions"], ({ after }) =>
      holdsSessions(transferOf(after)),
    ),
    rare(
      "commands of sessions wait while leadership moves to a preferred voter",
      ["sessions", "preferences"],
      ({ after }) => transferOf(after)!.ref === null && holdsSessions(transferOf(after)),
    ),
  ],
  leadsOn: [
    rare("a hand-over fails, and the commands that waited are appended", ["hand-overs", "sessions"], ({ before }) =>
      holdsSessions(transferOf(before)),
    ),
  ],
  crashes: [
    rare("a leader crashes while it hands over", ["hand-overs", "crashes"], ({ state }) => transferOf(state) !== null),
    rare("a node crashes to which leadership is handed over", ["hand-overs", "crashes"], ({ state }, { members }) =>
      members.some(({ node }) => node !== null && transferOf(node.state)?.target === state.self),
    ),
  ],
  sleeps: [
    rare(
      "a leader falls asleep while it hands over",
      ["hand-overs", "pauses"],
      ({ state }) => transferOf(state) !== null,
    ),
  ],
  cut: [
    rare(
      "a log is cut for a leader to which leadership was handed over",
      ["hand-overs", "conflicts"],
      ({ after }, { tookOver }) => tookOver(after.currentTerm),
    ),
  ],
} satisfies RareStates;
