// `graft bench reads`: gets per second and how long each takes. The measuring is src/client/load.ts.
import { GraftError } from "../errors.ts";
import { gets, runLoad } from "../client/load.ts";
import { limits, words } from "./bench-replication.ts";
import { withBenchTarget } from "./bench-target.ts";
import { clusterFlags } from "./cluster-access.ts";
import { command } from "./command.ts";
import { queryOptionsOf, readingFlags } from "./execute.ts";
import { parseCount, parseDurationMs } from "./typed-numbers.ts";

export const benchReads = command({
  summary: "Measure gets: how many per second, and how long each takes",
  details: [
    "Closed-loop clients, as in graft bench replication. A linearizable get costs its share of a round of heartbeats, and no write to any disk; by way of any node the leader is asked for the round alone, and the others do the reading.",
  ],
  args: {
    clients: { type: "string", valueHint: "N", description: "clients at the same time; default: 64" },
    bytes: { type: "string", valueHint: "B", description: "size of each value; default: 256" },
    seconds: { type: "string", valueHint: "S", description: "length of the run; default: 6" },
    warmup: { type: "string", valueHint: "S", description: "seconds of load before it; default: 4" },
    via: { type: "string", valueHint: "leader|any", description: "who is asked; default: leader" },
    ...readingFlags,
    ...clusterFlags,
  },
  examples: [
    ["graft bench reads --clients 64", "linearizable, at the leader of three nodes of its own"],
    ["graft bench reads --via any", "linearizable, through all three"],
    ["graft bench reads --consistency stale", "from what each node knows"],
  ],
  async run(args, { output }) {
    const load = {
      clients: parseCount("--clients", args.clients ?? "64", limits.clients),
      bytes: parseCount("--bytes", args.bytes ?? "256", limits.bytes),
      seconds: parseDurationMs("--seconds", `${args.seconds ?? "6"}s`) / 1000,
      warmUpSeconds: parseCount("--warmup", args.warmup ?? "4", limits.warmUp),
    };
    const readFrom = args.via ?? "leader";
    if (readFrom !== "leader" && readFrom !== "any") {
      throw new GraftError("usage", `--via ${JSON.stringify(readFrom)}: leader or any`);
    }
    const work = gets(queryOptionsOf(args));
    await withBenchTarget(args, output, async ({ connect }) => {
      const measured = runLoad(() => connect({ readFrom }), load, work);
      const result = await output.progress(`measuring for ${load.warmUpSeconds + load.seconds} s`, measured);
      await output.answer(result, (paint) => words(result, paint));
    });
  },
});
