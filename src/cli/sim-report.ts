// What does `graft sim` say in the end? All that it takes to see a violation again; or how much was simulated.
import { GraftError } from "../errors.ts";
import type { Subject } from "../sim/plugin-copies.ts";
import type { Found } from "../sim/shrink.ts";
import { version } from "../version.ts";
import { Failure } from "./explain-error.ts";
import type { Paint } from "./output.ts";
import type { Sum } from "./sim-runner.ts";

/** The plugin of the simulation, and the path by which the user named it. */
export interface About {
  /** As it was typed; null: it was not. */
  readonly path: string | null;
  readonly subject: Subject;
}

/** Of this many rejected in a hundred commands, the others are too few to say much. */
const rejectedShareMax = 0.9;

/** `smaller`: what shrinking has come to. Null: told again, the seed was not violated. */
export function failureOf(found: Found, about: About, smaller: Found | null | "untried"): Failure {
  const told = smaller === null || smaller === "untried" ? found : smaller;
  const { name, version: pluginVersion } = about.subject.plugin;
  const { details, cause } = told.violation;
  const command = commandOf(told, about);
  const versions = `graft ${version}, ${name} ${pluginVersion}`;
  const message = `${details}\n  seed ${told.seed}, after ${told.violation.events} events, ${versions}`;
  const error = new GraftError("state-machine", message, { cause });
  const meaning = "All of it was simulated: no data was changed.";
  const next = nextSteps(command, smaller).join("\n       ");
  const fields = { seed: told.seed, events: told.events, graft: version, plugin: name, pluginVersion, command };
  return new Failure(error, 1, fields, { meaning, next });
}

function nextSteps(command: string, smaller: Found | null | "untried"): readonly string[] {
  const again = `See it again: ${command}`;
  const read = `Read all that happens: ${command} --trace`;
  if (smaller === "untried") return [again, `Look for a smaller story: ${command} --shrink`];
  if (smaller !== null) return [again, read];
  return [again, "It did not happen again just now: the plugin depends on something that no seed decides."];
}

function commandOf({ seed, events, story }: Found, { path }: About): string {
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

export type Summary = Omit<Sum, "isCut"> & {
  readonly eventsPerSecond: number;
  readonly stopped: boolean;
  readonly graft: string;
  readonly plugin: string;
  readonly pluginVersion: string;
};

export function summaryOf({ isCut, seconds, ...sum }: Sum, { subject: { plugin } }: About): Summary {
  return {
    ...sum,
    seconds: Number(seconds.toFixed(1)),
    eventsPerSecond: Math.round(sum.events / Math.max(seconds, 0.001)),
    stopped: isCut,
    graft: version,
    plugin: plugin.name,
    pluginVersion: plugin.version,
  };
}

export function summaryWords(summary: Summary, paint: Paint): string {
  const { seeds, commands, answers, rejections, elections, faults, restores, damages, changes, handOvers, events } =
    summary;
  const title = `${seeds === 1 ? "1 seed holds" : `${seeds} seeds hold`}: ${summary.plugin} ${summary.pluginVersion}, graft ${summary.graft}`;
  const isTame = commands > 0 && rejections > rejectedShareMax * commands;
  return [
    ...(summary.stopped ? ["stopped before the end"] : []),
    paint("bold", title),
    `clients   ${commands} operations, ${answers} answered, of which ${rejections} rejected`,
    `nodes     ${elections} elections, ${restores} snapshots restored`,
    `members   ${changes} changes asked for, ${handOvers} hand-overs`,
    `bad luck  ${faults} faults, ${damages} damaged disks`,
    `events    ${events}`,
    ...(isTame
      ? ["Nearly every command was rejected, so little was tried. Give the operations an example that fits the state."]
      : []),
  ].join("\n");
}
