// How is a program started, asked and ended? It is asked one thing at a time and answers in turn. Whatever it does that it may not ends it: an
// answer that is none, a word that nobody asked for, or its own end.
import { existsSync } from "node:fs";
import { basename, resolve } from "node:path";
import { GraftError } from "../../errors.ts";
import type { CborValue } from "../cbor/value.ts";
import { type Say, sparing } from "../plugin/plugin-console.ts";
import { type Hello, helloOf } from "./answers.ts";
import { BadMessage, type Framing, MessageReader, toMessage } from "./framing.ts";

/** A program and its arguments, as in the configuration file, and the folder in which it runs. */
export interface ProgramLocation {
  readonly command: readonly string[];
  readonly directory: string;
}

/** How long a program may take to say what it is, ms. */
const helloMsMax = 30_000;
/** How long after its outputs a program may take to end, ms. */
const endMsMax = 1_000;

/** For people. */
const commandWords = ({ command }: ProgramLocation): string => command.join(" ");

const cannotBeUsed = (location: ProgramLocation, what: string, cause?: unknown): GraftError =>
  new GraftError("plugin", `The program ${commandWords(location)} cannot be used: ${what}`, { cause });

/** A part of the command that names a file is relative to the folder; the program itself is looked for on the PATH unless it has a slash. */
export function executableOf({ command: [program = ""], directory }: ProgramLocation): string {
  return program.includes("/") ? resolve(directory, program) : program;
}

interface Waiting {
  readonly check: (message: CborValue) => void;
  readonly reject: (error: Error) => void;
}

export class Program {
  readonly hello: Hello;
  readonly #child: Bun.Subprocess<"pipe", "pipe", "pipe">;
  readonly #framing: Framing;
  #waiting: Waiting | null = null;
  #stopped: Error | null = null;
  /** The last line on its standard error: often why it ended. */
  readonly #lastWords: () => string;

  /** Throws `GraftError("plugin")` when it cannot be started, or does not say what it is. */
  static async start(location: ProgramLocation, say: Say): Promise<Program> {
    const child = spawn(location);
    const lastWords = hear(child.stderr, say);
    const reader = new MessageReader();
    const messages = messagesOf(child.stdout, reader);
    let isLate = false;
    const timer = setTimeout(() => {
      isLate = true;
      child.kill("SIGKILL");
    }, helloMsMax);
    try {
      const first = await messages.next();
      if (isLate) throw new BadMessage(`it did not say within ${helloMsMax / 1_000} seconds what it is`);
      if (first.done === true) throw new BadMessage(await endWords(child, lastWords, "before it said what it is"));
      const program = new Program(child, helloOf(first.value), reader.framing!, lastWords);
      void program.#listen(messages);
      return program;
    } catch (cause) {
      child.kill("SIGKILL");
      throw cannotBeUsed(location, cause instanceof Error ? cause.message : String(cause), cause);
    } finally {
      clearTimeout(timer);
    }
  }

  private constructor(
    child: Bun.Subprocess<"pipe", "pipe", "pipe">,
    hello: Hello,
    framing: Framing,
    lastWords: () => string,
  ) {
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

  /** `check` takes the answer, and throws `BadMessage` when it is none. Rejects with `GraftError("state-machine")` once it has stopped. */
  ask<Answer>(request: CborValue, check: (message: CborValue) => Answer): Promise<Answer> {
    if (this.#stopped !== null) return Promise.reject(this.#stopped);
    if (this.#waiting !== null) throw new Error("a program is asked one thing at a time");
    const bytes = toMessage(request, this.#framing);
    const { promise, resolve: settle, reject } = Promise.withResolvers<Answer>();
    this.#waiting = { check: (message) => settle(check(message)), reject };
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
      if (!(await this.#isEnding())) this.#fail(what);
    }
  }

  /** Whether its end is about to be noticed. */
  #isEnding(): Promise<boolean> {
    return Promise.race([this.#child.exited.then(() => true), Bun.sleep(endMsMax).then(() => false)]);
  }

  /** At once. The first reason stands, and is returned. */
  stop(reason: Error): Error {
    if (this.#stopped !== null) return this.#stopped;
    this.#stopped = reason;
    this.#child.kill("SIGKILL");
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
    this.stop(new GraftError("state-machine", `The program of the state machine ${name} ${version}: ${what}`));
  }
}

function spawn(location: ProgramLocation): Bun.Subprocess<"pipe", "pipe", "pipe"> {
  const { command, directory } = location;
  const [program = "", ...given] = command;
  const executable = executableOf(location);
  if (program.includes("/") && !existsSync(executable)) throw cannotBeUsed(location, `${executable} does not exist`);
  try {
    const options = { cwd: directory, stdin: "pipe", stdout: "pipe", stderr: "pipe" } as const;
    return Bun.spawn([executable, ...given], { ...options, env: process.env });
  } catch (cause) {
    const reason = cause instanceof Error ? cause.message : String(cause);
    throw cannotBeUsed(location, `${basename(program)} cannot be started: ${reason}`, cause);
  }
}

/** Throws `BadMessage`. */
async function* messagesOf(output: ReadableStream<Uint8Array>, reader: MessageReader): AsyncGenerator<CborValue, void> {
  for await (const chunk of output) yield* reader.read(chunk);
}

async function endWords(child: Bun.Subprocess, lastWords: () => string, when: string): Promise<string> {
  // It may close its standard output and go on.
  const isOver = await Promise.race([child.exited.then(() => true), Bun.sleep(endMsMax).then(() => false)]);
  if (!isOver) return `it closed its standard output ${when}`;
  const how = child.signalCode === null ? `exit code ${child.exitCode}` : `signal ${child.signalCode}`;
  const said = lastWords();
  return `it ended ${when} (${how})${said === "" ? "" : `; its last words: ${said}`}`;
}

const lineLengthMax = 1_000;

/** Each line of it goes to the log. Returns what says the last one. */
function hear(errors: ReadableStream<Uint8Array>, say: Say): () => string {
  const spare = sparing(say);
  let last = "";
  let line = "";
  const told = (): void => {
    if (line.trim() !== "") spare("info", (last = line));
    line = "";
  };
  const listen = async (): Promise<void> => {
    const decoder = new TextDecoder();
    for await (const chunk of errors) {
      for (const [nth, part] of decoder.decode(chunk, { stream: true }).split("\n").entries()) {
        if (nth > 0) told();
        // What is too long is cut. It may never end.
        line = (line + part).slice(0, lineLengthMax);
      }
    }
    told();
  };
  listen().catch(told);
  return () => {
    const words = line.trim() === "" ? last : line;
    return words.slice(0, 200);
  };
}
