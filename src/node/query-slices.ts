// How do queries reach the state machine? A slice at a time: while one is with the state machine, no further one is handed over,
// so that commands wait for no more than that. What a slice did not get to comes again in its turn, and what each query cost is
// charged to its client (fair-queue.ts).
import type { LogIndex, Millis } from "../core/log-position.ts";
import type { Answer, StateMachine } from "../ports/state-machine.ts";
import { answer, queryFailed, stateMachineStopped } from "./answers.ts";
import type { ReplyError, Waiter } from "./waiting-clients.ts";
import type { DueQuery, WaitingReads } from "./waiting-reads.ts";

export interface QuerySlicesOptions {
  readonly stateMachine: Pick<StateMachine, "query">;
  readonly reads: Pick<WaitingReads, "take" | "charge" | "drop" | "giveBack">;
  readonly nowMs: () => Millis;
  /** The slice is over. Whether `conclude` is called, and what becomes of its errors, is for the owner to say. */
  readonly settle: (slice: Slice, conclude: () => void) => void;
}

/** Queries that are with the state machine. */
export interface Slice {
  readonly waiters: readonly Waiter[];
}

const nothing = new Uint8Array();

export class QuerySlices {
  readonly #options: QuerySlicesOptions;
  #isUnderWay = false;
  /** The clients of the slice that was put last, query by query. */
  #names: readonly string[] = [];

  constructor(options: QuerySlicesOptions) {
    this.#options = options;
  }

  get isUnderWay(): boolean {
    return this.#isUnderWay;
  }

  /** The name of the client that asked the query at this place of the slice that is under way. */
  askerOf(nth: number): string | null {
    return this.#names[nth] ?? null;
  }

  /** Puts the next slice to a state machine that has been handed everything through `through`. Null: there is none to put. */
  ask(through: LogIndex): Slice | null {
    if (this.#isUnderWay) return null;
    const { reads, nowMs, stateMachine, settle } = this.#options;
    const queries = reads.take(through, nowMs()).filter((query) => this.#isQuery(query));
    if (queries.length === 0) return null;
    const slice = { waiters: queries.map(({ waiter }) => waiter) };
    this.#isUnderWay = true;
    this.#names = queries.map(({ waiter }) => waiter.from.name);
    const over = (conclude: () => void): void =>
      settle(slice, () => {
        conclude();
        this.#isUnderWay = false;
      });
    stateMachine.query(queries.map(({ waiter }) => waiter.payload)).then(
      (answers) => over(() => this.#onAnswers(queries, answers)),
      (error: Error) => over(() => this.#refuse(queries, queryFailed(error))),
    );
    return slice;
  }

  /** Once the state machine stands still, each query that is due is told so. */
  refuse(through: LogIndex, failure: Error): void {
    const { reads, nowMs } = this.#options;
    for (;;) {
      const queries = reads.take(through, nowMs());
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
