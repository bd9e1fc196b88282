// Watches the thread of a simulation. Code of the plugin that does not return is noticed here, and this thread stays free for signals.
import { removeAtExit } from "../adapters/plugin/temporary-state.ts";
import { GraftError } from "../errors.ts";
import { emptySum, type Sum } from "./runner.ts";
import { StuckWatch } from "./stuck-watch.ts";
import { type Whereabout, Whereabouts } from "./whereabouts.ts";
import type { Assignment, Finding, FromThread, Shrinking, ToThread } from "./worker-messages.ts";

/** The bundler drops the folders above the entry points and turns `.ts` into `.js`; build.ts fixes the root at src/. */
const THREAD_ENTRY = Bun.isStandaloneExecutable ? "./sim/worker.js" : "./worker.ts";

/** So much processor time without a step is an endless loop, however slow the machine is. */
export const loopSeconds = 5;
/** After so many it is worth a word where the thread is. */
const stillTurns = 4;

/** What is simulated, as people call it. */
export interface LoadedPlugin {
  readonly name: string;
  readonly version: string;
  /** Why all nodes share one copy of the plugin's module; null: each life of a node has its own. */
  readonly whyShared: string | null;
}

export interface Listener {
  readonly loaded: (plugin: LoadedPlugin) => Promise<void>;
  readonly lines: (lines: readonly string[]) => Promise<void>;
}

export type End =
  | { readonly kind: "ended"; readonly shrinking: Shrinking }
  /** Nothing moves any more. `isLoop`: the processor is busy all the same. */
  | { readonly kind: "stuck"; readonly at: Whereabout; readonly isLoop: boolean };

export class SimulationThread {
  readonly #worker = new Worker(new URL(THREAD_ENTRY, import.meta.url).href);
  readonly #whereabouts = new Whereabouts();
  readonly #ended = Promise.withResolvers<End>();
  readonly #listener: Listener;
  #lines: string[] = [];
  readonly #watch = new StuckWatch(() => this.at, { loopSeconds });
  /** What the listener has been told is done when this is. */
  #told: Promise<void> = Promise.resolve();
  /** Of the seeds that hold so far. */
  sum: Sum = emptySum();
  /** Null: nothing is violated so far. */
  found: Finding | null = null;
  /** Null: no smaller story was found yet. */
  smaller: Finding | null = null;
  /** What was simulated when `end` threw; null: nothing. */
  failedIn: number | null = null;
  /** Null: it is not loaded yet. */
  plugin: LoadedPlugin | null = null;

  constructor(assignment: Assignment, listener: Listener) {
    removeAtExit();
    this.#listener = listener;
    this.#worker.onmessage = ({ data }: MessageEvent<FromThread>) => this.#onMessage(data);
    this.#worker.onerror = ({ message }) => this.#ended.reject(new Error(message));
    this.#worker.addEventListener("close", () => this.#fail(endedBy(this.at), this.at.seed));
    this.#post({ kind: "begin", assignment, shared: this.#whereabouts.shared });
  }

  get at(): Whereabout {
    return this.#whereabouts.look();
  }

  /** Null: the thread gets on. */
  get stillAt(): Whereabout | null {
    return this.#watch.turns >= stillTurns ? this.at : null;
  }

  /** Throws what keeps the plugin from being simulated, and any mistake in Graft. */
  async end(): Promise<End> {
    const stuck = Promise.withResolvers<End>();
    this.#watch.begin((isLoop) => stuck.resolve({ kind: "stuck", at: this.at, isLoop }));
    try {
      const end = await Promise.race([this.#ended.promise, stuck.promise]);
      await this.#tell();
      return end;
    } finally {
      this.#watch.end();
    }
  }

  /** Ends the thread, whatever it does. What it has told until now is passed on, and nothing that it tells later. */
  stop(): Promise<void> {
    this.#worker.onmessage = null;
    this.#worker.terminate();
    return this.#tell();
  }

  #onMessage(message: FromThread): void {
    switch (message.kind) {
      case "loaded":
        this.plugin = message;
        this.#told = this.#told.then(() => this.#listener.loaded(message));
        return;
      case "line":
        return void this.#lines.push(message.text);
      case "pause":
        return void this.#tell().then(() => this.#post({ kind: "goOn" }), this.#ended.reject);
      case "held":
        this.sum = message.sum;
        return;
      case "found":
        this.found = message.finding;
        return;
      case "smaller":
        this.smaller = message.finding;
        return;
      case "ended":
        return this.#ended.resolve({ kind: "ended", shrinking: message.shrinking });
      case "failed":
        return this.#fail(errorOf(message), message.seed);
    }
  }

  /** The first failure counts. */
  #fail(error: Error, seed: number | null): void {
    this.failedIn ??= seed;
    this.#ended.reject(error);
  }

  #tell(): Promise<void> {
    const lines = this.#lines;
    this.#lines = [];
    if (lines.length > 0) this.#told = this.#told.then(() => this.#listener.lines(lines));
    return this.#told;
  }

  #post(message: ToThread): void {
    this.#worker.postMessage(message);
  }
}

/** By process.exit, for instance. */
function endedBy({ isInPlugin, work }: Whereabout): GraftError {
  const where = isInPlugin ? `, in: ${work}` : "";
  return new GraftError("plugin", `The plugin has ended the thread of the simulation${where}`);
}

function errorOf({ code, message, stack }: Extract<FromThread, { kind: "failed" }>): Error {
  const cause = Object.assign(new Error(message), { stack: stack ?? message });
  return code === null ? cause : new GraftError(code, message, { cause });
}
