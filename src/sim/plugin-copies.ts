// How does each life of each node get a module of its own? A node loads its plugin afresh when it starts, so that what the module keeps
// in variables is lost. Here all nodes share one process: the plugin is bundled once, with all that it imports, and run as often as it takes.
import { createRequire } from "node:module";
import { dirname } from "node:path";
import * as api from "../adapters/plugin/api.ts";
import { checkDefinition, type Plugin } from "../adapters/plugin/definition-check.ts";
import { loadPlugin, nameOf, type PluginLocation, startFailure } from "../adapters/plugin/loader.ts";
import { takeConsole } from "../adapters/plugin/plugin-console.ts";
import { createExecutor } from "../adapters/plugin/executor.ts";
import { GraftError } from "../errors.ts";
import { Drawing } from "./draw-input.ts";
import { watchedPlugin } from "./watched-plugin.ts";
import type { Whereabouts } from "./whereabouts.ts";

type Say = (text: string) => void;

/** A plugin that can be simulated. */
export interface SimulatedPlugin {
  readonly plugin: Plugin;
  /** Null: all lives share one module. A plugin that ships keeps nothing outside of its state. */
  readonly copy: ((say: Say) => Plugin) | null;
  /** Why there is no `copy`, for people; null: there is, or nothing is missed. */
  readonly whyShared: string | null;
  /** Null: it is the key-value store that ships, which has a load of its own. */
  readonly drawing: Drawing | null;
}

/** The plugin that ships and whose commands the simulation knows. */
export const keyValueStore = "kv";

/** Throws `GraftError("plugin")`: it does not load, or its operations cannot be drawn. */
export async function loadSimulated(location: PluginLocation, whereabouts: Whereabouts): Promise<SimulatedPlugin> {
  // What the plugin says while it is loaded is no answer of the simulation.
  takeConsole(console, () => {});
  whereabouts.begin("the top level of its module");
  const loaded = await loadPlugin(location);
  whereabouts.end();
  const watched = watchedPlugin(loaded, whereabouts);
  try {
    createExecutor(watched);
  } catch (cause) {
    throw startFailure(location, cause);
  }
  const isShipped = location.kind === "shipped";
  const drawing =
    isShipped && location.name === keyValueStore ? null : new Drawing(loaded, nameOf(location), whereabouts);
  const shared = { plugin: watched, drawing, copy: null, whyShared: null };
  if (isShipped) return shared;
  try {
    const copy = await copierOf(location.path, whereabouts);
    // One that cannot be run a second time cannot be copied.
    copy(() => {});
    return { ...shared, copy };
  } catch (error) {
    if (!(error instanceof Error)) throw error;
    return { ...shared, whyShared: error.message.split("\n", 1)[0] ?? "" };
  }
}

type Module = { exports: { readonly default?: unknown } };
type Run = (
  exports: Module["exports"],
  require: (id: string) => unknown,
  module: Module,
  file: string,
  folder: string,
) => void;

/** Throws an Error for a module that cannot be bundled: one that awaits at its top level. */
async function copierOf(path: string, whereabouts: Whereabouts): Promise<(say: Say) => Plugin> {
  whereabouts.expectSteps(false);
  const built = await Bun.build({
    entrypoints: [path],
    target: "bun",
    format: "cjs",
    external: ["graft"],
    throw: false,
  });
  whereabouts.expectSteps(true);
  const [output] = built.outputs;
  if (!built.success || output === undefined) throw new Error(built.logs.map(({ message }) => message).join("; "));
  const bundle = (await output.text()).replace(/^(?:\/\/.*\n)+/, "").trim();
  const makeRun = runnable(bundle, path);
  const requireFrom = createRequire(path);
  const require = (id: string): unknown => (id === "graft" ? api : requireFrom(id));
  return (say) => {
    const module: Module = { exports: {} };
    const run = makeRun(consoleThatSays(say));
    whereabouts.during("the top level of its module", () => run(module.exports, require, module, path, dirname(path)));
    return watchedPlugin(checkDefinition(module.exports.default), whereabouts);
  };
}

/** The bundle is a function of what CommonJS modules are given. Around it stands one that gives it a console. */
function runnable(bundle: string, path: string): (console: object) => Run {
  const source = `(function (console) { return ${bundle.replace(/;$/, "")}\n})\n//# sourceURL=${path}`;
  // oxlint-disable-next-line no-eval -- the plugin's code is what this process is there to run
  const made: unknown = (0, eval)(source);
  if (typeof made !== "function") throw new GraftError("plugin", `The plugin ${path} cannot be run in copies`);
  return made as (console: object) => Run;
}

function consoleThatSays(say: Say): object {
  const target: object = Object.create(console) as object;
  for (const name of Object.getOwnPropertyNames(console)) Reflect.set(target, name, Reflect.get(console, name));
  takeConsole(
    target,
    (_, text) => say(text),
    () => 0,
  );
  return target;
}
