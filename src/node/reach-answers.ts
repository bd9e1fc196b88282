// How many attempts to reach a newcomer does this node make for others? Each costs a connection, and a member may ask as often as it
// likes. So attempts are bounded, for each asker and for all, and the same question joins the attempt that is under way. A question
// beyond the bounds waits: a change may add many nodes at once. One whose time is up is not answered: the asker counts this node as
// one that does not know.
import type { MemberKey } from "../core/configuration.ts";
import type { Millis } from "../core/log-position.ts";
import type { Clock } from "../ports/clock.ts";
import type { Reach, ReachRequest } from "../ports/node-messages.ts";
import type { Transport } from "../ports/transport.ts";

/** Questions of one asker, and attempts for all of them, at one time. */
const questionsMax = 4;
const attemptsMax = 16;
/** Questions of one asker that wait. */
const waitingMax = 32;
/** How long one attempt may take, and how long a question counts at the least, ms. */
const attemptMaxMs = 2_000;
const questionMinMs = 250;

interface Question {
  readonly from: MemberKey;
  readonly request: ReachRequest;
  readonly dueMs: Millis;
}

export interface ReachAnswersOptions {
  readonly transport: Pick<Transport, "reach" | "send">;
  readonly clock: Clock;
}

export class ReachAnswers {
  readonly #options: ReachAnswersOptions;
  readonly #attempts = new Map<string, Promise<Reach>>();
  /** How many of each asker are being answered. */
  readonly #questions = new Map<MemberKey, number>();
  /** In the order of arrival. */
  #waiting: readonly Question[] = [];

  constructor(options: ReachAnswersOptions) {
    this.#options = options;
  }

  onRequest(from: MemberKey, request: ReachRequest): void {
    const dueMs = this.#options.clock.nowMs() + Math.min(request.timeoutMs, attemptMaxMs);
    this.#take([...this.#waiting, { from, request, dueMs }]);
  }

  /** Answers the questions for which there is room. The others wait while their time lasts, up to the bound of their asker. */
  #take(questions: readonly Question[]): void {
    const nowMs = this.#options.clock.nowMs();
    const waiting: Question[] = [];
    for (const question of questions.filter(({ dueMs }) => dueMs > nowMs)) {
      if (this.#hasRoomFor(question)) this.#answer(question, question.dueMs - nowMs);
      else if (waiting.filter(({ from }) => from === question.from).length < waitingMax) waiting.push(question);
    }
    this.#waiting = waiting;
  }

  #hasRoomFor({ from, request }: Question): boolean {
    const isNew = !this.#attempts.has(nameOf(request));
    return (this.#questions.get(from) ?? 0) < questionsMax && (!isNew || this.#attempts.size < attemptsMax);
  }

  #answer({ from, request }: Question, timeoutMs: Millis): void {
    const { transport } = this.#options;
    const { id, node, address } = request;
    this.#questions.set(from, (this.#questions.get(from) ?? 0) + 1);
    void this.#attempt(nameOf(request), () => transport.reach(node, address, timeoutMs))
      .then((reach) => transport.send(from, { kind: "reachReply", id, reach }))
      .then(() => this.#pause())
      .then(() => this.#settle(from));
  }

  async #attempt(name: string, begin: () => Promise<Reach>): Promise<Reach> {
    const attempt = this.#attempts.get(name) ?? begin();
    this.#attempts.set(name, attempt);
    const reach = await attempt;
    this.#attempts.delete(name);
    return reach;
  }

  /** An attempt that fails at once is not repeated at once. */
  async #pause(): Promise<void> {
    const { clock } = this.#options;
    await new Promise<void>((resolve) => clock.at(clock.nowMs() + questionMinMs, resolve));
  }

  #settle(from: MemberKey): void {
    const left = (this.#questions.get(from) ?? 1) - 1;
    if (left > 0) this.#questions.set(from, left);
    else this.#questions.delete(from);
    this.#take(this.#waiting);
  }
}

const nameOf = ({ node, address }: ReachRequest): string => `${node} ${address}`;
