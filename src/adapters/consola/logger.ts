// Where do log lines go? To standard error and nowhere else: standard output belongs to answers. consola decides which
// levels are shown, line-format.ts what a line looks like, line-sink.ts that writing one never blocks, and held-lines.ts that no
// stranger fills the log.
import { type ConsolaInstance, type ConsolaReporter, createConsola, LogLevels } from "consola/core";
import type { LogFields, Logger, LogLevel } from "../../ports/logger.ts";
import { HeldLines, type WriteLine } from "./held-lines.ts";
import { formatJson, formatPretty, type LogLine } from "./line-format.ts";
import { LineSink } from "./line-sink.ts";

export interface LoggerOptions {
  readonly level: LogLevel;
  readonly format: "pretty" | "json";
  /** Default: whether standard error is a terminal and NO_COLOR is not set. Only `pretty` looks different on one. */
  readonly onTerminal?: boolean;
  /** Default: standard error. */
  readonly fileDescriptor?: number;
  /** Lines waiting for a slow reader, in bytes. Default 1 MiB. */
  readonly queueBytesMax?: number;
  /** Monotonic. Default: the system's. */
  readonly nowMs?: () => number;
}

const STANDARD_ERROR = 2;
const QUEUE_BYTES_MAX = 1024 * 1024;

export class ConsolaLogger implements Logger {
  readonly #format: (line: LogLine) => string;
  readonly #consola: ConsolaInstance;
  readonly #sink: LineSink;
  readonly #held: HeldLines;

  constructor(options: LoggerOptions) {
    const onTerminal = options.onTerminal ?? (process.stderr.isTTY && !process.env["NO_COLOR"]);
    const format = (line: LogLine): string =>
      options.format === "json" ? formatJson(line) : formatPretty(line, onTerminal);
    this.#format = format;
    this.#sink = new LineSink({
      fileDescriptor: options.fileDescriptor ?? STANDARD_ERROR,
      queueBytesMax: options.queueBytesMax ?? QUEUE_BYTES_MAX,
      describeDropped: (lines) =>
        format({
          time: new Date(),
          level: "warn",
          message: "log lines dropped: their reader was too slow",
          fields: { lines },
        }),
    });
    this.#consola = createConsola({
      level: LogLevels[options.level],
      // Held-back repetitions would come after what they precede, or never when the process exits.
      throttle: Number.NEGATIVE_INFINITY,
      reporters: [reporter((line) => this.#sink.write(format(line)))],
    });
    const write: WriteLine = (level, message, fields) => this.#consola[level](message, fields);
    this.#held = new HeldLines(write, options.nowMs ?? (() => performance.now()));
  }

  log(level: LogLevel, message: string, fields: LogFields = {}, cause?: string): void {
    if (!this.enabled(level)) return;
    if (cause !== undefined) return this.#held.log(cause, level, message, fields);
    this.#held.sweep();
    this.#consola[level](message, fields);
  }

  enabled(level: LogLevel): boolean {
    return LogLevels[level] <= this.#consola.level;
  }

  /** To be awaited before the process exits: resolves once every line is out, at the latest after `graceMs`. */
  flush(graceMs: number): Promise<void> {
    this.#held.flush();
    return this.#sink.flush(graceMs);
  }

  /** The last lines of a process that ends at once, as errors. Returns when all is out, or after `graceMs`. */
  logLast(messages: readonly string[], graceMs: number): void {
    this.#held.flush();
    const time = new Date();
    const lines = messages.map((message) => this.#format({ time, level: "error", message, fields: {} }));
    this.#sink.writeLast(lines.join("\n"), graceMs);
  }
}

/** consola hands over what `log` was called with: the message, then the fields. */
function reporter(write: (line: LogLine) => void): ConsolaReporter {
  return {
    log({ date, type, args }) {
      const [message, fields] = args as [string, LogFields];
      write({ time: date, level: type as LogLevel, message, fields });
    },
  };
}
