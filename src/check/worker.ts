// The thread in which a plugin is played for a check: an entry point of its own in the compiled binary. A plugin's endless loop stops this
// thread, and not the one that watches it (player.ts).
import type { Plugin } from "../adapters/plugin/definition-check.ts";
import { nameOf, type PluginLocation } from "../adapters/plugin/loader.ts";
import { StateFolders } from "../adapters/plugin/state-folders.ts";
import { GraftError } from "../errors.ts";
import { Drawing } from "../sim/draw-input.ts";
import { loadSimulated, type SimulatedPlugin } from "../sim/plugin-copies.ts";
import { Whereabouts } from "../sim/whereabouts.ts";
import { Broken, closeStates, faultOfError, Machine } from "./machine.ts";
import type { CheckedPlugin, Reply, Request } from "./messages.ts";
import { outsideRule } from "./remedies.ts";
import { stepsOf } from "./steps.ts";
import type { Played, Step } from "./transcript.ts";
import { type WayName, ways } from "./ways/all.ts";

declare const self: Worker;

interface Loaded {
  readonly simulated: SimulatedPlugin;
  readonly drawing: Drawing;
  readonly whereabouts: Whereabouts;
}

/** Null: nothing is loaded yet. */
let loaded: Loaded | null = null;

self.onmessage = ({ data }: MessageEvent<Request>) => {
  void reply(data);
};

async function reply(request: Request): Promise<void> {
  const told = await answer(request).catch(failed);
  loaded?.whereabouts.expectSteps(false);
  self.postMessage(told);
}

/** What failed outside of the plugin's functions, in a promise or a timer, since that was last told; null: nothing. */
let leftover: Played | null = null;

process.on("uncaughtException", noteLeftover);
process.on("unhandledRejection", noteLeftover);

function noteLeftover(error: unknown): void {
  leftover ??= { kind: "fault", fault: faultOfError(error, null, outsideRule) };
}

async function answer(request: Request): Promise<Reply> {
  if (request.kind === "load") {
    return { kind: "loaded", plugin: await load(request.location, new Whereabouts(request.shared)) };
  }
  const { simulated, drawing, whereabouts } = loaded!;
  whereabouts.expectSteps(true);
  if (request.kind === "draw") {
    return { kind: "drawn", steps: stepsOf(request.tapes, simulated.plugin.style, drawing) };
  }
  const played = play(simulated, request.way, request.steps);
  // A promise that was left behind fails in this turn.
  await new Promise((resolve) => setImmediate(resolve));
  // A timer may also have failed before this play: no play would tell it otherwise.
  const told = played.kind === "fault" ? played : (leftover ?? played);
  leftover = null;
  return { kind: "played", played: told };
}

async function load(location: PluginLocation, whereabouts: Whereabouts): Promise<CheckedPlugin> {
  whereabouts.expectSteps(true);
  const simulated = await loadSimulated(location, whereabouts);
  // The store that ships has no drawing of its own in simulations.
  const drawing = simulated.drawing ?? new Drawing(simulated.plugin, nameOf(location), whereabouts);
  loaded = { simulated, drawing, whereabouts };
  const { name, version, durable } = simulated.plugin;
  const { hasSnapshots } = new Machine(simulated.plugin);
  return { name, version, hasSnapshots, isDurable: durable !== null, whyShared: simulated.whyShared };
}

function play({ plugin, copy }: SimulatedPlugin, way: WayName, steps: readonly Step[]): Played {
  const loadFresh = (): Plugin => (copy === null ? plugin : copy(() => {}));
  const shared = (): Machine => new Machine(plugin);
  const fresh = (): Machine => new Machine(loadFresh());
  const onDisk = (folder: string): Machine => new Machine(loadFresh(), new StateFolders(folder));
  try {
    const moments = ways[way]({ isDurable: plugin.durable !== null, shared, fresh, onDisk }, steps);
    closeStates();
    return { kind: "played", moments };
  } catch (error) {
    if (error instanceof Broken) return { kind: "fault", fault: error.fault };
    throw error;
  }
}

function failed(error: unknown): Reply {
  const stack = error instanceof Error ? (error.stack ?? null) : null;
  if (!(error instanceof GraftError)) return { kind: "failed", code: null, message: String(error), stack };
  const origin = error.cause instanceof Error ? error.cause.stack : null;
  return { kind: "failed", code: error.code, message: error.message, stack: origin ?? stack };
}
