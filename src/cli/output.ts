// What goes where? Standard output carries the answer and nothing else: one JSON document with --json, words for people
// otherwise. Everything said beside it goes to standard error. Colours and moving lines are for terminals.
import { colors } from "consola/utils";

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
  /** Whether the progress line stands on the terminal just now. */
  #isProgressShown = false;

  constructor({ json, quiet, verbose }: OutputOptions) {
    this.json = json;
    this.quiet = quiet;
    this.verbose = verbose;
    const mayColour = !process.env["NO_COLOR"] && process.env["TERM"] !== "dumb";
    this.onTerminal = process.stdout.isTTY && !json;
    this.paint = this.onTerminal && mayColour ? coloured : plain;
    this.paintBeside = process.stderr.isTTY && mayColour ? coloured : plain;
  }

  /** The one answer of a command: a document for scripts, or words for people (without the last newline). */
  answer(document: unknown, words: (paint: Paint) => string): Promise<void> {
    return this.line(this.json ? JSON.stringify(document) : words(this.paint));
  }

  line(text: string): Promise<void> {
    return writeAll(process.stdout, `${text}\n`);
  }

  /** Bytes as they are, not even a newline added. */
  bytes(bytes: Uint8Array): Promise<void> {
    return writeAll(process.stdout, bytes);
  }

  /** Something that a person wants to know besides the answer. */
  async say(text: string): Promise<void> {
    if (this.quiet || this.json) return;
    this.#clearProgress();
    await writeAll(process.stderr, `${text}\n`);
  }

  /** Something that a person wants to know who asked for more. */
  async detail(text: string): Promise<void> {
    if (this.verbose) await writeAll(process.stderr, `${this.paintBeside("dim", text)}\n`);
  }

  /** Also with --quiet: what went wrong. */
  async complain(text: string): Promise<void> {
    await writeAll(process.stderr, `${text}\n`);
  }

  /** On a terminal: a line that says what is waited for, from the first second on until it is over. */
  async progress<T>(text: string | (() => string), work: Promise<T>): Promise<T> {
    if (!process.stderr.isTTY || this.quiet || this.json) return work;
    const beganMs = performance.now();
    const timer = setInterval(() => {
      const elapsedMs = performance.now() - beganMs;
      if (elapsedMs < PROGRESS_AFTER_MS) return;
      this.#isProgressShown = true;
      const frame = SPINNER[Math.floor(elapsedMs / PROGRESS_EVERY_MS) % SPINNER.length] ?? "";
      const line = `${this.paintBeside("cyan", frame)} ${typeof text === "string" ? text : text()} ${(elapsedMs / 1000).toFixed(1)} s`;
      process.stderr.write(`${CLEAR_LINE}${line}`);
    }, PROGRESS_EVERY_MS);
    try {
      return await work;
    } finally {
      clearInterval(timer);
      this.#clearProgress();
    }
  }

  #clearProgress(): void {
    if (this.#isProgressShown) process.stderr.write(CLEAR_LINE);
    this.#isProgressShown = false;
  }
}

/** Resolves once all has left this process. A reader that has gone (`graft … | head`) wants no more, and no error. */
function writeAll(stream: NodeJS.WriteStream, data: string | Uint8Array): Promise<void> {
  return new Promise((resolve, reject) => {
    stream.once("error", reject);
    stream.write(data, (error) => {
      stream.removeListener("error", reject);
      if (error === null || error === undefined) resolve();
      else if ("code" in error && error.code === "EPIPE") resolve();
      else reject(error);
    });
  });
}
