// Rare states of copies of the state machine that go wrong: what else is so when a node names its own, and when it comes by another one.
import { type RareStates, rare } from "./rare-state.ts";
import * as view from "./views.ts";

export const copies = {
  namesCopy: [
    rare(
      "a leader names its own copy as wrong",
      ["hand-overs", "lost data"],
      ({ state }) => view.leaderOf(state) !== null,
    ),
    rare("a node names its copy as wrong and has no leader", ["elections", "lost data"], ({ state: { role } }) =>
      role.kind === "follower" ? role.leader === null : role.kind !== "leader",
    ),
    rare(
      "a node names its copy as wrong that has a snapshot of it",
      ["snapshots", "lost data"],
      ({ state }) => state.snapshot !== null,
    ),
    rare(
      "a node names a copy as wrong that another node has given",
      ["snapshots", "lost data"],
      ({ member }) => view.copyOf(member).isGiven,
    ),
    rare("a node names its copy as wrong while another node is down", ["crashes", "lost data"], (_, scene) =>
      scene.members.some(({ isUp }) => !isUp),
    ),
  ],
  tracesCopy: [
    rare(
      "a node names the first command whose outcome differs, while its copy is wrong",
      ["sessions", "lost data"],
      ({ member }) => view.copyOf(member).first?.operation !== null,
    ),
    rare(
      "a node names an entry in the middle of its range as the first whose outcome differs",
      ["sessions", "lost data"],
      ({ member }) => {
        const { first, difference } = view.copyOf(member);
        return first!.index > difference!.after + 1 && first!.index < difference!.through;
      },
    ),
  ],
  doubtsCopy: [
    rare("a copy is in doubt of a leader", ["partitions", "lost data"], ({ state }) => view.leaderOf(state) !== null),
  ],
  replacesCopy: [
    rare(
      "a copy that was wrong is replaced by a snapshot of the leader, and the log stays",
      ["snapshots", "lost data"],
      () => true,
    ),
  ],
  crashes: [
    rare(
      "a node crashes whose copy is wrong, and which has named it",
      ["crashes", "lost data"],
      ({ member }) => view.copyOf(member).standing === "wrong",
    ),
  ],
  tookSnapshot: [
    rare(
      "a node takes a snapshot of a state that another node has given",
      ["snapshots", "lost data"],
      ({ member }) => view.copyOf(member).isGiven,
    ),
  ],
} satisfies RareStates;
