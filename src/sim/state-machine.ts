// A plugin's state machine in simulated time: each piece of work takes a while, one after the other, as on a thread of its own.
import { createExecutor, type Executor } from "../adapters/plugin/executor.ts";
import type { Plugin } from "../adapters/plugin/definition-check.ts";
import { GraftError } from "../errors.ts";
import type {
  Answer,
  AppliedEntry,
  Deliver,
  StateMachine,
  StateMachineDescription,
  StateSnapshot,
} from "../ports/state-machine.ts";
import type { Life } from "./life.ts";

export interface Pace {
  /** How long the next piece of work takes, ms. */
  workMs(): number;
}

export interface StateMachineEvents {
  /** An entry is about to be applied. */
  applied(entry: AppliedEntry): void;
  /** The state is that of a snapshot. */
  restored(): void;
}

export class SimStateMachine implements StateMachine {
  readonly description: StateMachineDescription;
  readonly busyWith = null;
  readonly #executor: Executor;
  readonly #life: Life;
  readonly #pace: Pace;
  readonly #told: StateMachineEvents;
  #before: Promise<unknown> = Promise.resolve();
  #isClosed = false;

  constructor(plugin: Plugin, life: Life, pace: Pace, told: StateMachineEvents) {
    this.#executor = createExecutor(plugin);
    this.description = this.#executor.description;
    this.#life = life;
    this.#pace = pace;
    this.#told = told;
  }

  apply(run: readonly AppliedEntry[], deliver: Deliver): Promise<void> {
    return this.#inTurn(async () => {
      for (const entry of run) {
        this.#told.applied(entry);
        const outcome = this.#executor.apply(entry);
        // Some results come before the others.
        if (run.length > 1) await this.#passes();
        deliver([outcome]);
      }
    });
  }

  query(slice: readonly Uint8Array[]): Promise<readonly Answer[]> {
    return this.#inTurn(() => [{ outcome: this.#executor.query(slice[0]!), elapsedMs: this.#pace.workMs() }]);
  }

  snapshot(): Promise<StateSnapshot> {
    return this.#inTurn(() => {
      const running = this.#executor.snapshot();
      const read = async (): Promise<Uint8Array | null> => {
        await this.#passes();
        this.#mustBeOpen();
        return running.read();
      };
      return { read, close: () => running.close() };
    });
  }

  restore(chunks: AsyncIterable<Uint8Array>): Promise<void> {
    return this.#inTurn(async () => {
      const restoration = this.#executor.restore();
      for await (const chunk of chunks) {
        this.#mustBeOpen();
        restoration.write(chunk);
      }
      restoration.end();
      this.#told.restored();
    });
  }

  async close(): Promise<void> {
    this.#isClosed = true;
  }

  #inTurn<Result>(work: () => Result | Promise<Result>): Promise<Result> {
    const result = this.#before.then(async () => {
      await this.#passes();
      this.#mustBeOpen();
      return work();
    });
    this.#before = result.catch(() => null);
    return result;
  }

  #passes(): Promise<void> {
    return new Promise((resolve) => this.#life.after(this.#pace.workMs(), resolve));
  }

  #mustBeOpen(): void {
    if (this.#isClosed) throw new GraftError("state-machine", "The state machine is closed");
  }
}
