// `graft cluster promote|demote ID` and `graft cluster priority ID N`: what a member is in the cluster.
import { noRequest } from "../client/membership.ts";
import { command } from "./command.ts";
import { changeFlags, changeMembers } from "./membership-change.ts";
import { parseInteger } from "./typed-numbers.ts";

const id = { type: "positional", required: true, description: "the node's id" } as const;

export const clusterPromote = command({
  summary: "Make a learner a voter",
  details: ["The learner becomes a voter when it has caught up. The command waits for that."],
  args: { id, ...changeFlags },
  examples: [["graft cluster promote n4", "let n4 vote"]],
  run: (args, { output }) =>
    changeMembers(
      args,
      output,
      { ...noRequest, promote: [args.id] },
      {
        doing: `${args.id} is catching up`,
        watched: args.id,
        done: () => `${args.id} is a voter`,
        next: () => null,
      },
    ),
});

export const clusterDemote = command({
  summary: "Make a voter a learner",
  details: [
    "The node still receives all data and answers queries. It no longer counts in elections and commits. A leader hands leadership over first.",
  ],
  args: { id, ...changeFlags },
  examples: [["graft cluster demote n4", "let n4 learn only"]],
  run: (args, { output }) =>
    changeMembers(
      args,
      output,
      { ...noRequest, demote: [args.id] },
      {
        doing: `demoting ${args.id}`,
        watched: null,
        done: () => `${args.id} is a learner`,
        next: () => null,
      },
    ),
});

export const clusterPriority = command({
  summary: "Set which node should lead",
  details: [
    "Leadership moves to the voter with the highest priority when that voter is up to date. Until then any voter may lead. Each node begins with priority 0.",
  ],
  args: {
    id,
    priority: { type: "positional", required: true, description: "a whole number; the highest is preferred" },
    ...changeFlags,
  },
  examples: [["graft cluster priority n1 10", "prefer n1 as the leader"]],
  run: (args, { output }) => {
    const priority = parseInteger("PRIORITY", args.priority);
    const prioritize = [{ name: args.id, priority }];
    return changeMembers(
      args,
      output,
      { ...noRequest, prioritize },
      {
        doing: "changing the priority",
        watched: null,
        done: () => `${args.id} has the priority ${priority}`,
        next: () => null,
      },
    );
  },
});
