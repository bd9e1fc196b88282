// Runs one command or one query of a plugin on the spot, and decides what is an answer and what stops the state machine.
// Where this happens, in a worker or on the node's own thread, is the hosts' business.
import { GraftError } from "../../errors.ts";
import type { AppliedCommand, Outcome, StateMachineDescription } from "../../ports/state-machine.ts";
import { CommandContext } from "./apply-context.ts";
import { Rejected } from "./api.ts";
import type { Plugin } from "./definition-check.ts";
import { enterApply, installDeterminismGuard, leaveApply } from "./determinism-guard.ts";
import { createRawHandlers } from "./raw-handlers.ts";
import { createTypedHandlers } from "./typed-handlers.ts";

export interface Executor {
  readonly description: StateMachineDescription;
  /** Throws `GraftError("state-machine")` when the plugin fails: the state is not to be trusted from then on. */
  apply(command: AppliedCommand): Outcome;
  /** Throws `GraftError("state-machine")` when the plugin fails. The state stands as it did: a query changes nothing. */
  query(payload: Uint8Array): Outcome;
}

/** A fresh state machine. Throws what the plugin's `create` throws, and when it reads the clock. */
export function createExecutor(plugin: Plugin): Executor {
  installDeterminismGuard();
  const name = `${plugin.name} ${plugin.version}`;
  const handlers = guarded(() => (plugin.style === "typed" ? createTypedHandlers(plugin) : createRawHandlers(plugin)));
  return {
    description: describe(plugin),
    apply(command) {
      try {
        return outcomeOf(() => guarded(() => handlers.apply(command.payload, new CommandContext(command))));
      } catch (cause) {
        const entry = `entry ${command.index} (term ${command.term})`;
        throw new GraftError("state-machine", `The state machine ${name} failed at ${entry}: ${reasonOf(cause)}`, {
          cause,
        });
      }
    },
    query(payload) {
      try {
        return outcomeOf(() => handlers.query(payload));
      } catch (cause) {
        throw new GraftError("state-machine", `The state machine ${name} failed at a query: ${reasonOf(cause)}`, {
          cause,
        });
      }
    },
  };
}

/** Nothing but a thrown `Rejected` is an answer. */
function outcomeOf(run: () => Uint8Array): Outcome {
  try {
    return { kind: "ok", payload: run() };
  } catch (error) {
    if (error instanceof Rejected) return { kind: "rejected", message: error.message };
    throw error;
  }
}

/** A violation counts although the plugin caught it, and although it went on to refuse the command. */
function guarded<Result>(run: () => Result): Result {
  let violation: Error | null = null;
  let result: Result;
  enterApply();
  try {
    result = run();
  } catch (error) {
    violation = leaveApply();
    throw violation ?? error;
  }
  violation = leaveApply();
  if (violation !== null) throw violation;
  return result;
}

function describe(plugin: Plugin): StateMachineDescription {
  return {
    name: plugin.name,
    version: plugin.version,
    style: plugin.style,
    commands: plugin.style === "typed" ? [...plugin.commands.keys()] : [],
    queries: plugin.style === "typed" ? [...plugin.queries.keys()] : [],
  };
}

function reasonOf(cause: unknown): string {
  return cause instanceof Error ? `${cause.name}: ${cause.message}` : `it threw ${String(cause)}`;
}
