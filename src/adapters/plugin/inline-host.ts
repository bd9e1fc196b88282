// The state machine on the node's own thread: nothing crosses over, and nothing protects the node from a slow `apply` or from
// collecting the garbage of a large state. For small states; the other choice is worker-host.ts.
import { GraftError } from "../../errors.ts";
import type {
  AppliedEntry,
  Outcome,
  StateMachine,
  StateMachineDescription,
  StateSnapshot,
} from "../../ports/state-machine.ts";
import { createExecutor, type Executor } from "./executor.ts";
import { loadPlugin, type PluginLocation, startFailure } from "./loader.ts";

/** Throws `GraftError("plugin")` when the plugin cannot be loaded, or its `create` fails. */
export async function createInlineStateMachine(location: PluginLocation): Promise<StateMachine> {
  const plugin = await loadPlugin(location);
  try {
    return new InlineStateMachine(createExecutor(plugin));
  } catch (cause) {
    throw startFailure(location, cause);
  }
}

class InlineStateMachine implements StateMachine {
  readonly description: StateMachineDescription;
  readonly #executor: Executor;
  #stopped: Error | null = null;

  constructor(executor: Executor) {
    this.#executor = executor;
    this.description = executor.description;
  }

  // Async, so that whatever goes wrong arrives as a rejection, as it does from a worker.
  async apply(run: readonly AppliedEntry[]): Promise<readonly Outcome[]> {
    this.#mustRun();
    try {
      return run.map((entry) => this.#executor.apply(entry));
    } catch (failure) {
      this.#stopped = failure instanceof Error ? failure : new Error(String(failure));
      throw this.#stopped;
    }
  }

  async query(payload: Uint8Array): Promise<Outcome> {
    this.#mustRun();
    return this.#executor.query(payload);
  }

  async snapshot(): Promise<StateSnapshot> {
    throw new GraftError("state-machine", `The state machine ${this.description.name} has no snapshots`);
  }

  async restore(): Promise<void> {
    throw new GraftError("state-machine", `The state machine ${this.description.name} has no snapshots`);
  }

  async close(): Promise<void> {
    this.#stopped ??= new GraftError("state-machine", "The state machine is closed");
  }

  #mustRun(): void {
    if (this.#stopped !== null) throw this.#stopped;
  }
}
