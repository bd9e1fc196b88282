// What does `graft sim` say of a run that failed? The rule, the seed, the versions, and the command that shows it again.
import { GraftError } from "../errors.ts";
import type { Telling } from "../sim/shrink.ts";
import { type End, loopSeconds } from "../sim/thread.ts";
import type { Finding, Shrinking } from "../sim/worker-messages.ts";
import { version } from "../version.ts";
import { Failure } from "./explain-error.ts";
import { shellWord } from "./shell-word.ts";
import { type About, counted } from "./sim-summary.ts";

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
    ...(path === null ? [] : [`--plugin ${shellWord(path)}`]),
    `--seed ${seed} --events ${events}`,
    ...(nodes === undefined ? [] : [`--nodes ${nodes}`]),
    ...(clients === undefined ? [] : [`--clients ${clients}`]),
    ...(faults === undefined ? [] : [`--faults ${faults.length === 0 ? "none" : faults.join(",")}`]),
  ].join(" ");
}
