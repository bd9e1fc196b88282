// What arrives on a connection for bulk, taken out one by one by whoever waits for it.
import type { Millis } from "../core/log-position.ts";
import type { BulkMessage } from "../ports/bulk-messages.ts";
import type { Clock } from "../ports/clock.ts";
import type { BulkLink } from "../ports/transport.ts";

/** Without a message for so long the connection counts as lost. */
const silenceMaxMs: Millis = 10_000;

export class BulkInbox {
  readonly #clock: Clock;
  readonly #arrived: BulkMessage[] = [];
  #closed: string | null = null;
  #wake: (() => void) | null = null;

  /** To be made in the turn in which the link was received. */
  constructor(link: BulkLink, clock: Clock) {
    this.#clock = clock;
    link.onMessage = (message) => {
      this.#arrived.push(message);
      this.#wake?.();
    };
    link.onClose = (reason) => {
      this.#closed = reason;
      this.#wake?.();
    };
  }

  /** The next message. Rejects when the connection is closed, or says nothing for ten seconds. */
  async next(): Promise<BulkMessage> {
    const untilMs = this.#clock.nowMs() + silenceMaxMs;
    for (;;) {
      const message = this.#arrived.shift();
      if (message !== undefined) return message;
      if (this.#closed !== null) throw new Error(`the connection was closed: ${this.#closed}`);
      if (this.#clock.nowMs() >= untilMs) throw new Error(`nothing came for ${silenceMaxMs} ms`);
      await this.#somethingOr(untilMs);
    }
  }

  async #somethingOr(untilMs: Millis): Promise<void> {
    const { promise, resolve } = Promise.withResolvers<void>();
    const timer = this.#clock.at(untilMs, resolve);
    this.#wake = resolve;
    await promise;
    this.#wake = null;
    timer.cancel();
  }
}
