// The thread that simulates: an entry point of its own in the compiled binary. A plugin's endless loop stops this thread, and not the one that
// watches it (thread.ts).
import { dirname } from "node:path";
import { locatePlugin } from "../adapters/plugin/loader.ts";
import { GraftError } from "../errors.ts";
import { loadSimulated } from "./plugin-copies.ts";
import { Runner, type Watchers } from "./runner.ts";
import type { Found } from "./shrink.ts";
import { Whereabouts } from "./whereabouts.ts";
import type { Assignment, Finding, FromThread, Shrinking, ToThread } from "./worker-messages.ts";

declare const self: Worker;

const send = (message: FromThread): void => self.postMessage(message);

let goOn: () => void = () => {};
/** Of Graft's own code, in stack traces: compiled, all of it is in one folder. */
const ownFolder = import.meta.dir.endsWith("/src/sim") ? dirname(import.meta.dir) : import.meta.dir;

/** Null: nothing has begun. */
let whereabouts: Whereabouts | null = null;

/** Of the plugin, in stack traces; null: it ships with Graft. */
let pluginPath: string | null = null;

self.onmessage = ({ data }: MessageEvent<ToThread>) => {
  if (data.kind === "goOn") goOn();
  else {
    whereabouts = new Whereabouts(data.shared);
    void simulate(data.assignment, whereabouts).catch(fail);
  }
};

process.on("uncaughtException", failOutside);
process.on("unhandledRejection", failOutside);

async function simulate(assignment: Assignment, notes: Whereabouts): Promise<void> {
  const { plugin, directory, isTraced, isShrunk } = assignment;
  notes.expectSteps(true);
  const location = locatePlugin(plugin, directory);
  pluginPath = location.kind === "file" ? location.path : null;
  const simulated = await loadSimulated(location, notes);
  const { name, version } = simulated.plugin;
  send({ kind: "loaded", name, version, whyShared: simulated.whyShared });
  const watchers: Watchers = {
    whereabouts: notes,
    trace: isTraced ? (text) => send({ kind: "line", text }) : null,
    pause,
    held: (sum) => send({ kind: "held", sum }),
    smaller: (found) => send({ kind: "smaller", finding: findingOf(found) }),
  };
  const runner = new Runner(simulated, watchers);
  const found = await runner.run(assignment);
  if (found !== null) send({ kind: "found", finding: findingOf(found) });
  const shrinking = found === null || !isShrunk ? "untried" : shrinkingOf(await runner.shrink(found));
  notes.expectSteps(false);
  send({ kind: "ended", shrinking });
}

function pause(): Promise<void> {
  const { promise, resolve } = Promise.withResolvers<void>();
  goOn = resolve;
  send({ kind: "pause" });
  return promise;
}

const shrinkingOf = (found: Found | null): Shrinking => (found === null ? "lost" : findingOf(found));

function findingOf({ seed, events, story, violation: { details, cause, events: after } }: Found): Finding {
  return { seed, events, story, details, after, stack: cause instanceof Error ? (cause.stack ?? null) : null };
}

function fail(error: unknown): void {
  const stack = error instanceof Error ? (error.stack ?? null) : null;
  const seed = whereabouts?.look().seed ?? null;
  if (!(error instanceof GraftError)) return send({ kind: "failed", code: null, message: String(error), stack, seed });
  const origin = error.cause instanceof Error ? error.cause.stack : null;
  send({ kind: "failed", code: error.code, message: error.message, stack: origin ?? stack, seed });
}

/** A timer or a promise that was left behind: the plugin's, or of what it imports, unless Graft's own code failed. */
function failOutside(error: unknown): void {
  const origin =
    error instanceof Error ? (error.stack ?? "").split("\n").find((line) => /^\s+at /.test(line)) : undefined;
  if (pluginPath === null || origin?.includes(ownFolder) === true) return fail(error);
  const reason = error instanceof Error ? error.message : String(error);
  const message = `The plugin ${pluginPath} fails outside of its functions, in a promise or a timer: ${reason}`;
  fail(new GraftError("plugin", message, { cause: error }));
}
