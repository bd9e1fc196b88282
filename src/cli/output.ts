// What goes where? Standard output carries the answer and nothing else: one JSON document with --json, words for people
// otherwise. Everything said beside it goes to standard error. Colours and moving lines are for terminals. The platform's streams
// are not used: one whose reader is gone throws long after the write, where nothing can catch it.
import { write } from "node:fs";
import { isatty } from "node:tty";
import { colors } from "consola/utils";
import { GraftError } from "../errors.ts";

export interface OutputOptions {
  readonly json: boolean;
  readonly quiet: boolean;
  readonly verbose: boolean;
}

type Colour = "bold" | "dim" | "red" | "green" | "yellow" | "cyan";
export type Paint = (colour: Colour, text: string) => string;

/** What lasts longer is shown to be under way. */
const PROGRESS_AFTER_MS = 1000;
const PROGRESS_EVERY_MS = 100;
const SPINNER = "⠋⠙⠹⠸⠼⠴⠦⠧⠇⠏";
const CLEAR_LINE = "\r\u001b[K";

const STANDARD_OUTPUT = 1;
const STANDARD_ERROR = 2;
/** A descriptor that does not block and is full says so at once: the next attempt comes after this. */
const FULL_RETRY_MS = 20;

const plain: Paint = (_, text) => text;
const coloured: Paint = (colour, text) => colors[colour](text);

export class Output {
  readonly json: boolean;
  readonly quiet: boolean;
  readonly verbose: boolean;
  /** Whether a person reads standard output as it comes. */
  readonly onTerminal: boolean;
  readonly paint: Paint;
  readonly paintBeside: Paint;
  /** Where errors are said instead of on standard error: the log of a node. */
  #errors: ((message: string) => Promise<void>) | null = null;
  /** Whether the progress line stands on the terminal just now. */
  #isProgressShown = false;

  constructor({ json, quiet, verbose }: OutputOptions) {
    this.json = json;
    this.quiet = quiet;
    this.verbose = verbose;
    const mayColour = !process.env["NO_COLOR"] && process.env["TERM"] !== "dumb";
    this.onTerminal = isatty(STANDARD_OUTPUT) && !json;
    this.paint = this.onTerminal && mayColour ? coloured : plain;
    this.paintBeside = isatty(STANDARD_ERROR) && mayColour ? coloured : plain;
  }

  /** The one answer of a command: a document for scripts, or words for people (without the last newline). */
  answer(document: unknown, words: (paint: Paint) => string): Promise<void> {
    return this.line(this.json ? JSON.stringify(document) : words(this.paint));
  }

  line(text: string): Promise<void> {
    return this.bytes(Buffer.from(`${text}\n`));
  }

  /**
   * Bytes as they are, not even a newline added. A reader that has gone (`graft … | head`) wants no more, and no error. Throws
   * `GraftError("result-lost")` when the rest is lost: a disk that is full.
   */
  async bytes(bytes: Uint8Array): Promise<void> {
    const failure = await this.#offer(bytes);
    if (failure === null) return;
    throw new GraftError("result-lost", `the answer cannot be written to standard output: ${failure.message}`);
  }

  /** A line on standard output, for what has another way out. Resolves with whether it was taken. */
  async offer(text: string): Promise<boolean> {
    return (await this.#offer(Buffer.from(`${text}\n`))) === null;
  }

  async #offer(bytes: Uint8Array): Promise<Error | null> {
    const failure = await writeAll(STANDARD_OUTPUT, bytes);
    return failure?.code === "EPIPE" ? null : failure;
  }

  /** Something that a person wants to know besides the answer. */
  async say(text: string): Promise<void> {
    if (this.quiet || this.json) return;
    this.#clearProgress();
    await sayBeside(`${text}\n`);
  }

  /** Something that a person wants to know who asked for more. */
  async detail(text: string): Promise<void> {
    if (this.verbose) await sayBeside(`${this.paintBeside("dim", text)}\n`);
  }

  /** Also with --quiet: what went wrong. Its parts are lines, or one line of a log. */
  async complain(parts: readonly string[]): Promise<void> {
    if (this.#errors === null) await sayBeside(`${parts.join("\n")}\n`);
    else await this.#errors(parts.map((part) => Bun.stripANSI(part).trim()).join("; "));
  }

  /** From now on errors are lines of a log. */
  sayErrorsBy(log: (message: string) => Promise<void>): void {
    this.#errors = log;
  }

  /** On a terminal: a line that says what is waited for, from the first second on until it is over. */
  async progress<T>(text: string | (() => string), work: Promise<T>): Promise<T> {
    if (!isatty(STANDARD_ERROR) || this.quiet || this.json) return work;
    const beganMs = performance.now();
    const timer = setInterval(() => {
      const elapsedMs = performance.now() - beganMs;
      if (elapsedMs < PROGRESS_AFTER_MS) return;
      this.#isProgressShown = true;
      const frame = SPINNER[Math.floor(elapsedMs / PROGRESS_EVERY_MS) % SPINNER.length] ?? "";
      const line = `${this.paintBeside("cyan", frame)} ${typeof text === "string" ? text : text()} ${(elapsedMs / 1000).toFixed(1)} s`;
      void sayBeside(`${CLEAR_LINE}${line}`);
    }, PROGRESS_EVERY_MS);
    try {
      return await work;
    } finally {
      clearInterval(timer);
      this.#clearProgress();
    }
  }

  #clearProgress(): void {
    if (this.#isProgressShown) void sayBeside(CLEAR_LINE);
    this.#isProgressShown = false;
  }
}

/** Standard error that is gone or full has nobody who could be told. */
async function sayBeside(text: string): Promise<void> {
  await writeAll(STANDARD_ERROR, Buffer.from(text));
}

/** Resolves once all has left this process, or with what kept it. One part at a time, so that what follows can wait for it. */
async function writeAll(fileDescriptor: number, bytes: Uint8Array): Promise<NodeJS.ErrnoException | null> {
  for (let rest = bytes; rest.byteLength > 0;) {
    const { error, written } = await writePart(fileDescriptor, rest);
    if (error?.code === "EAGAIN") await Bun.sleep(FULL_RETRY_MS);
    else if (error !== null) return error;
    rest = rest.subarray(written);
  }
  return null;
}

interface Part {
  readonly error: NodeJS.ErrnoException | null;
  readonly written: number;
}

const writePart = (fileDescriptor: number, bytes: Uint8Array): Promise<Part> =>
  new Promise((resolve) => {
    write(fileDescriptor, bytes, (error, written) => resolve({ error, written: error === null ? written : 0 }));
  });
