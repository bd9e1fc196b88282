// How is a program started, asked and ended? It is asked one thing at a time and answers in turn. Whatever it does that it may not ends it: an
// answer that is none, a word that nobody asked for, or its own end.
import type { LogIndex } from "../../core/log-position.ts";
import { GraftError, StateMachineStopped } from "../../errors.ts";
import type { CborValue } from "../cbor/value.ts";
import type { Say } from "../plugin/plugin-console.ts";
import { type Hello, helloOf } from "./answers.ts";
import {
  cannotBeUsed,
  type Child,
  endWords,
  isEnding,
  killAll,
  outputOf,
  type ProgramLocation,
  spawn,
} from "./child.ts";
import { BadMessage, type Framing, MessageReader, toMessage } from "./framing.ts";
import { hear } from "./standard-error.ts";

/** How long a program may take to say what it is, ms. */
const helloMsMax = 30_000;

interface Waiting {
  readonly check: (message: CborValue) => void;
  readonly reject: (error: Error) => void;
  readonly only: GivenAlone | null;
}

/** An entry that is applied while nothing else is. */
export interface GivenAlone {
  readonly entry: LogIndex;
  /** For people. */
  readonly where: string;
}

export class Program {
  readonly hello: Hello;
  readonly #child: Child;
  readonly #framing: Framing;
  #waiting: Waiting | null = null;
  #stopped: Error | null = null;
  /** The last line on its standard error: often why it ended. */
  readonly #lastWords: () => string;

  /** Throws `GraftError("plugin")` when it cannot be started, or does not say what it is. */
  static async start(
    location: ProgramLocation,
    say: Say,
    environment: Readonly<Record<string, string>> = {},
    closing?: AbortSignal,
  ): Promise<Program> {
    closing?.throwIfAborted();
    const child = spawn(location, environment);
    const end = (): void => killAll(child);
    closing?.addEventListener("abort", end);
    const lastWords = hear(child.stderr, say);
    const reader = new MessageReader();
    const messages = messagesOf(child, reader);
    let isLate = false;
    const timer = setTimeout(() => {
      isLate = true;
      killAll(child);
    }, helloMsMax);
    try {
      const first = await messages.next();
      if (isLate) throw new BadMessage(`it did not say within ${helloMsMax / 1_000} seconds what it is`);
      if (first.done === true) throw new BadMessage(await endWords(child, lastWords, "before it said what it is"));
      const program = new Program(child, helloOf(first.value), reader.framing!, lastWords);
      void program.#listen(messages);
      return program;
    } catch (cause) {
      killAll(child);
      throw cannotBeUsed(location, cause instanceof Error ? cause.message : String(cause), cause);
    } finally {
      clearTimeout(timer);
      closing?.removeEventListener("abort", end);
    }
  }

  private constructor(child: Child, hello: Hello, framing: Framing, lastWords: () => string) {
    this.#child = child;
    this.hello = hello;
    this.#framing = framing;
    this.#lastWords = lastWords;
  }

  get framing(): Framing {
    return this.#framing;
  }

  /** Null: it runs. */
  get failure(): Error | null {
    return this.#stopped;
  }

  /**
   * `check` takes the answer, and throws `BadMessage` when it is none. `only`: the entry that it is given alone. Rejects with
   * `GraftError("state-machine")` once it has stopped, and names that entry.
   */
  ask<Answer>(
    request: CborValue,
    check: (message: CborValue) => Answer,
    only: GivenAlone | null = null,
  ): Promise<Answer> {
    if (this.#stopped !== null) return Promise.reject(this.#stopped);
    if (this.#waiting !== null) throw new Error("a program is asked one thing at a time");
    const bytes = toMessage(request, this.#framing);
    const { promise, resolve: settle, reject } = Promise.withResolvers<Answer>();
    this.#waiting = { check: (message) => settle(check(message)), reject, only };
    void this.#write(bytes);
    return promise;
  }

  async #write(bytes: Uint8Array): Promise<void> {
    try {
      void this.#child.stdin.write(bytes);
      await this.#child.stdin.flush();
    } catch (cause) {
      const what = `it reads its standard input no more: ${cause instanceof Error ? cause.message : String(cause)}`;
      // Most often it has ended, and then its end says more.
      if (!(await isEnding(this.#child))) this.#fail(what);
    }
  }

  /** At once. The first reason stands, and is returned. */
  stop(reason: Error): Error {
    if (this.#stopped !== null) return this.#stopped;
    this.#stopped = reason;
    killAll(this.#child);
    this.#waiting?.reject(reason);
    this.#waiting = null;
    return reason;
  }

  async #listen(messages: AsyncIterator<CborValue, void>): Promise<void> {
    try {
      for (let next = await messages.next(); next.done !== true; next = await messages.next()) this.#hear(next.value);
      this.#fail(await endWords(this.#child, this.#lastWords, this.#moment));
    } catch (error) {
      this.#fail(error instanceof Error ? error.message : String(error));
    }
  }

  #hear(message: CborValue): void {
    const waiting = this.#waiting;
    if (waiting === null) throw new BadMessage("it sent a message that nobody had asked for");
    this.#waiting = null;
    try {
      waiting.check(message);
    } catch (error) {
      this.#waiting = waiting;
      throw error;
    }
  }

  get #moment(): string {
    return this.#waiting === null ? "while nothing was asked of it" : "before it answered";
  }

  #fail(what: string): void {
    const { name, version } = this.hello;
    const only = this.#waiting?.only ?? null;
    const message = `The program of the state machine ${name} ${version}: ${what}`;
    this.stop(
      only === null
        ? new GraftError("state-machine", message)
        : new StateMachineStopped(`${message}, at ${only.where}`, only.entry),
    );
  }
}

/** Throws `BadMessage`. */
async function* messagesOf(child: Child, reader: MessageReader): AsyncGenerator<CborValue, void> {
  for await (const chunk of outputOf(child)) yield* reader.read(chunk);
}

/** What a program says of itself. It is ended then. Throws `GraftError("plugin")`. */
export async function readHello(location: ProgramLocation): Promise<Hello> {
  const program = await Program.start(location, () => {});
  program.stop(new GraftError("state-machine", "The state machine is closed"));
  return program.hello;
}
