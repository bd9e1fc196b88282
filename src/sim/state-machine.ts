// A plugin's state machine in simulated time: each piece of work takes a while, one after the other, as on a thread of its own. It
// may throw or hang where the plugin would not, or its thread ends. Which one comes after it, is machines.ts.
import { ContentHash } from "../adapters/plugin/content-hash.ts";
import { createVersionedExecutor, type Executor } from "../adapters/plugin/executor.ts";
import { operationIn } from "../adapters/plugin/typed-handlers.ts";
import type { PluginVersion, VersionAtHand } from "../core/activation.ts";
import type { LogIndex } from "../core/log-position.ts";
import type { WakeTime } from "../core/wake-time.ts";
import type { SessionLimits } from "../core/session-limits.ts";
import { GraftError, StateMachineStopped } from "../errors.ts";
import {
  type Answer,
  type AppliedEntry,
  type BusyWith,
  type Deliver,
  type Milestone,
  type Recollection,
  type StateMachine,
  type StateMachineDescription,
  type StateSnapshot,
} from "../ports/state-machine.ts";
import type { Life } from "./life.ts";
import type { Replica } from "./replica.ts";
import { hashedEvery } from "./spoil.ts";

export interface Pace {
  /** How long the next piece of work takes, ms. */
  workMs(): number;
}

/** What goes wrong at a piece of work. `forMs` null: for ever. */
export type Wrong =
  | { readonly kind: "throws" }
  | { readonly kind: "dies"; readonly at: "entry" | "query" }
  | { readonly kind: "hangs"; readonly at: "entry" | "query"; readonly forMs: number | null };

/** A state machine that stands still. */
export interface Standstill {
  readonly kind: Wrong["kind"];
  /** What the node has to name: an entry, or `a query`. */
  readonly at: string;
  /** Of that entry; null: of none. */
  readonly index: LogIndex | null;
  /** How far it had applied. */
  readonly reached: LogIndex;
}

export interface StateMachineEvents {
  readonly sessionLimits: SessionLimits;
  /** What every copy of the plugin does wrong at this entry. */
  wrongAt(entry: AppliedEntry): Wrong | null;
  /** It stands still from now on. */
  stoodStill(standstill: Standstill): void;
  /** An entry is about to be applied. */
  applied(entry: AppliedEntry): void;
  /** The state is that of a snapshot. */
  restored(): void;
  readonly replica: Replica;
}

export class SimStateMachine implements StateMachine {
  readonly versions: readonly VersionAtHand[];
  /** What a durable plugin keeps goes with each life: the next one begins with the snapshot, and with the log. */
  readonly isDurable = false;
  busyWith: BusyWith | null = null;
  /** Null: it runs. */
  standstill: Standstill | null = null;
  readonly #executor: Executor;
  readonly #life: Life;
  readonly #pace: Pace;
  readonly #told: StateMachineEvents;
  #before: Promise<unknown> = Promise.resolve();
  #isClosed = false;
  #planned: Wrong | null = null;
  #failure: GraftError | null = null;
  /** Ends a hang. */
  #release: (() => void) | null = null;
  #workCount = 0;
  /** How far it has applied. */
  reached: LogIndex = 0;

  constructor(life: Life, pace: Pace, told: StateMachineEvents) {
    this.#executor = createVersionedExecutor(told.replica.versions, told.sessionLimits, null, hashedEvery);
    this.versions = this.#executor.versions;
    this.#life = life;
    this.#pace = pace;
    this.#told = told;
    told.replica.created();
  }

  get description(): StateMachineDescription {
    return this.#executor.description;
  }

  get failure(): Error | null {
    return this.#failure;
  }

  operationOf(command: Uint8Array): string | null {
    return operationIn(command, this.description);
  }

  /** When it is to be woken, by its state as it is. */
  get wakeAtMs(): WakeTime {
    return this.#executor.wakeAtMs;
  }

  /** What goes wrong next, in this copy alone; null: nothing. */
  plan(wrong: Wrong | null): void {
    this.#planned = wrong;
  }

  apply(run: readonly AppliedEntry[], deliver: Deliver): Promise<WakeTime> {
    return this.#inTurn(async () => {
      for (const entry of run) {
        const { index, term } = entry;
        this.busyWith = { kind: "entry", count: ++this.#workCount, index, term };
        this.#told.applied(entry);
        const wrong = this.#wrongAt(entry);
        if (wrong?.kind === "throws") this.#throwAt(entry);
        if (wrong?.kind === "dies") this.#dieAt(`entry ${index}`, index);
        if (wrong?.kind === "hangs") await this.#hang(`entry ${index}`, index, wrong.forMs);
        const outcome = this.#told.replica.apply(entry, this.#executor);
        this.reached = index;
        // Some results come before the others.
        if (run.length > 1) await this.#passes();
        deliver([outcome]);
      }
      return this.#executor.wakeAtMs;
    });
  }

  query(slice: readonly Uint8Array[]): Promise<readonly Answer[]> {
    return this.#inTurn(async () => {
      const [query] = slice as readonly [Uint8Array];
      const beganMs = this.#life.nowMs();
      this.busyWith = { kind: "query", count: ++this.#workCount, nth: 0 };
      const wrong = this.#planned;
      if (wrong?.kind === "hangs" && wrong.at === "query") await this.#hang("a query", null, wrong.forMs);
      if (wrong?.kind === "dies" && wrong.at === "query") this.#dieAt("a query", null);
      const outcome = this.#answerTo(query);
      this.#told.replica.answered(query, outcome);
      return [{ outcome, elapsedMs: this.#life.nowMs() - beganMs + this.#pace.workMs() }];
    });
  }

  watchMilestones(every: number, tell: (milestone: Milestone) => void): void {
    this.#executor.watchMilestones(every, tell);
  }

  snapshot(): Promise<StateSnapshot> {
    return this.#inTurn(() => {
      const { replica } = this.#told;
      const { index, active } = replica;
      replica.snapshotting();
      const running = this.#trying("snapshotFailed", () => this.#executor.snapshot());
      replica.snapshotBegun();
      const chunks: Uint8Array[] = [];
      const hash = new ContentHash();
      let isRead = false;
      const read = async (): Promise<Uint8Array | null> => {
        await this.#passes();
        this.#mustBeOpen();
        const chunk = hash.note(this.#trying("snapshotFailed", () => running.read()));
        if (chunk !== null) chunks.push(chunk.slice());
        else if (!isRead) {
          isRead = true;
          replica.spoil?.snapshotRead(hash.value);
          replica.snapshotClosed();
          replica.snapshotRead(chunks, { index, active });
        }
        return chunk;
      };
      const close = (): void => {
        replica.snapshotClosed();
        running.close();
      };
      return {
        read,
        close,
        get contentHash() {
          return hash.value;
        },
      };
    });
  }

  restore(chunks: AsyncIterable<Uint8Array>, plugin: PluginVersion | null): Promise<WakeTime> {
    return this.#inTurn(async () => {
      const { replica } = this.#told;
      replica.restoring(plugin);
      const restoration = this.#trying("restoreFailed", () => this.#executor.restore(plugin));
      const hash = new ContentHash();
      for await (const chunk of chunks) {
        this.#mustBeOpen();
        hash.note(chunk);
        replica.restoringChunk(chunk);
        this.#trying("restoreFailed", () => restoration.write(chunk));
      }
      this.#trying("restoreFailed", () => restoration.end());
      hash.note(null);
      replica.spoil?.restored(hash.value!);
      replica.restored(this.#executor.wakeAtMs);
      this.reached = replica.index ?? 0;
      this.#told.restored();
      return this.#executor.wakeAtMs;
    });
  }

  async recall(): Promise<Recollection> {
    return { held: null, damage: [] };
  }

  async forget(): Promise<void> {
    this.#mustBeOpen();
  }

  async setOrigin(): Promise<void> {
    this.#mustBeOpen();
  }

  async close(): Promise<void> {
    this.#isClosed = true;
    this.#release?.();
  }

  /** Only commands reach the plugin. */
  #wrongAt(entry: AppliedEntry): Wrong | null {
    if (entry.isSkipped === true) return null;
    const own = this.#planned;
    const isDue = own !== null && (own.kind === "throws" || own.at === "entry");
    return entry.kind === "command" && isDue ? own : this.#told.wrongAt(entry);
  }

  #throwAt({ index, term }: AppliedEntry): never {
    const { name, version } = this.description;
    const where = `entry ${index} (term ${term})`;
    this.#failure = new StateMachineStopped(`The state machine ${name} ${version} failed at ${where}: planned`, index);
    this.#standStill("throws", `entry ${index}`, index);
    throw this.#failure;
  }

  #dieAt(at: string, index: LogIndex | null): never {
    const { name, version } = this.description;
    const message = `The thread of the state machine ${name} ${version} ended at ${at} (planned)`;
    this.#failure = new StateMachineStopped(message, index);
    this.#standStill("dies", at, index);
    throw this.#failure;
  }

  /** Whatever else it is given waits behind it. */
  async #hang(at: string, index: LogIndex | null, forMs: number | null): Promise<void> {
    this.#planned = null;
    this.#standStill("hangs", at, index);
    await new Promise<void>((resolve) => {
      this.#release = resolve;
      if (forMs !== null) this.#life.after(forMs, resolve);
    });
    this.standstill = null;
    this.#mustBeOpen();
  }

  #standStill(kind: Standstill["kind"], at: string, index: LogIndex | null): void {
    this.standstill = { kind, at, index, reached: this.reached };
    this.#told.stoodStill(this.standstill);
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
    this.#before = result.catch(() => null).then(() => (this.busyWith = null));
    return result;
  }

  #passes(): Promise<void> {
    return new Promise((resolve) => this.#life.after(this.#pace.workMs(), resolve));
  }

  #mustBeOpen(): void {
    if (this.#failure !== null) throw this.#failure;
    if (this.#isClosed) throw new GraftError("state-machine", "The state machine is closed");
  }
}
