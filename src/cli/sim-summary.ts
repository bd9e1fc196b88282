// What does `graft sim` say of seeds that hold? How much was simulated, and whether that tested enough.
import type { Sum } from "../sim/runner.ts";
import type { LoadedPlugin } from "../sim/thread.ts";
import type { Assignment } from "../sim/worker-messages.ts";
import { version } from "../version.ts";
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
