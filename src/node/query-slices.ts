// How do queries reach the state machine? A slice at a time: while one is with the state machine, no further one is handed over,
// so that commands wait for no more than that. What a slice did not get to comes again in its turn, and what each query cost is
// charged to its client (fair-queue.ts).
import type { LogIndex } from "../core/log-position.ts";
import type { Clock } from "../ports/clock.ts";
import type { Answer, StateMachine } from "../ports/state-machine.ts";
import { answer, queryFailed, stateMachineStopped } from "./answers.ts";
import type { UnderWay } from "./under-way.ts";
import type { ReplyError } from "./waiting-clients.ts";
import type { DueQuery, WaitingReads } from "./waiting-reads.ts";

export interface QuerySlicesOptions {
  readonly stateMachine: Pick<StateMachine, "query">;
  readonly reads: Pick<WaitingReads, "take" | "charge" | "drop" | "giveBack">;
  readonly clock: Pick<Clock, "nowMs">;
  readonly underWay: UnderWay;
}

const nothing = new Uint8Array();

/** Each query, however far the state must have come for it. */
export const anyIndex = Number.MAX_SAFE_INTEGER;

export class QuerySlices {
  readonly #options: QuerySlicesOptions;
  #isUnderWay = false;
  /** The clients of the slice that was put last, query by query. */
  #names: readonly string[] = [];

  constructor(options: QuerySlicesOptions) {
    this.#options = options;
  }

  /** The name of the client that asked the query at this place of the slice that is under way. */
  askerOf(nth: number): string | null {
    return this.#names[nth] ?? null;
  }

  /** Puts the next slice, if there is one, to a state machine that has been handed everything through `through`. */
  ask(through: LogIndex): void {
    if (this.#isUnderWay) return;
    const { reads, clock, stateMachine, underWay } = this.#options;
    const queries = reads.take(through, clock.nowMs()).filter((query) => this.#isQuery(query));
    if (queries.length === 0) return;
    const slice = { waiters: queries.map(({ waiter }) => waiter) };
    underWay.add(slice);
    this.#isUnderWay = true;
    this.#names = queries.map(({ waiter }) => waiter.from.name);
    const over = (conclude: () => void): void =>
      underWay.settle(slice, () => {
        conclude();
        this.#isUnderWay = false;
      });
    stateMachine.query(queries.map(({ waiter }) => waiter.payload)).then(
      (answers) => over(() => this.#onAnswers(queries, answers)),
      (error: Error) => over(() => this.#refuse(queries, queryFailed(error))),
    );
  }

  /** Once the state machine stands still, each query that is due is told so. */
  refuse(through: LogIndex, failure: Error): void {
    const { reads, clock } = this.#options;
    for (;;) {
      const queries = reads.take(through, clock.nowMs());
      if (queries.length === 0) return;
      this.#refuse(queries, stateMachineStopped(failure));
    }
  }

  /** Who waits for the state to get so far, and for nothing more, has what it waits for. */
  #isQuery(due: DueQuery): boolean {
    if (due.waiter.kind === "query") return true;
    this.#options.reads.drop(due);
    due.waiter.succeed(nothing, due.position, null);
    return false;
  }

  #onAnswers(queries: readonly DueQuery[], answers: readonly Answer[]): void {
    if (answers.length === 0 || answers.length > queries.length) {
      throw new Error(`${queries.length} queries asked, but ${answers.length} answers`);
    }
    const { reads } = this.#options;
    answers.forEach(({ outcome, elapsedMs }, nth) => {
      const query = queries[nth]!;
      const { waiter, position, stalenessMs } = query;
      reads.charge(query, elapsedMs, outcome.kind === "ok" ? outcome.payload.byteLength : 0);
      // A query that fails leaves the state as it was: only its client is told.
      if (outcome.kind === "failed") waiter.fail(queryFailed(outcome.error));
      else answer(waiter, outcome, position, stalenessMs);
    });
    reads.giveBack(queries.slice(answers.length));
  }

  #refuse(queries: readonly DueQuery[], error: ReplyError): void {
    for (const query of queries) {
      this.#options.reads.drop(query);
      query.waiter.fail(error);
    }
  }
}
