// The state machine on a thread of its own, with a heap of its own: neither a slow `apply` nor the garbage of a large state
// holds up the node. Runs are handed over as they come and wait in the worker's queue; answers return in the same order, so
// the oldest waiting call is always the one that is answered. How chunks of snapshots come and go is worker-snapshots.ts.
import type { PluginVersion, VersionAtHand } from "../../core/activation.ts";
import type { LogIndex } from "../../core/log-position.ts";
import type { WakeTime } from "../../core/wake-time.ts";
import { GraftError, StateMachineStopped } from "../../errors.ts";
import {
  type Answer,
  type AppliedEntry,
  type BusyWith,
  type Deliver,
  type Milestone,
  type Recollection,
  type RestoredState,
  type StateMachine,
  type StateMachineDescription,
  type StateSnapshot,
} from "../../ports/state-machine.ts";
import { operationIn } from "./typed-handlers.ts";
import { nameOf, type PluginLocation, problem } from "./loader.ts";
import { restoreFailure, whileRestoring } from "./host-failures.ts";
import { isTakingTold } from "./outcome-pieces.ts";
import type { Say } from "./plugin-console.ts";
import { outsideOfApply, Progress } from "./progress.ts";
import { type PackedAnswer, packQueries, packRun, unpackAnswers, unpackOutcomes } from "./run-layout.ts";
import { removeAtExit } from "./temporary-state.ts";
import type { FromWorker, Load, Loaded, StateRequest, Taken, Told, WatchMilestones, Work } from "./worker-messages.ts";
import { sendChunks, WorkerSnapshot } from "./worker-snapshots.ts";

/** The bundler drops the folders above the entry points and turns `.ts` into `.js`; build.ts fixes the root at src/. */
const WORKER_ENTRY = Bun.isStandaloneExecutable ? "./adapters/plugin/worker.js" : "./worker.ts";

/**
 * `locations`: the versions of one plugin, at least one. `stateFolder`: where durable versions keep their state; without it, a temporary one.
 * Throws `GraftError("plugin")` when the plugin cannot be loaded, or its `create` fails.
 */
export async function createWorkerStateMachine(
  locations: readonly PluginLocation[],
  say: Say = () => {},
  stateFolder: string | null = null,
): Promise<StateMachine> {
  if (stateFolder === null) removeAtExit();
  const worker = new Worker(new URL(WORKER_ENTRY, import.meta.url).href);
  const progress = new Progress();
  try {
    return new WorkerStateMachine(
      { worker, say, progress },
      await load(worker, { locations, say, progress, stateFolder }),
    );
  } catch (error) {
    worker.terminate();
    throw error;
  }
}

interface Loading {
  readonly locations: readonly PluginLocation[];
  readonly say: Say;
  readonly progress: Progress;
  readonly stateFolder: string | null;
}

function load(worker: Worker, { locations, say, progress, stateFolder }: Loading): Promise<Loaded> {
  const { promise, resolve, reject } = Promise.withResolvers<Loaded>();
  const fail = (what: string): void => reject(problem(locations.map(nameOf).join(", "), what));
  worker.onmessage = ({ data }: MessageEvent<FromWorker>) => {
    if (data instanceof ArrayBuffer) return; // Nothing has been asked yet.
    if (data.kind === "said") say(data.level, data.text);
    else if (data.kind === "loaded") resolve(data);
    else if (data.kind === "loadFailed")
      reject(new GraftError("plugin", data.message, { cause: remoteCause(data.stack) }));
  };
  worker.onerror = (event) => fail(event.message);
  worker.addEventListener("close", () => fail("it ended its thread"));
  worker.postMessage({ kind: "load", locations, stateFolder, progress: progress.shared } satisfies Load);
  return promise;
}

interface Waiting {
  /** What has come of a run or of a slice; whether that was the last of it. */
  readonly take: (piece: ArrayBuffer) => boolean;
  /** With a chunk, if that was asked for. */
  readonly resolve: (chunk: Uint8Array | null) => void;
  readonly reject: (error: Error) => void;
}

/** For what has no outcomes. */
const takeNothing = (): boolean => true;

interface Parts {
  readonly worker: Worker;
  readonly say: Say;
  readonly progress: Progress;
}

class WorkerStateMachine implements StateMachine {
  readonly versions: readonly VersionAtHand[];
  readonly isDurable: boolean;
  #description: StateMachineDescription;
  readonly #worker: Worker;
  readonly #say: Say;
  readonly #progress: Progress;
  /** Oldest first. */
  #waiting: Waiting[] = [];
  #stopped: Error | null = null;
  #isRestoring = false;
  /** As of the latest request about snapshots. */
  #wakeAtMs: WakeTime = null;
  #tellMilestone: (milestone: Milestone) => void = () => {};
  /** As of the latest `recall`. */
  #recollection: Recollection = { held: null, damage: [] };
  readonly #ended = Promise.withResolvers<void>();

  constructor({ worker, say, progress }: Parts, { description, versions, isDurable }: Loaded) {
    this.#worker = worker;
    this.#say = say;
    this.#progress = progress;
    this.versions = versions;
    this.isDurable = isDurable;
    this.#description = description;
    worker.onmessage = ({ data }: MessageEvent<FromWorker>) => this.#onMessage(data);
    worker.onerror = (event) => {
      event.preventDefault();
      const what = `${outsideOfApply(progress)}: ${firstLine(event.message)}`;
      this.#stop(failure(`The state machine ${this.#named} ${what}`, progress.entry));
    };
    worker.addEventListener("close", () => {
      this.#ended.resolve();
      this.#stop(failure(`The thread of the state machine ${this.#named} ended ${progress.moment}`, progress.entry));
    });
  }

  get description(): StateMachineDescription {
    return this.#description;
  }

  get #named(): string {
    return `${this.#description.name} ${this.#description.version}`;
  }

  get busyWith(): BusyWith | null {
    return this.#stopped === null ? this.#progress.busyWith : null;
  }

  get failure(): Error | null {
    return this.#stopped;
  }

  operationOf(command: Uint8Array): string | null {
    return operationIn(command, this.description);
  }

  async apply(run: readonly AppliedEntry[], deliver: Deliver): Promise<WakeTime> {
    this.#mustHaveState();
    let asked: WakeTime = null;
    await this.#askPacked(packRun(run), (piece) => {
      const { outcomes, isLast, wakeAtMs } = unpackOutcomes(piece);
      asked = wakeAtMs;
      if (outcomes.length > 0) deliver(outcomes);
      return isLast;
    });
    return asked;
  }

  async query(slice: readonly Uint8Array[]): Promise<readonly Answer[]> {
    this.#mustHaveState();
    if (slice.length === 0) return [];
    let answers: readonly Answer[] = [];
    await this.#askPacked(packQueries(slice), (piece) => {
      answers = unpackAnswers(piece).map(unpacked);
      return true;
    });
    return answers;
  }

  watchMilestones(every: number, tell: (milestone: Milestone) => void): void {
    this.#tellMilestone = tell;
    this.#worker.postMessage({ kind: "watchMilestones", every } satisfies WatchMilestones);
  }

  async snapshot(): Promise<StateSnapshot> {
    this.#mustHaveState();
    await this.#ask({ kind: "takeSnapshot" });
    return new WorkerSnapshot((request) => this.#ask(request));
  }

  async recall(owner: string): Promise<Recollection> {
    this.#mustHaveState();
    await this.#ask({ kind: "recall", owner });
    return this.#recollection;
  }

  async forget(): Promise<void> {
    this.#mustHaveState();
    await this.#ask({ kind: "forget" });
  }

  async setOrigin(origin: string): Promise<void> {
    this.#mustHaveState();
    await this.#ask({ kind: "setOrigin", origin });
  }

  async restore(
    chunks: AsyncIterable<Uint8Array>,
    plugin: PluginVersion | null,
    reached?: RestoredState,
  ): Promise<WakeTime> {
    this.#mustHaveState();
    this.#isRestoring = true;
    try {
      await this.#ask({ kind: "beginRestore", plugin, reached });
      await this.#sendChunks(chunks);
      return this.#wakeAtMs;
    } finally {
      this.#isRestoring = false;
    }
  }

  async close(): Promise<void> {
    this.#stop(failure("The state machine is closed", null));
    // Another thread may open the files when this one has let them go.
    if (this.isDurable) await inTime(this.#ended.promise, endMsMax);
  }

  async #sendChunks(chunks: AsyncIterable<Uint8Array>): Promise<void> {
    try {
      await sendChunks(chunks, (request) => this.#ask(request));
    } catch (cause) {
      throw this.#stop(restoreFailure(this.description, cause));
    }
  }

  #mustHaveState(): void {
    if (this.#stopped !== null) throw this.#stopped;
    if (this.#isRestoring) throw whileRestoring(this.description);
  }

  #askPacked(packed: ArrayBuffer, take: Waiting["take"]): Promise<Uint8Array | null> {
    return this.#send(packed, [packed], take);
  }

  #ask(request: StateRequest): Promise<Uint8Array | null> {
    const transfer = request.kind === "restoreChunk" ? [request.chunk] : [];
    return this.#send(request, transfer, takeNothing);
  }

  #send(message: Work, transfer: ArrayBuffer[], take: Waiting["take"]): Promise<Uint8Array | null> {
    if (this.#stopped !== null) return Promise.reject(this.#stopped);
    const { promise, resolve, reject } = Promise.withResolvers<Uint8Array | null>();
    this.#waiting.push({ take, resolve, reject });
    this.#worker.postMessage(message, transfer);
    return promise;
  }

  #onMessage(message: FromWorker): void {
    if (message instanceof ArrayBuffer) return this.#onPiece(message);
    if (message.kind === "loaded" || message.kind === "loadFailed") return;
    if (message.kind === "said") return this.#say(message.level, message.text);
    if (message.kind === "reached") return this.#stopped === null ? this.#tellMilestone(message.milestone) : undefined;
    if (message.kind === "described") {
      this.#description = message.description;
      return;
    }
    if (message.kind === "recalled") {
      this.#recollection = message.recollection;
      return;
    }
    if (message.kind === "done") {
      this.#wakeAtMs = message.wakeAtMs;
      const chunk = message.chunk === null ? null : new Uint8Array(message.chunk);
      return this.#waiting.shift()?.resolve(chunk);
    }
    const cause = remoteCause(message.stack);
    if (message.kind === "stopped") this.#stop(failure(message.message, message.entry, cause));
    else this.#waiting.shift()?.reject(failure(message.message, null, cause));
  }

  #onPiece(piece: ArrayBuffer): void {
    const oldest = this.#waiting[0];
    if (oldest === undefined) return; // Stopped meanwhile.
    const isLast = oldest.take(piece);
    // Whoever was delivered to may have closed it.
    if (this.#stopped !== null) return;
    const { byteLength: bytes } = piece;
    if (isTakingTold(bytes)) this.#tellTaken(bytes);
    if (!isLast) return;
    this.#waiting.shift();
    oldest.resolve(null);
  }

  /** Not before the node's thread has had a turn for everything else: heartbeats come between results, however many there are. */
  #tellTaken(bytes: number): void {
    setImmediate(() => {
      if (this.#stopped === null) this.#worker.postMessage({ kind: "taken", bytes } satisfies Taken);
    });
  }

  /** The first reason stands, and is returned. Whoever waits learns it, and so does whoever comes later. */
  #stop(reason: Error): Error {
    if (this.#stopped !== null) return this.#stopped;
    this.#stopped = reason;
    this.#worker.terminate();
    for (const { reject } of this.#waiting.splice(0)) reject(reason);
    return reason;
  }
}

/** How long to wait for the end of a thread, ms: less than a node waits for its parts. A thread inside native code may take longer. */
const endMsMax = 1500;

async function inTime(promise: Promise<void>, ms: number): Promise<void> {
  const { promise: late, resolve } = Promise.withResolvers<void>();
  const timer = setTimeout(resolve, ms);
  await Promise.race([promise, late]);
  clearTimeout(timer);
}

const unpacked = ({ outcome, elapsedMs }: PackedAnswer): Answer =>
  outcome.kind === "failed"
    ? { outcome: { kind: "failed", error: queryFailure(outcome) }, elapsedMs }
    : { outcome, elapsedMs };

const queryFailure = ({ message, stack }: Told): GraftError =>
  new GraftError("query-failed", message, { cause: remoteCause(stack) });

/** @param entry that it could not get past; null: nobody can tell */
function failure(message: string, entry: LogIndex | null, cause?: Error): GraftError {
  return new StateMachineStopped(message, entry, { cause });
}

/** Without the lines of source that an uncaught error begins with: clients read it. */
function firstLine(message: string): string {
  return message.split("\n").find((line) => !/^\s*(\d+ \||\^)/.test(line)) ?? "";
}

/** What the plugin threw, as far as it can cross: its stack says where in the plugin to look. */
function remoteCause(stack: string): Error {
  const cause = new Error(stack.split("\n", 1)[0]);
  cause.stack = stack;
  return cause;
}
