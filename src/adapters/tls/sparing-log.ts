// How is a stranger kept from filling the log? Lines that anyone on the network can provoke are limited to a few per
// second; the next one says how many were left out.
import type { Clock } from "../../ports/clock.ts";
import type { LogFields, Logger } from "../../ports/logger.ts";

const linesPerSecondMax = 10;

export class SparingLog {
  readonly #logger: Logger;
  readonly #clock: Clock;
  #secondEndsAtMs = 0;
  #lines = 0;
  #leftOut = 0;

  constructor(logger: Logger, clock: Clock) {
    this.#logger = logger;
    this.#clock = clock;
  }

  warn(message: string, fields: LogFields): void {
    const now = this.#clock.nowMs();
    if (now >= this.#secondEndsAtMs) {
      this.#secondEndsAtMs = now + 1_000;
      this.#lines = 0;
    }
    if (this.#lines >= linesPerSecondMax) {
      this.#leftOut += 1;
      return;
    }
    this.#lines += 1;
    this.#logger.log("warn", message, this.#leftOut === 0 ? fields : { ...fields, leftOut: this.#leftOut });
    this.#leftOut = 0;
  }
}
