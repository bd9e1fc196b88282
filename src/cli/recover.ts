// `graft recover --data-dir D --accept-data-loss`: a quorum is lost for good, and this node's data founds a new cluster of
// one. Without the flag it says what would happen, and changes nothing.
import { lookBeforeRecovery, mustBeLost, recoverAlone, type Recovery } from "../compose-offline.ts";
import { incarnationOf, nodeIdOf } from "../core/configuration.ts";
import { GraftError } from "../errors.ts";
import { answerFlags } from "./answer-flags.ts";
import { command } from "./command.ts";
import type { Paint } from "./output.ts";
import { parseAddress } from "./typed-numbers.ts";

export const recover = command({
  summary: "Found a new cluster from one node's data",
  details: [
    "The command makes a new cluster of one node from a stopped node's data. It keeps all entries of that node's log, committed or not. Entries that only other nodes had are lost. So first look at each remaining data directory with graft log inspect. Choose the one whose last entry has the highest term and, among those, the highest index.",
    "Recover only when more than half of the voters are lost for good. While more than half can come back, start them instead, and nothing is lost. Without --accept-data-loss the command changes nothing.",
  ],
  args: {
    "data-dir": { type: "string", valueHint: "DIR", description: "the data directory of a stopped node" },
    "accept-data-loss": {
      type: "boolean",
      description: "make the new cluster; without this flag, only say what would happen",
    },
    address: {
      type: "string",
      valueHint: "HOST:PORT",
      description: "the node's new address; default: the old one",
    },
    force: {
      type: "boolean",
      description: "recover although so many other voters' addresses answer that the voters seem to run",
    },
    ...answerFlags,
  },
  examples: [
    ["graft recover --data-dir data/n1", "show what would be kept, and what may be missing"],
    ["graft recover --data-dir data/n1 --accept-data-loss", "make the new cluster"],
  ],
  async run(args, { output }) {
    const dataDir = args["data-dir"];
    if (dataDir === undefined) throw new GraftError("usage", "which data directory? graft recover --data-dir DIR");
    const moved = args.address === undefined ? null : parseAddress("--address", args.address);
    const recovery = await output.progress("reading the log", lookBeforeRecovery(dataDir));
    if (args.force !== true) await output.progress("asking whether the others are there", mustBeLost(recovery));
    const address =
      moved ?? parseAddress("the address in the log; name another one by --address", recovery.self.address);
    const report = reportOf(recovery, address);
    if (args["accept-data-loss"] !== true) {
      await output.answer({ recovered: false, ...report }, (paint) =>
        [
          ...words(report, "Would be kept", paint),
          "",
          "Nothing was changed. To do it: --accept-data-loss; a copy of the directory first costs little.",
        ].join("\n"),
      );
      return;
    }
    const { clusterUuid, member, position } = recoverAlone(recovery, address);
    const incarnation = incarnationOf(member.key);
    await output.answer({ recovered: true, ...report, clusterUuid, incarnation, configuration: position }, (paint) =>
      [
        ...words(report, "Kept", paint),
        "",
        `${paint("bold", report.node)} at ${address} is a new cluster of one; its configuration is entry ${position.index} (term ${position.term}).`,
        "",
        paint("bold", "Next:"),
        `  1. See that no other node of the old cluster runs; they are strangers to this one.`,
        `  2. Start this node as before; [cluster] bootstrap in its configuration has no effect any more.`,
        `  3. Give every other node an empty data_dir and [cluster] join = ["${address}"], no bootstrap, and start it.`,
        `  4. For each: graft cluster add ID ADDRESS`,
      ].join("\n"),
    );
  },
});

type Report = ReturnType<typeof reportOf>;

function reportOf({ saved, self, genesis, configuration, damage }: Recovery, address: string) {
  const certainThrough = saved.snapshot?.position.index ?? 0;
  const { voters, outgoing } = configuration;
  const lost = [...new Set([...voters, ...outgoing])].filter((key) => key !== self.key).map(nodeIdOf);
  return {
    node: nodeIdOf(self.key),
    address,
    oldClusterUuid: genesis.clusterUuid,
    /** The last entry, and the time of the cluster there. */
    last: saved.last,
    timeMs: saved.lastStampMs,
    currentTerm: saved.currentTerm,
    /** What a snapshot covers had been committed for certain; of the entries after it this node alone cannot tell. */
    committedThrough: certainThrough,
    undecidedEntries: saved.last.index - certainThrough,
    lostVoters: lost,
    damage: saved.refill === null ? damage : [saved.refill.finding, ...damage],
  };
}

function words(report: Report, kept: string, paint: Paint): readonly string[] {
  const { last, committedThrough, undecidedEntries, lostVoters, timeMs, damage } = report;
  const { index, term } = last;
  const certain =
    committedThrough === 0
      ? `Which of them had been committed this node alone cannot tell: some may never have been acknowledged to a client, and\ncount as done from now on.`
      : `Through ${committedThrough} all had been committed. Of the ${undecidedEntries} after that this node alone cannot tell: some may never\nhave been acknowledged to a client, and count as done from now on.`;
  return [
    `${paint("bold", `${kept}:`)} the entries through ${index} of term ${term}, when the cluster's time was ${new Date(timeMs).toISOString()}.`,
    certain,
    ...damage.map((finding) => `${paint("bold", "Damaged:")} ${finding}.`),
    ...(lostVoters.length === 0 ? [] : missingWords(report, paint)),
  ];
}

function missingWords({ last: { index, term }, lostVoters, currentTerm }: Report, paint: Paint): readonly string[] {
  const elections = currentTerm > term ? ": there were elections that it has no entries of" : "";
  return [
    `${paint("bold", "Missing:")} whatever ${lostVoters.join(", ")} acknowledged that did not reach this node: entries after ${index}, or others in`,
    `their place of a term after ${term}. This node knows of terms through ${currentTerm}${elections}.`,
  ];
}
