// `graft cluster skip INDEX`: the entry that no state machine gets past is passed over on every node; or what that would come to.
import { GraftError } from "../errors.ts";
import { clusterFlags, withClient } from "./cluster-access.ts";
import { command } from "./command.ts";
import { parseCount } from "./typed-numbers.ts";

export const clusterSkip = command({
  summary: "Skip an entry that stops every state machine",
  details: [
    "Where the same entry stops the state machine of a majority, the cluster takes no commands until it is out of the way. A corrected plugin is the better way: graft plugin roll-out VERSION --force. To skip it is a decision that is replicated: no node gives its state machine this entry, now or at any replay.",
    "The command in it then has no effect, and its client is told so if it asks again. Look at the entry first: graft cluster status names it with its operation. Only clients listed in [access] admins may skip entries.",
  ],
  args: {
    index: {
      type: "positional",
      required: true,
      description: "of the entry, as graft cluster status names it",
    },
    "dry-run": {
      type: "boolean",
      description: "change nothing; show what would be skipped, or what stands in the way",
    },
    ...clusterFlags,
  },
  examples: [
    ["graft cluster skip 1207 --dry-run", "what the entry is, and whether it can be skipped"],
    ["graft cluster skip 1207", "go on without it"],
  ],
  async run(args, { output }) {
    const entry = parseCount("INDEX", args.index, { min: 1, max: Number.MAX_SAFE_INTEGER });
    await withClient(args, output, async ({ client, timeoutMs }) => {
      // What stands in the way is told before anything is asked for.
      const plan = await output.progress(
        "asking what it would come to",
        client.skip(entry, { dryRun: true, timeoutMs }),
      );
      const { operation, refusal } = plan;
      if (args["dry-run"] === true) {
        return output.answer({ dryRun: true, entry, operation, refusal }, () => planWords(entry, operation, refusal));
      }
      if (refusal !== null) throw new GraftError("rejected", refusal, { subject: "skip" });
      const { index } = await output.progress(`skipping entry ${entry}`, client.skip(entry, { timeoutMs }));
      await output.answer(
        { entry, operation, index },
        () => `skipped: ${entryWords(entry, operation)}, as entry ${index} says`,
      );
    });
  },
});

const entryWords = (entry: number, operation: string | null): string =>
  `entry ${entry}${operation === null ? "" : `, the command ${operation}`}`;

const planWords = (entry: number, operation: string | null, refusal: string | null): string =>
  refusal === null ? `would be skipped: ${entryWords(entry, operation)}` : `not possible now: ${refusal}`;
