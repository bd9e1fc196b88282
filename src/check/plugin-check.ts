// Does a plugin keep its promises? Runs the table of checks until one fails. What is printed of that is the command line's business.
import { locatePlugin } from "../adapters/plugin/loader.ts";
import { checks } from "./checks/all.ts";
import type { Check, Stage } from "./checks/check.ts";
import type { CheckedPlugin } from "./messages.ts";
import { Player } from "./player.ts";
import { type Found, search } from "./search.ts";

export interface CheckOptions {
  /** A name that ships with Graft, or a path relative to `directory`. */
  readonly plugin: string;
  readonly directory: string;
  readonly seed: number;
  /** Lists of steps for each check; a check that takes long has fewer. */
  readonly runs: number;
  /** How the program is called that serves as another process, where `replicaVariable` is set. */
  readonly program: readonly string[];
  /** Resolves when the check is to stop, and with what it then throws. */
  readonly interrupted: Promise<Error>;
  readonly loaded: (plugin: CheckedPlugin) => Promise<void>;
  /** `runs` null: the check needs snapshots, and the plugin has none. Not told of a check that needs a state on disk, where there is none. */
  readonly passed: (check: Check, runs: number | null) => Promise<void>;
}

export interface Finding extends Found {
  readonly check: Check;
}

/** Of processor time, while a function does not return. */
const loopSeconds = { first: 2, shrinking: 0.5 } as const;
const shrinking = { playsMax: 1000, slowMax: 10 } as const;

/** The first check that fails, with the smallest steps that were found; null: all pass. Throws `GraftError("plugin")`. */
export async function checkPlugin(options: CheckOptions): Promise<Finding | null> {
  const { program, loaded, passed } = options;
  const location = locatePlugin(options.plugin, options.directory);
  const player = new Player(location, loopSeconds.first);
  void options.interrupted.then((why) => player.stop(why));
  try {
    const plugin = await player.load();
    await loaded(plugin);
    for (const check of checks) {
      if (check.needs === "state on disk" && !plugin.isDurable) continue;
      const isSkipped = check.needs === "snapshots" && !plugin.hasSnapshots;
      const runs = Math.max(1, Math.round(options.runs * check.share));
      if (!isSkipped) {
        const found = await runCheck(check, { player, location, program }, { seed: options.seed, runs });
        if (found !== null) return { ...found, check };
      }
      await passed(check, isSkipped ? null : runs);
    }
    return null;
  } finally {
    player.close();
    await player.ended();
  }
}

/** Null: it passes. */
export async function runCheck(
  check: Check,
  stage: Stage,
  { seed, runs }: { readonly seed: number; readonly runs: number },
): Promise<Found | null> {
  const open = check.open(stage);
  try {
    return await search(open, stage.player, { seed, runs, loopSeconds, shrinking });
  } finally {
    open.close();
  }
}
