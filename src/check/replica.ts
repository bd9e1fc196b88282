// The other process: plays steps as a node does, as it is told by the process that has started it. This is its side of the messages.
import { readFileSync } from "node:fs";
import { dirname } from "node:path";
import type { PluginLocation } from "../adapters/plugin/loader.ts";
import { type Host, playOnHost } from "./hosts.ts";
import type { Played, Step } from "./transcript.ts";

export interface PlayThere {
  readonly host: Host;
  readonly location: PluginLocation;
  readonly steps: readonly Step[];
  /** Whether the modules that the plugin imports are loaded before it, in the opposite order. */
  readonly isReversed: boolean;
}

/** `message`: the plugin cannot be loaded in that process. */
export type PlayedThere = Played | { readonly kind: "failed"; readonly message: string };

/** Set in the environment of such a process. */
export const replicaVariable = "GRAFT_PLUGIN_CHECK_REPLICA";

/** Never resolves: the process ends when the one that has started it is gone. */
export function serveReplica(): Promise<never> {
  process.on("disconnect", () => process.exit(0));
  process.on("message", (request: PlayThere) => {
    void playHere(request).then((played) => process.send!(played));
  });
  process.send!("ready");
  return new Promise(() => {});
}

async function playHere({ host, location, steps, isReversed }: PlayThere): Promise<PlayedThere> {
  try {
    if (isReversed && location.kind === "file") await loadReversed(location.path);
    return await playOnHost(host, location, steps);
  } catch (error) {
    return { kind: "failed", message: error instanceof Error ? error.message : String(error) };
  }
}

/** The imports of the plugin's own file, in reverse order. */
async function loadReversed(path: string): Promise<void> {
  const loader = path.endsWith("ts") ? "ts" : "js";
  const imports = new Bun.Transpiler({ loader }).scanImports(readFileSync(path));
  for (const { path: imported } of imports.reverse()) {
    // The modules of the program are loaded already.
    if (/^(graft$|bun:|node:)/.test(imported)) continue;
    await import(Bun.resolveSync(imported, dirname(path)));
  }
}
