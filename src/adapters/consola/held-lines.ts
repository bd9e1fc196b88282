// How is a stranger kept from filling the log? A line that another node or a client can provoke has a cause. The first line of a cause
// is written at once. Those that follow within a minute are counted; the next one, or the end of the minute, says how many there were.
import type { LogFields, LogLevel } from "../../ports/logger.ts";

/** For how long lines of one cause are only counted, ms. */
const holdMs = 60_000;
/** Causes that are kept; beyond, the oldest is forgotten with its count told. */
const causesMax = 256;

interface Held {
  readonly level: LogLevel;
  readonly message: string;
  fields: LogFields;
  untilMs: number;
  count: number;
}

export type WriteLine = (level: LogLevel, message: string, fields: LogFields) => void;

export class HeldLines {
  readonly #write: WriteLine;
  readonly #nowMs: () => number;
  /** By cause, the oldest first. */
  readonly #held = new Map<string, Held>();

  /** `nowMs` is monotonic. */
  constructor(write: WriteLine, nowMs: () => number) {
    this.#write = write;
    this.#nowMs = nowMs;
  }

  log(cause: string, level: LogLevel, message: string, fields: LogFields): void {
    this.sweep();
    const held = this.#held.get(cause);
    if (held !== undefined) {
      held.count += 1;
      held.fields = fields;
      return;
    }
    const [oldest] = this.#held;
    if (this.#held.size >= causesMax && oldest !== undefined) this.#release(...oldest);
    this.#held.set(cause, { level, message, fields, untilMs: this.#nowMs() + holdMs, count: 0 });
    this.#write(level, message, fields);
  }

  /** Writes the counts of causes whose minute is over. To be called now and then. */
  sweep(): void {
    const nowMs = this.#nowMs();
    for (const [cause, held] of this.#held) {
      if (held.untilMs > nowMs) return;
      this.#release(cause, held);
    }
  }

  /** Writes every count. */
  flush(): void {
    for (const [cause, held] of this.#held) this.#release(cause, held);
  }

  #release(cause: string, { level, message, fields, count }: Held): void {
    this.#held.delete(cause);
    if (count > 0) this.#write(level, message, { ...fields, times: count });
  }
}
