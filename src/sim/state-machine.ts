// A plugin's state machine in simulated time: each piece of work takes a while, one after the other, as on a thread of its own.
import { createExecutor, type Executor } from "../adapters/plugin/executor.ts";
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
import type { Replica } from "./replica.ts";

export interface Pace {
  /** How long the next piece of work takes, ms. */
  workMs(): number;
}

export interface StateMachineEvents {
  /** An entry is about to be applied. */
  applied(entry: AppliedEntry): void;
  /** The state is that of a snapshot. */
  restored(): void;
  readonly replica: Replica;
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

  constructor(life: Life, pace: Pace, told: StateMachineEvents) {
    this.#executor = createExecutor(told.replica.plugin);
    this.description = this.#executor.description;
    this.#life = life;
    this.#pace = pace;
    this.#told = told;
    told.replica.created();
  }

  apply(run: readonly AppliedEntry[], deliver: Deliver): Promise<void> {
    return this.#inTurn(async () => {
      for (const entry of run) {
        this.#told.applied(entry);
        const outcome = this.#told.replica.apply(entry, (each) => this.#executor.apply(each));
        // Some results come before the others.
        if (run.length > 1) await this.#passes();
        deliver([outcome]);
      }
    });
  }

  query(slice: readonly Uint8Array[]): Promise<readonly Answer[]> {
    return this.#inTurn(() => {
      const [query] = slice as readonly [Uint8Array];
      const outcome = this.#answerTo(query);
      this.#told.replica.answered(query, outcome);
      return [{ outcome, elapsedMs: this.#pace.workMs() }];
    });
  }

  snapshot(): Promise<StateSnapshot> {
    return this.#inTurn(() => {
      const { replica } = this.#told;
      const { index } = replica;
      replica.snapshotting();
      const running = this.#trying("snapshotFailed", () => this.#executor.snapshot());
      replica.snapshotBegun();
      const chunks: Uint8Array[] = [];
      let isRead = false;
      const read = async (): Promise<Uint8Array | null> => {
        await this.#passes();
        this.#mustBeOpen();
        const chunk = this.#trying("snapshotFailed", () => running.read());
        if (chunk !== null) chunks.push(chunk.slice());
        else if (!isRead) {
          isRead = true;
          replica.snapshotClosed();
          replica.snapshotRead(chunks, index);
        }
        return chunk;
      };
      const close = (): void => {
        replica.snapshotClosed();
        running.close();
      };
      return { read, close };
    });
  }

  restore(chunks: AsyncIterable<Uint8Array>): Promise<void> {
    return this.#inTurn(async () => {
      const { replica } = this.#told;
      replica.restoring();
      const restoration = this.#trying("restoreFailed", () => this.#executor.restore());
      for await (const chunk of chunks) {
        this.#mustBeOpen();
        replica.restoringChunk(chunk);
        this.#trying("restoreFailed", () => restoration.write(chunk));
      }
      this.#trying("restoreFailed", () => restoration.end());
      replica.restored();
      this.#told.restored();
    });
  }

  async close(): Promise<void> {
    this.#isClosed = true;
  }

  #answerTo(query: Uint8Array): Answer["outcome"] {
    try {
      return this.#executor.query(query);
    } catch (error) {
      return { kind: "failed", error: error instanceof Error ? error : new Error(String(error)) };
    }
  }

  #trying<Result>(told: "snapshotFailed" | "restoreFailed", work: () => Result): Result {
    try {
      return work();
    } catch (error) {
      this.#told.replica[told](error);
      throw error;
    }
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
