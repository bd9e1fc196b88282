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
  summary: "Measure gets: throughput and latency",
  details: [
    "Each client sends its next get when the last one is answered, as in graft bench replication. A linearizable get needs a round of heartbeats, which it shares with other gets, and writes to no disk.",
    "With --via any, all nodes read their own state, and the leader only confirms that it still leads.",
  ],
  args: {
    clients: { type: "string", valueHint: "N", description: "how many clients at the same time; default: 64" },
    bytes: { type: "string", valueHint: "B", description: "size of each value; default: 256" },
    seconds: { type: "string", valueHint: "S", description: "how many seconds to measure; default: 6" },
    warmup: {
      type: "string",
      valueHint: "S",
      description: "how many seconds of load before the measurement; default: 4",
    },
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
