// `graft log inspect --data-dir D`: what a stopped node has on its disk. What is in an entry is nobody's business here.
import { type DataDirectoryInspection, inspectDataDirectory } from "../compose-offline.ts";
import { incarnationOf, type MemberKey, nodeIdOf } from "../core/configuration.ts";
import { GraftError } from "../errors.ts";
import { answerFlags } from "./answer-flags.ts";
import { command } from "./command.ts";
import { Failure } from "./explain-error.ts";
import { replayDocument, replayed, replayFlags, replayWords } from "./log-replay.ts";
import type { Paint } from "./output.ts";
import { renderTable } from "./table.ts";
import { parseCount } from "./typed-numbers.ts";

const entriesDefault = 10;
const entriesLimit = 100_000;

export const logInspect = command({
  summary: "Show a stopped node's log and other data",
  details: [
    "Shows the log, the vote, the configurations and the snapshots, and changes nothing. Of an entry it shows the size, and not the content. With damage or a finding the exit code is 1. Of several nodes, the one whose last entry has the highest term and, among those, the highest index has the most complete log.",
    "To replay the log with a program that is a state machine, write its words after --, as in command of the configuration; it runs in this folder.",
  ],
  args: {
    "data-dir": { type: "string", valueHint: "DIR", description: "the data directory of a stopped node" },
    entries: {
      type: "string",
      valueHint: "COUNT",
      description: `how many of the last entries to list; default: ${entriesDefault}`,
    },
    verify: { type: "boolean", description: "read all data and check its checksums" },
    ...replayFlags,
    ...answerFlags,
  },
  examples: [
    ["graft log inspect --data-dir data/n1", "show where the node's log ends, and the members"],
    ["graft log inspect --data-dir data/n1 --verify", "also check all data"],
    ["graft log inspect --data-dir data/n1 --replay kv", "apply the log, and show what other nodes must come to"],
  ],
  takesProgram: true,
  async run(args, { output, program }) {
    const dataDir = args["data-dir"];
    if (dataDir === undefined) throw new GraftError("usage", "which data directory? graft log inspect --data-dir DIR");
    const entriesMax =
      args.entries === undefined
        ? entriesDefault
        : parseCount("--entries", args.entries, { min: 0, max: entriesLimit });
    const looking = inspectDataDirectory(dataDir, { entriesMax, verify: args.verify === true });
    const inspection = await output.progress("reading the log", looking);
    const replay = await replayed(dataDir, { ...args, program }, output);
    const document = { ...documentOf(inspection), ...(replay === null ? {} : { replay: replayDocument(replay) }) };
    const words = (paint: Paint): string =>
      [
        render(inspection, paint),
        ...(replay === null ? [] : replayWords(replay, inspection.states.length > 0, paint)),
      ].join("\n");
    const { damage, log } = inspection;
    const problems = [...(log.finding === null ? [] : [log.finding.text]), ...damage];
    if (problems.length === 0) return output.answer(document, words);
    if (!output.json) await output.line(words(output.paint));
    throw new Failure(new GraftError("damaged", problems.join("; ")), null, { inspection: document });
  },
});

function documentOf({ log, snapshotFiles, states, damage }: DataDirectoryInspection) {
  const { saved, file, format, entries, verifiedEntries, mark, finding } = log;
  const { base, last, ...records } = saved;
  return {
    file,
    format,
    ...records,
    log: { base, last, entries: last.index - base.index },
    snapshotFiles,
    states,
    lastEntries: entries,
    verifiedEntries,
    mark: mark.kind === "mark" ? mark.mark : mark.kind,
    finding,
    damage,
  };
}

function render(inspection: DataDirectoryInspection, paint: Paint): string {
  const { log } = inspection;
  const { saved } = log;
  const { base, last, genesis } = saved;
  const count = last.index - base.index;
  const range = count === 0 ? `empty, after ${base.index}` : `${base.index + 1} to ${last.index}, ${count} entries`;
  const facts: readonly (readonly [string, string])[] = [
    ["file", `${log.file}, format ${log.format}`],
    ["incarnation", saved.incarnation],
    ["term", `${saved.currentTerm}, voted for ${saved.votedFor === null ? "nobody" : nodeIdOf(saved.votedFor)}`],
    ["genesis", genesis === null ? "none: it has never been part of a cluster" : genesisWords(genesis)],
    ...(saved.removed === null ? [] : [["removed", `by entry ${saved.removed.position.index}`] as const]),
    ["base", `${base.index}, term ${base.term}`],
    ["log", `${range}; the last one of term ${last.term} at ${timeOf(saved.lastStampMs)}`],
    ["snapshot", snapshotWords(inspection)],
    ...(inspection.states.length === 0 ? [] : [["state", statesWords(inspection)] as const]),
    ["mark", markFacts(log.mark)],
    ...(saved.refill === null ? [] : [["refill", `to be done: ${saved.refill.finding}`] as const]),
    ...(log.finding === null ? [] : [["finding", `${log.finding.text} (${log.finding.at})`] as const]),
    ...inspection.damage.map((finding) => ["damaged", finding] as const),
    [
      "verified",
      log.verifiedEntries === null
        ? "no (--verify)"
        : `${log.verifiedEntries} entries${saved.snapshot === null ? "" : ", and the snapshot"}`,
    ],
  ];
  const width = Math.max(...facts.map(([name]) => name.length));
  return [
    ...facts.map(([name, words]) => `${paint("bold", name.padEnd(width))}  ${words}`),
    "",
    paint("bold", "Configurations"),
    ...configurationWords(inspection).map((line) => `  ${line}`),
    ...(log.entries.length === 0 ? [] : ["", paint("bold", "Last entries"), entryTable(inspection, paint)]),
  ].join("\n");
}

function markFacts(found: DataDirectoryInspection["log"]["mark"]): string {
  if (found.kind !== "mark") return found.kind === "none" ? "missing" : "cannot be read";
  const { state, last, currentTerm, votedFor } = found.mark;
  const vote = votedFor === null ? "no vote" : `a vote for ${nodeIdOf(votedFor)}`;
  return `${state.kind}: through entry ${last.index} of term ${last.term}; term ${currentTerm}, ${vote}`;
}

type Genesis = NonNullable<DataDirectoryInspection["log"]["saved"]["genesis"]>;

const genesisWords = ({ clusterUuid, members, foundedAtMs }: Genesis): string =>
  `cluster ${clusterUuid}, founded by ${namesOf(members.map(({ key }) => key))} at ${timeOf(foundedAtMs)}`;

function snapshotWords({ log, snapshotFiles }: DataDirectoryInspection): string {
  const { snapshot } = log.saved;
  const others = snapshotFiles.filter(({ file }) => file !== snapshot?.file);
  const more = others.length === 0 ? "" : `; besides it ${others.length} other files`;
  if (snapshot === null) return `none${more}`;
  const { position, file, bytes } = snapshot;
  const isThere = snapshotFiles.some((each) => each.file === file && each.isComplete);
  return `through ${position.index}, term ${position.term}: ${file}, ${bytes} bytes${isThere ? "" : ", WHICH IS MISSING"}${more}`;
}

const statesWords = ({ states }: DataDirectoryInspection): string =>
  `on disk: ${states.map(({ folder, bytes }) => `state/${folder}, ${bytes} bytes`).join("; ")}`;

function configurationWords({ log }: DataDirectoryInspection): readonly string[] {
  const { genesis, baseConfiguration, configurations } = log.saved;
  const placed = [...(baseConfiguration === null ? [] : [baseConfiguration]), ...configurations];
  if (placed.length === 0) return [genesis === null ? "none" : "that of the genesis"];
  return placed.map(({ position, configuration }) => {
    const { members, voters, outgoing } = configuration;
    const learners = members.map(({ key }) => key).filter((key) => !voters.includes(key) && !outgoing.includes(key));
    const parts = [`voters ${namesOf(voters)}`];
    if (outgoing.length > 0) parts.push(`joint with ${namesOf(outgoing)}`);
    if (learners.length > 0) parts.push(`learners ${namesOf(learners)}`);
    return `${position.index}: ${parts.join(", ")}`;
  });
}

function entryTable({ log }: DataDirectoryInspection, paint: Paint): string {
  const rows = log.entries.map(({ index, term, kind, payloadBytes, stampMs, session }) => [
    String(index),
    String(term),
    kind ?? "unknown",
    `${payloadBytes} B`,
    timeOf(stampMs),
    session === null ? "" : String(session),
  ]);
  return renderTable(["INDEX", "TERM", "KIND", "PAYLOAD", "TIME", "SESSION"], rows, paint);
}

const timeOf = (stampMs: number): string => (stampMs === 0 ? "no time yet" : new Date(stampMs).toISOString());

const shownOf = (key: MemberKey): string => `${nodeIdOf(key)}@${incarnationOf(key).slice(0, 8)}`;
const namesOf = (keys: readonly MemberKey[]): string => keys.map(shownOf).join(", ");
