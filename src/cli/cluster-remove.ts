// `graft cluster remove ID`: one node less.
import { noRequest } from "../client/membership.ts";
import { command } from "./command.ts";
import { changeFlags, changeMembers } from "./membership-change.ts";

export const clusterRemove = command({
  summary: "Remove a node, the leader included",
  details: [
    "Nothing is lost: what was acknowledged is on the nodes that stay. A leader hands leadership over first. The removed node runs on and tells whoever asks that it has been removed; it does not start again from its data.",
    "The last voter cannot be removed, nor one without which nothing could be decided any more.",
  ],
  args: {
    id: { type: "positional", required: true, description: "the node's id" },
    ...changeFlags,
  },
  examples: [
    ["graft cluster remove n1 --dry-run", "what it would mean"],
    ["graft cluster remove n1", "do it"],
  ],
  run: ({ id, ...args }, { output }) =>
    changeMembers(
      args,
      output,
      { ...noRequest, remove: [id] },
      {
        doing: `removing ${id}`,
        watched: null,
        done: `${id} has been removed`,
        next: "stop its process; its data directory is needed no more. Clients that start later need the addresses of those who stay",
      },
    ),
});
