// When does a node whose copy is wrong ask the leader where its outcomes first differed, and when does it give up? Its own steps are kept for that,
// since another state may replace the copy before the answer is here. A leader may have forgotten them, and another one may lead soon.
import type { OutcomeSteps } from "../core/copy-word.ts";
import type { LogIndex, Millis } from "../core/log-position.ts";
import type { Difference } from "./judge-copies.ts";
import { firstDifference } from "./known-steps.ts";

/** Between two questions, ms. */
const pauseMs = 1_000;
const questionsMax = 10;

interface Sought {
  readonly difference: Difference;
  readonly own: OutcomeSteps;
  readonly questions: number;
  readonly dueMs: Millis;
}

export class Tracing {
  #sought: Sought | null = null;

  /** The copy is wrong, and has come to these outcomes. */
  begin(difference: Difference, own: OutcomeSteps): void {
    this.#sought = { difference, own, questions: 0, dueMs: Number.NEGATIVE_INFINITY };
  }

  /** Another leader may know more: it is asked at once. */
  onLeader(): void {
    if (this.#sought !== null) this.#sought = { ...this.#sought, dueMs: Number.NEGATIVE_INFINITY };
  }

  /** What the leader is to be asked now; null: nothing. */
  question(nowMs: Millis): Pick<Difference, "after" | "through"> | null {
    const sought = this.#sought;
    if (sought === null || nowMs < sought.dueMs) return null;
    const { difference, questions } = sought;
    this.#sought = questions === questionsMax ? null : { ...sought, questions: questions + 1, dueMs: nowMs + pauseMs };
    if (this.#sought === null) return null;
    return { after: difference.after, through: difference.through };
  }

  /** The first entry whose outcome differs from the leader's; null: these steps do not show it. */
  hear(theirs: OutcomeSteps): LogIndex | null {
    if (this.#sought === null) return null;
    const { own, difference } = this.#sought;
    const found = firstDifference(own, theirs, difference.after);
    if (found !== null) this.#sought = null;
    return found;
  }
}
