// Does a node fill its log? No message may be written again and again, as one would that is written for each frame or each tick. A
// line with a cause is held back as in the process.
import { HeldLines } from "../adapters/consola/held-lines.ts";
import type { LogFields, LogLevel, Logger } from "../ports/logger.ts";

/** How often one message may be written within a second. Nodes that take a snapshot every few entries write it most often. */
const linesMax = 150;
const windowMs = 1000;

export interface LogLineOptions {
  /** Of the world: the node's own clock may run fast. */
  readonly nowMs: () => number;
  readonly flooded: (message: string) => void;
}

/** The log of one life of a node. */
export class LogLines {
  readonly #options: LogLineOptions;
  readonly #held: HeldLines;
  /** When the last lines of a message were written, oldest first. */
  readonly #times = new Map<string, number[]>();

  constructor(options: LogLineOptions) {
    this.#options = options;
    this.#held = new HeldLines((_, message) => this.#written(message), options.nowMs);
  }

  log(level: LogLevel, message: string, fields: LogFields, cause?: string): void {
    if (level === "trace" || level === "debug") return;
    if (cause === undefined) this.#written(message);
    else this.#held.log(cause, level, message, fields);
  }

  #written(message: string): void {
    const nowMs = this.#options.nowMs();
    const times = this.#times.get(message) ?? [];
    this.#times.set(message, times);
    times.push(nowMs);
    if (times.length <= linesMax) return;
    if (nowMs - times.shift()! < windowMs) this.#options.flooded(message);
  }
}

interface LoggerOptions extends LogLineOptions {
  /** Each line, also one that is held back. */
  readonly written: (level: LogLevel, message: string, fields: LogFields) => void;
}

export function loggerOf({ written, ...options }: LoggerOptions): Logger {
  const lines = new LogLines(options);
  const log: Logger["log"] = (level, message, fields = {}, cause) => {
    written(level, message, fields);
    lines.log(level, message, fields, cause);
  };
  return { enabled: (level) => level !== "trace", log };
}
