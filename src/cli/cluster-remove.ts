// `graft cluster remove ID`: one node less.
import { noRequest } from "../client/membership.ts";
import { command } from "./command.ts";
import { changeFlags, changeMembers } from "./membership-change.ts";

export const clusterRemove = command({
  summary: "Remove a node, the leader included",
  details: [
    "No acknowledged command is lost. A leader hands leadership over first. The removed node keeps running and tells clients that it has been removed. It does not start again with its data.",
    "The last voter cannot be removed, and neither can a voter that the others need for a quorum.",
  ],
  args: {
    id: { type: "positional", required: true, description: "the node's id" },
    ...changeFlags,
  },
  examples: [
    ["graft cluster remove n1 --dry-run", "show what would change"],
    ["graft cluster remove n1", "remove n1"],
  ],
  run: ({ id, ...args }, { output }) =>
    changeMembers(
      args,
      output,
      { ...noRequest, remove: [id] },
      {
        doing: `removing ${id}`,
        watched: null,
        done: () => `${id} has been removed`,
        next: () =>
          "stop its process; its data directory is needed no more. Clients that start later need the addresses of those who stay",
      },
    ),
});
