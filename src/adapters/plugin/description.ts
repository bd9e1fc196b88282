// What does a node know of a plugin before it asks it anything?
import type { StateMachineDescription } from "../../ports/state-machine.ts";
import type { Plugin } from "./definition-check.ts";

/** @param snapshots whether its state can be taken and restored */
export function describe(plugin: Plugin, snapshots: boolean): StateMachineDescription {
  return {
    name: plugin.name,
    version: plugin.version,
    style: plugin.style,
    commands: plugin.style === "typed" ? [...plugin.commands.keys()] : [],
    queries: plugin.style === "typed" ? [...plugin.queries.keys()] : [],
    snapshots,
  };
}
