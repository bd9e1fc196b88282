// Has a thread play steps, and ends it when the plugin does not return. The next request begins a new thread.
import { nameOf, type PluginLocation } from "../adapters/plugin/loader.ts";
import { removeAtExit } from "../adapters/plugin/temporary-state.ts";
import { GraftError } from "../errors.ts";
import { StuckWatch } from "../sim/stuck-watch.ts";
import { type Whereabout, Whereabouts } from "../sim/whereabouts.ts";
import type { CheckedPlugin, Reply, Request } from "./messages.ts";
import { outsideRule, remedies } from "./remedies.ts";
import type { Tape } from "./tape.ts";
import type { Fault, Played, Step } from "./transcript.ts";
import type { WayName } from "./ways/all.ts";

/** The bundler drops the folders above the entry points and turns `.ts` into `.js`; build.ts fixes the root at src/. */
const THREAD_ENTRY = Bun.isStandaloneExecutable ? "./check/worker.js" : "./worker.ts";

const turnMs = 50;

/** The thread has ended, or has to be ended. `uncaught`: by an error that nothing in the thread has caught. */
type Gone =
  | { readonly kind: "stuck"; readonly isLoop: boolean }
  | { readonly kind: "closed" }
  | { readonly kind: "uncaught"; readonly message: string };

interface Thread {
  readonly worker: Worker;
  readonly whereabouts: Whereabouts;
  /** Null: it runs. A thread may end between two requests. */
  gone: Gone | null;
  /** Takes the answer to the request. */
  told: (answer: Reply | Gone) => void;
}

/** One request at a time. */
export class Player {
  readonly #location: PluginLocation;
  #thread: Thread | null = null;
  /** So much processor time without a step is an endless loop. */
  loopSeconds: number;
  /** Why nothing is played any more; null: it is. */
  #stopped: Error | null = null;
  /** Of the last thread. */
  #ended: Promise<unknown> = Promise.resolve();

  constructor(location: PluginLocation, loopSeconds: number) {
    this.#location = location;
    this.loopSeconds = loopSeconds;
  }

  /** Throws `GraftError("plugin")`. */
  async load(): Promise<CheckedPlugin> {
    const { worker, whereabouts } = this.#begin();
    const reply = await this.#ask({ kind: "load", location: this.#location, shared: whereabouts.shared });
    if (reply.kind === "loaded") return reply.plugin;
    worker.terminate();
    // Nothing of the plugin has run yet for certain.
    if (reply.kind === "uncaught") throw new Error(reply.message);
    throw this.#unusable(reply, whereabouts.look());
  }

  /** Throws `GraftError("plugin")`. */
  async draw(tapes: readonly Tape[]): Promise<readonly Step[]> {
    const { whereabouts } = await this.#running();
    const reply = await this.#ask({ kind: "draw", tapes });
    if (reply.kind === "drawn") return reply.steps;
    throw this.#unusable(reply, whereabouts.look());
  }

  /** Throws `GraftError("plugin")` if the plugin cannot be loaded any more. */
  async play(way: WayName, steps: readonly Step[]): Promise<Played> {
    const { whereabouts } = await this.#running();
    const reply = await this.#ask({ kind: "play", way, steps });
    if (reply.kind === "played") return reply.played;
    if (!isGone(reply)) throw this.#unusable(reply, whereabouts.look());
    return { kind: "fault", fault: this.#faultOf(reply, whereabouts.look(), steps) };
  }

  close(): void {
    this.#thread?.worker.terminate();
    this.#thread = null;
  }

  /** For this reason, which every call throws from now on. */
  stop(why: Error): void {
    this.#stopped = why;
    this.close();
  }

  /** Where it was stopped: resolves when its thread makes no temporary folder any more. */
  async ended(): Promise<void> {
    if (this.#stopped !== null) await this.#ended;
  }

  async #running(): Promise<Thread> {
    if (this.#thread === null) await this.load();
    return this.#thread!;
  }

  #begin(): Thread {
    if (this.#stopped !== null) throw this.#stopped;
    this.close();
    removeAtExit();
    const worker = new Worker(new URL(THREAD_ENTRY, import.meta.url).href);
    const thread: Thread = { worker, whereabouts: new Whereabouts(), gone: null, told: () => {} };
    const closed = Promise.withResolvers<unknown>();
    this.#ended = closed.promise;
    const ended = (gone: Gone): void => {
      thread.gone ??= gone;
      thread.told(thread.gone);
    };
    worker.onmessage = ({ data }: MessageEvent<Reply>) => thread.told(data);
    worker.onerror = ({ message }) => ended({ kind: "uncaught", message });
    worker.addEventListener("close", (event) => {
      closed.resolve(event);
      ended({ kind: "closed" });
    });
    this.#thread = thread;
    return thread;
  }

  async #ask(request: Request): Promise<Reply | Gone> {
    const thread = this.#thread!;
    const { promise, resolve } = Promise.withResolvers<Reply | Gone>();
    thread.told = resolve;
    if (thread.gone !== null) resolve(thread.gone);
    const watch = new StuckWatch(() => thread.whereabouts.look(), { loopSeconds: this.loopSeconds, turnMs });
    watch.begin((isLoop) => resolve({ kind: "stuck", isLoop }));
    thread.worker.postMessage(request);
    try {
      const reply = await promise;
      if (this.#stopped !== null) throw this.#stopped;
      if (isGone(reply)) this.close();
      return reply;
    } finally {
      watch.end();
    }
  }

  #faultOf(gone: Gone, { work, isInPlugin }: Whereabout, steps: readonly Step[]): Fault {
    if (gone.kind === "uncaught") return uncaughtFault(gone.message);
    const place = steps.findLastIndex(({ text }) => text === work);
    const rule = gone.kind === "closed" ? "the plugin ends its thread" : "a function does not return";
    const time = gone.kind === "closed" ? [] : [timeOf(gone.isLoop, this.loopSeconds)];
    return {
      rule,
      step: place < 0 ? null : place,
      lines: [`${isInPlugin ? "in" : "after"}: ${work}`, ...time],
      field: null,
      remedy: gone.kind === "closed" ? remedies.exit : remedies.loop,
      stack: null,
      isSlow: gone.kind === "stuck",
    };
  }

  #unusable(reply: Reply | Gone, { work }: Whereabout): Error {
    const where = nameOf(this.#location);
    if (reply.kind === "failed") {
      const cause = Object.assign(new Error(reply.message), { stack: reply.stack ?? reply.message });
      return reply.code === null ? cause : new GraftError(reply.code, reply.message, { cause });
    }
    if (reply.kind === "stuck") {
      const time = timeOf(reply.isLoop, this.loopSeconds);
      return new GraftError("plugin", `The plugin ${where} does not return from: ${work}\n  ${time}`);
    }
    if (reply.kind === "uncaught") {
      const { rule, lines } = uncaughtFault(reply.message);
      return new GraftError("plugin", `The plugin ${where}: ${rule}\n  ${lines.join("\n  ")}`);
    }
    return new GraftError("plugin", `The plugin ${where} ends its thread in: ${work}`);
  }
}

const isGone = (reply: Reply | Gone): reply is Gone =>
  reply.kind === "stuck" || reply.kind === "closed" || reply.kind === "uncaught";

/** The thread catches what its own code throws (worker.ts), so the error is the plugin's. @param message begins with lines of the source */
function uncaughtFault(message: string): Fault {
  const reason = /^(?:\w*error|\w*exception): .*/im.exec(message)?.[0] ?? message.split("\n", 1)[0]!;
  const lines = [reason.replace(/^error/, "Error")];
  return { rule: outsideRule, step: null, lines, field: null, remedy: remedies.leftBehind, stack: message };
}

const timeOf = (isLoop: boolean, loopSeconds: number): string =>
  isLoop ? `for ${loopSeconds} s of processor time` : "for a minute, and the processor is idle";
