// What both hosts say when a restore does not go as it should.
import { GraftError } from "../../errors.ts";
import type { StateMachineDescription } from "../../ports/state-machine.ts";
import { reasonOf } from "./command-outcomes.ts";

/**
 * Of the plugin, as it says itself, or because the chunks could not be had: what is there is half a state. Damage of the file that
 * they come from is no failure of the state machine, and is passed on as it is.
 */
export function restoreFailure({ name, version }: StateMachineDescription, cause: unknown): GraftError {
  if (cause instanceof GraftError && (cause.code === "state-machine" || cause.code === "damaged")) return cause;
  const message = `The state machine ${name} ${version} failed at restoring a snapshot: ${reasonOf(cause)}`;
  return new GraftError("state-machine", message, { cause });
}

/** Nothing but half a state could answer. */
export function whileRestoring({ name, version }: StateMachineDescription): GraftError {
  return new GraftError("state-machine", `The state machine ${name} ${version} is restoring a snapshot`);
}
