// What does `graft sim` say in the end? All that it takes to see a violation again; or how much was simulated.
import { GraftError } from "../errors.ts";
import type { Sum } from "../sim/runner.ts";
import type { Telling } from "../sim/shrink.ts";
import { type End, type LoadedPlugin, loopSeconds } from "../sim/thread.ts";
import type { Assignment, Finding, Shrinking } from "../sim/worker-messages.ts";
import { version } from "../version.ts";
import { Failure } from "./explain-error.ts";
import type { Paint } from "./output.ts";

/** What was simulated. */
export interface About {
  readonly assignment: Assignment;
  /** The plugin as it was typed; null: it was not. */
  readonly path: string | null;
  readonly plugin: LoadedPlugin;
}

/** If more than this share of the commands is rejected, too few of them test the plugin. */
const rejectedShareMax = 0.9;

const meaning = "All of it was simulated: no data was changed.";

export function failureOf(found: Finding, about: About, shrinking: Shrinking): Failure {
  const told = typeof shrinking === "string" ? found : shrinking;
  const { name, version: pluginVersion } = about.plugin;
  const command = commandOf(told, about);
  const message = `${told.details}\n  seed ${told.seed}, after ${counted(told.after, "event")}, ${versionsOf(about)}`;
  const cause = told.stack === null ? undefined : Object.assign(new Error(told.details), { stack: told.stack });
  const error = new GraftError("state-machine", message, { cause });
  const fields = {
    seed: told.seed,
    events: told.events,
    firstSeed: about.assignment.first,
    found: { seed: found.seed, events: found.events },
    graft: version,
    plugin: name,
    pluginVersion,
    command,
  };
  return new Failure(error, 1, fields, { meaning, next: nextSteps(command, shrinking).join("\n") });
}

function nextSteps(command: string, shrinking: Shrinking): readonly string[] {
  const again = `See it again: ${command}`;
  const read = `Read all that happens: ${command} --trace`;
  if (shrinking === "untried") return [again, `Look for a shorter run that shows it: ${command} --shrink`];
  if (shrinking !== "lost") return [again, read];
  return [again, "It did not happen again just now: the plugin depends on something that no seed decides."];
}

type Stuck = Extract<End, { kind: "stuck" }>;

/** A function of the plugin does not return, or the simulation makes no progress for another reason. */
export function stuckFailure({ at, isLoop }: Stuck, about: About): Failure {
  const { seed, isInPlugin, work } = at;
  const rule = isInPlugin ? "the plugin does not return" : "the simulation makes no progress";
  const before = work === "" ? [] : [`since the plugin returned from: ${work}`];
  const lines = [rule, ...(isInPlugin ? [`from: ${work}`] : before), timeOf(isLoop)];
  const message = lines.join("\n  ");
  return runFailure(new GraftError("state-machine", message), seed ?? about.assignment.first, about, { work });
}

/** The plugin has failed in a promise or a timer, or has ended the thread. */
export const failureOutside = (error: GraftError, seed: number, about: About): Failure =>
  runFailure(error, seed, about, {});

/** What ended the run of a seed, with the command that repeats the run. */
function runFailure(cause: GraftError, seed: number, about: About, more: Readonly<Record<string, unknown>>): Failure {
  const { events, story } = about.assignment;
  const command = commandOf({ seed, events, story }, about);
  const error = new GraftError(cause.code, `${cause.message}\n  seed ${seed}, ${versionsOf(about)}`, {
    cause: cause.cause,
  });
  const next = [`See it again: ${command}`, `Read what happens before: ${command} --trace`].join("\n");
  const { name, version: pluginVersion } = about.plugin;
  const fields = { seed, events, ...more, graft: version, plugin: name, pluginVersion, command };
  return new Failure(error, 1, fields, { meaning, next });
}

/** The plugin cannot be simulated. */
export const unusable = (error: GraftError): Failure =>
  new Failure(error, null, {}, { meaning: error.meaning, next: "Correct the plugin, or the path after --plugin." });

/** The plugin is not loaded yet, and does not get on. */
export function stuckAtStart({ at: { work }, isLoop }: Stuck, path: string): Failure {
  const message = `The plugin ${path} does not return from: ${work}\n  ${timeOf(isLoop)}`;
  return unusable(new GraftError("plugin", message));
}

const timeOf = (isLoop: boolean): string =>
  isLoop ? `for ${loopSeconds} s of processor time` : "for a minute, and the processor is idle";

const versionsOf = ({ plugin }: About): string => `graft ${version}, ${plugin.name} ${plugin.version}`;

function commandOf({ seed, events, story }: Telling, { path }: About): string {
  const { nodes, clients, faults } = story;
  return [
    "graft sim",
    ...(path === null ? [] : [`--plugin ${quoted(path)}`]),
    `--seed ${seed} --events ${events}`,
    ...(nodes === undefined ? [] : [`--nodes ${nodes}`]),
    ...(clients === undefined ? [] : [`--clients ${clients}`]),
    ...(faults === undefined ? [] : [`--faults ${faults.length === 0 ? "none" : faults.join(",")}`]),
  ].join(" ");
}

/** For a shell, where it needs that. */
const quoted = (path: string): string =>
  /^[\w./@:+-]+$/.test(path) ? path : `'${path.replaceAll("'", String.raw`'\''`)}'`;

export type Summary = Sum & {
  readonly firstSeed: number;
  readonly seconds: number;
  readonly eventsPerSecond: number;
  readonly stopped: boolean;
  /** The seed that was under way when the command was stopped; null: none was. */
  readonly stoppedIn: number | null;
  /** The work of the plugin that had not returned for a second; null: there was none. */
  readonly stoppedAt: string | null;
  readonly graft: string;
  readonly plugin: string;
  readonly pluginVersion: string;
};

/** Where the thread was when the command was stopped. */
export interface Stop {
  readonly in: number | null;
  readonly at: string | null;
}

export function summaryOf(sum: Sum, seconds: number, about: About, stop: Stop | null): Summary {
  return {
    ...sum,
    firstSeed: about.assignment.first,
    seconds: Number(seconds.toFixed(1)),
    eventsPerSecond: Math.round(sum.events / Math.max(seconds, 0.001)),
    stopped: stop !== null,
    stoppedIn: stop?.in ?? null,
    stoppedAt: stop?.at ?? null,
    graft: version,
    plugin: about.plugin.name,
    pluginVersion: about.plugin.version,
  };
}

export function summaryWords(summary: Summary, paint: Paint): string {
  const { seeds, stopped } = summary;
  const title = `${seeds === 1 ? "1 seed holds" : `${seeds} seeds hold`}: ${summary.plugin} ${summary.pluginVersion}, graft ${summary.graft}`;
  const all = seeds === 0 ? [] : [paint("bold", title), ...figuresOf(summary)];
  return [...(stopped ? [stopWords(summary)] : []), ...all].join("\n");
}

function stopWords({ seeds, stoppedIn, stoppedAt }: Summary): string {
  const where = stoppedAt === null ? "" : `; the plugin had not returned from: ${stoppedAt}`;
  const before = seeds === 0 ? "no seed was done" : "the seeds before it are done";
  return `stopped${stoppedIn === null ? "" : ` in seed ${stoppedIn}`}; ${before}${where}`;
}

function figuresOf(summary: Summary): readonly string[] {
  const { applied, rejections, seeds, firstSeed } = summary;
  const isTame = rejections > rejectedShareMax * (applied + rejections);
  return [
    `seeds     ${firstSeed}${seeds === 1 ? "" : ` to ${firstSeed + seeds - 1}`}`,
    `clients   ${counted(summary.commands, "operation")}, ${summary.answers} answered, of which ${rejections} rejected`,
    `nodes     ${counted(summary.elections, "election")}, ${counted(summary.restores, "snapshot")} restored`,
    `members   ${counted(summary.changes, "change")} asked for, ${counted(summary.handOvers, "hand-over")}`,
    `faults    ${counted(summary.faults, "fault")}, ${counted(summary.damages, "damaged disk")}`,
    `events    ${summary.events}`,
    ...(isTame ? [tameAdvice] : []),
  ];
}

const tameAdvice =
  "Nearly every command was rejected, so little was tested. Give the operations an example of what is not rejected:\nexample: (draw) => …";

/** `1 event`, `2 events` */
export const counted = (count: number, what: string): string => `${count} ${what}${count === 1 ? "" : "s"}`;
