// The state machine on the node's own thread: nothing crosses over, and nothing protects the node from a slow `apply` or from
// collecting the garbage of a large state. For small states; the other choice is worker-host.ts.
import type { PluginVersion, VersionAtHand } from "../../core/activation.ts";
import type { WakeTime } from "../../core/wake-time.ts";
import { GraftError } from "../../errors.ts";
import type {
  Answer,
  AppliedEntry,
  Deliver,
  Milestone,
  Outcome,
  Recollection,
  RestoredState,
  StateMachine,
  StateMachineDescription,
  StateSnapshot,
} from "../../ports/state-machine.ts";
import { ContentHash } from "./content-hash.ts";
import { createVersionedExecutor, type Executor } from "./executor.ts";
import { restoreFailure, whileRestoring } from "./host-failures.ts";
import { loadVersions, type PluginLocation, startFailure } from "./loader.ts";
import { outcomeBytes, OutcomePieces, pieceBytesMax } from "./outcome-pieces.ts";
import { type Say, takeConsole } from "./plugin-console.ts";
import { answerSlice } from "./query-slice.ts";
import { StateFolders } from "./state-folders.ts";
import { operationIn } from "./typed-handlers.ts";
import { sessionLimits } from "../../core/session-limits.ts";

/**
 * `locations`: the versions of one plugin, at least one. `stateFolder`: where durable versions keep their state; without it, a temporary one.
 * Throws `GraftError("plugin")` when the plugin cannot be loaded, or its `create` fails.
 */
export async function createInlineStateMachine(
  locations: readonly PluginLocation[],
  say?: Say,
  stateFolder: string | null = null,
): Promise<StateMachine> {
  // The thread's only console: the node itself has no use for it.
  if (say !== undefined) takeConsole(console, say);
  const versions = await loadVersions(locations);
  try {
    const folders = stateFolder === null ? null : new StateFolders(stateFolder);
    return new InlineStateMachine(createVersionedExecutor(versions, sessionLimits, folders));
  } catch (cause) {
    throw startFailure(locations.at(-1)!, cause);
  }
}

class InlineStateMachine implements StateMachine {
  readonly versions: readonly VersionAtHand[];
  /** While it is busy nobody else on this thread is there to see that. */
  readonly busyWith = null;
  readonly #executor: Executor;
  #stopped: Error | null = null;
  #isRestoring = false;
  /** Settles with the call before, whatever came of that. */
  #before: Promise<unknown> = Promise.resolve();
  /** What calls have brought since the node's thread last did anything else. */
  #answeredBytes = 0;

  constructor(executor: Executor) {
    this.#executor = executor;
    this.versions = executor.versions;
  }

  get description(): StateMachineDescription {
    return this.#executor.description;
  }

  get isDurable(): boolean {
    return this.#executor.isDurable;
  }

  get failure(): Error | null {
    return this.#stopped;
  }

  operationOf(command: Uint8Array): string | null {
    return operationIn(command, this.description);
  }

  apply(run: readonly AppliedEntry[], deliver: Deliver): Promise<WakeTime> {
    return this.#inTurn(async () => {
      const pieces = new OutcomePieces((outcomes) => {
        if (outcomes.length > 0) deliver(outcomes);
      });
      for (const entry of run) {
        if (this.#isOthersTurn) await this.#letOthersIn();
        pieces.add(this.#counted(this.#orStop(() => this.#executor.apply(entry))));
      }
      this.#orStop(() => this.#executor.commit());
      pieces.end();
      return this.#executor.wakeAtMs;
    });
  }

  query(slice: readonly Uint8Array[]): Promise<readonly Answer[]> {
    return this.#inTurn(async () => {
      if (this.#isOthersTurn) await this.#letOthersIn();
      const answers = answerSlice(this.#executor, slice);
      for (const { outcome } of answers) if (outcome.kind !== "failed") this.#counted(outcome);
      return answers;
    });
  }

  watchMilestones(every: number, tell: (milestone: Milestone) => void): void {
    this.#executor.watchMilestones(every, tell);
  }

  snapshot(): Promise<StateSnapshot> {
    return this.#inTurn(() => {
      const running = this.#executor.snapshot();
      const hash = new ContentHash();
      return {
        get contentHash() {
          return hash.value;
        },
        read: async () => {
          this.#mustRun();
          return hash.note(running.read());
        },
        close: () => this.#orStop(() => running.close()),
      };
    });
  }

  recall(owner: string): Promise<Recollection> {
    return this.#inTurn(() => this.#orStop(() => this.#executor.recall(owner)));
  }

  forget(): Promise<void> {
    return this.#inTurn(() => this.#orStop(() => this.#executor.forget()));
  }

  setOrigin(origin: string): Promise<void> {
    return this.#inTurn(() => this.#orStop(() => this.#executor.setOrigin(origin)));
  }

  async restore(
    chunks: AsyncIterable<Uint8Array>,
    plugin: PluginVersion | null,
    reached?: RestoredState,
  ): Promise<WakeTime> {
    this.#mustRun();
    const restoration = this.#executor.restore(plugin, reached);
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
    return this.#executor.wakeAtMs;
  }

  async close(): Promise<void> {
    this.#stopped ??= new GraftError("state-machine", "The state machine is closed");
    this.#executor.close();
  }

  /** Calls are carried out one after the other, and never from inside the call: as from a worker. */
  #inTurn<Result>(work: () => Result | Promise<Result>): Promise<Result> {
    if (this.#isRestoring) return Promise.reject(whileRestoring(this.description));
    const result = this.#before.then(() => {
      this.#mustRun();
      return work();
    });
    this.#before = result.catch(() => null);
    return result;
  }

  get #isOthersTurn(): boolean {
    return this.#answeredBytes >= pieceBytesMax;
  }

  /** What has been answered can leave, before there is more of it. */
  async #letOthersIn(): Promise<void> {
    this.#answeredBytes = 0;
    await nextTurn();
    this.#mustRun();
  }

  #counted(outcome: Outcome): Outcome {
    this.#answeredBytes += outcomeBytes(outcome);
    return outcome;
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
