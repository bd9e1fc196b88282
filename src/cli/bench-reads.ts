// `graft bench reads`: gets per second and how long each takes. The measuring is src/client/load.ts.
import { GraftError } from "../errors.ts";
import { gets, runLoad } from "../client/load.ts";
import { loadFlags, loadOf, resultWords } from "./bench-load.ts";
import { withBenchTarget } from "./bench-target.ts";
import { clusterFlags } from "./cluster-access.ts";
import { command } from "./command.ts";
import { queryOptionsOf, readingFlags } from "./execute.ts";

export const benchReads = command({
  summary: "Measure gets: throughput and latency",
  details: [
    "Each client waits for an answer before it sends its next get. A linearizable get waits for one round of heartbeats. Several gets share one round. No get writes to a disk.",
    "With --via any, all nodes read their own state, and the leader only confirms that it still leads.",
  ],
  args: {
    ...loadFlags,
    via: { type: "string", valueHint: "leader|any", description: "which nodes the clients ask; default: leader" },
    ...readingFlags,
    ...clusterFlags,
  },
  examples: [
    ["graft bench reads --clients 64", "linearizable gets, at the leader of a temporary cluster"],
    ["graft bench reads --via any", "linearizable gets, at all three nodes"],
    ["graft bench reads --consistency stale", "stale gets: each node answers from the state that it has"],
  ],
  async run(args, { output }) {
    const load = loadOf(args);
    const readFrom = args.via ?? "leader";
    if (readFrom !== "leader" && readFrom !== "any") {
      throw new GraftError("usage", `--via ${JSON.stringify(readFrom)}: leader or any`);
    }
    const work = gets(queryOptionsOf(args));
    await withBenchTarget(args, output, async ({ connect }) => {
      const measured = runLoad(() => connect({ readFrom }), load, work);
      const result = await output.progress(`measuring for ${load.warmUpSeconds + load.seconds} s`, measured);
      await output.answer(result, (paint) => resultWords(result, paint));
    });
  },
});
