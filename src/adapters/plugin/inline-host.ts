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
import { restoreFailure, whileRestoring } from "./host-failures.ts";
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
  #isRestoring = false;

  constructor(executor: Executor) {
    this.#executor = executor;
    this.description = executor.description;
  }

  // Async, so that whatever goes wrong arrives as a rejection, as it does from a worker.
  async apply(run: readonly AppliedEntry[]): Promise<readonly Outcome[]> {
    this.#mustRun();
    return this.#orStop(() => run.map((entry) => this.#executor.apply(entry)));
  }

  async query(payload: Uint8Array): Promise<Outcome> {
    this.#mustRun();
    return this.#executor.query(payload);
  }

  async snapshot(): Promise<StateSnapshot> {
    this.#mustRun();
    const running = this.#executor.snapshot();
    return {
      read: async () => {
        this.#mustRun();
        return running.read();
      },
      close: () => this.#orStop(() => running.close()),
    };
  }

  async restore(chunks: AsyncIterable<Uint8Array>): Promise<void> {
    this.#mustRun();
    const restoration = this.#executor.restore();
    this.#isRestoring = true;
    try {
      for await (const chunk of chunks) {
        if (this.#stopped !== null) break;
        restoration.write(chunk);
        await nextTurn();
      }
      restoration.end();
    } catch (cause) {
      this.#stopped ??= restoreFailure(this.description, cause);
    }
    this.#isRestoring = false;
    if (this.#stopped !== null) throw this.#stopped;
  }

  async close(): Promise<void> {
    this.#stopped ??= new GraftError("state-machine", "The state machine is closed");
  }

  #mustRun(): void {
    if (this.#stopped !== null) throw this.#stopped;
    if (this.#isRestoring) throw whileRestoring(this.description);
  }

  #orStop<Result>(run: () => Result): Result {
    try {
      return run();
    } catch (failure) {
      this.#stopped ??= failure instanceof Error ? failure : new Error(String(failure));
      throw this.#stopped;
    }
  }
}

/** What waits meanwhile on the node's thread is done first. */
const nextTurn = (): Promise<void> => new Promise((resolve) => setImmediate(resolve));
