// `graft log finding --config FILE`: what keeps a node from starting, and what it is to do about it.
import { type FindingOnDisk, findingOnDisk } from "../compose-offline.ts";
import { loadConfig } from "../config/config.ts";
import { GraftError } from "../errors.ts";
import { answerFlags } from "./answer-flags.ts";
import { command } from "./command.ts";
import { checked } from "./explain-error.ts";
import type { Paint } from "./output.ts";

export const logFinding = command({
  summary: "Show or decide a finding",
  details: [
    "A node stops when it finds two histories of one log, or a broken rule of Raft. It keeps the finding, and does not start again until an administrator has decided. First run graft log inspect on each node, to see which nodes agree.",
    "Use --refill if this node is wrong. At its next start it moves its data aside, deletes nothing, and the other nodes refill it. Use --dismiss if this node's data is right.",
  ],
  args: {
    config: { type: "string", valueHint: "FILE", description: "the node's configuration file" },
    refill: { type: "boolean", description: "treat the data as damaged at the next start" },
    dismiss: { type: "boolean", description: "keep the data and start again" },
    ...answerFlags,
  },
  examples: [
    ["graft log finding --config node.toml", "show the finding and its time"],
    ["graft log finding --config node.toml --refill", "let the other nodes refill this node"],
  ],
  async run(args, { output }) {
    if (args.config === undefined) throw new GraftError("usage", "which node? graft log finding --config FILE");
    if (args.refill === true && args.dismiss === true) {
      throw new GraftError("usage", "give --refill or --dismiss, not both");
    }
    const path = args.config;
    const { dataDir } = checked(() => loadConfig(path)).node;
    const decision = args.refill === true ? "refill" : args.dismiss === true ? "dismiss" : null;
    const found = decision === null ? findingOnDisk.look(dataDir) : findingOnDisk.decide(dataDir, decision);
    await output.answer({ ...found, decision }, (paint) =>
      [...words(found, paint), ...(decision === null ? [] : ["", next[decision]])].join("\n"),
    );
  },
});

const next = {
  refill: "The node sets its data aside at its next start, and the others refill it. Start it.",
  dismiss: "The node goes on with its data as it is. Start it.",
} as const;

function words({ dataDir, finding, damage, reached }: FindingOnDisk, paint: Paint): readonly string[] {
  if (finding === null && damage === null) return [`There is no finding in ${dataDir}.`];
  return [
    ...(finding === null ? [] : [`${paint("bold", finding.kind)} at ${finding.at}: ${finding.text}`]),
    ...(damage === null ? [] : [`${paint("bold", "damaged")}: ${damage}`]),
    ...(reached === null ? [] : [`By the mark ${reached}.`]),
  ];
}
