// What is with the state machine just now, and which clients wait for it? Runs of entries and slices of queries are added here
// when they are handed over, and removed when the state machine is done with them. Once the node ends, no answer is heard any more.
import type { Millis } from "../core/log-position.ts";
import type { Endless } from "./endless-work.ts";
import { because, giveUp, isRead, late, notAnswered, type Waiter } from "./waiting-clients.ts";

/** A run of entries or a slice of queries. */
export interface Work {
  /** The client that waits for each outcome; null: none does, or it has been answered. */
  readonly waiters: readonly (Waiter | null)[];
}

export interface UnderWayHandlers {
  /** The state machine is done with a run or a slice: there is room for another. */
  readonly done: () => void;
  /** Answers have been given: let them leave. */
  readonly answered: () => void;
  /** An answer broke the contract, or reading the log failed: the node cannot continue. */
  readonly failed: (error: unknown) => void;
}

export class UnderWay {
  readonly #handlers: UnderWayHandlers;
  readonly #all = new Set<Work>();

  constructor(handlers: UnderWayHandlers) {
    this.#handlers = handlers;
  }

  get isEmpty(): boolean {
    return this.#all.size === 0;
  }

  add(work: Work): void {
    this.#all.add(work);
  }

  /** The state machine is done with it. `conclude` says what came of it. */
  settle(work: Work, conclude: () => void): void {
    this.hear(work, () => {
      conclude();
      this.#all.delete(work);
      this.#handlers.done();
    });
  }

  /** The state machine has answered a part of it, or all. Nothing is heard of work that has been abandoned. */
  hear(work: Work, act: () => void): void {
    if (!this.#all.has(work)) return;
    try {
      act();
      this.#handlers.answered();
    } catch (error) {
      this.#handlers.failed(error);
    }
  }

  /** The node ends. Clients are not left to believe that the node never took their requests. */
  abandon(reason: string): void {
    const unanswered = [...this.#all].flatMap(({ waiters }) => waiters);
    this.#all.clear();
    for (const waiter of unanswered) if (waiter !== null) giveUp(waiter, reason);
  }

  /** Nothing of what comes back is to be shown. What is in the log may take effect on other nodes. Later answers of these waiters are not heard. */
  refuse(message: string): void {
    for (const { waiters } of this.#all) {
      for (const waiter of waiters) if (waiter !== null) giveUp(waiter, message);
    }
  }

  /** Fails waiters whose deadline has passed. The state machine may hang. */
  expire(nowMs: Millis, hangs: Endless | null): void {
    const message = because("not answered in time", hangs);
    for (const { waiters } of this.#all) {
      for (const waiter of waiters) {
        if (waiter === null || waiter.dueMs > nowMs) continue;
        if (!isRead(waiter)) waiter.fail(late(waiter, true, hangs));
        // The query that hangs is among these: its client must not ask the next node.
        else if (hangs?.isQuery === true) waiter.fail({ code: "query-failed", message, leader: null });
        else waiter.fail(notAnswered(message));
      }
    }
  }
}
