// How many attempts to reach a newcomer does this node make for others? Each costs a connection, and a member may ask as often as it
// likes. So attempts are bounded, for each asker and for all, and the same question joins the attempt that is under way. A question
// beyond the bounds is not answered: the asker counts this node as one that does not know.
import type { MemberKey } from "../core/configuration.ts";
import type { Clock } from "../ports/clock.ts";
import type { Reach, ReachRequest } from "../ports/node-messages.ts";
import type { Transport } from "../ports/transport.ts";

/** Questions of one asker, and attempts for all of them, at one time. */
const questionsMax = 4;
const attemptsMax = 16;
/** How long one attempt may take, and how long a question counts at the least, ms. */
const attemptMaxMs = 2_000;
const questionMinMs = 250;

export interface ReachAnswersOptions {
  readonly transport: Pick<Transport, "reach" | "send">;
  readonly clock: Clock;
}

export class ReachAnswers {
  readonly #options: ReachAnswersOptions;
  readonly #attempts = new Map<string, Promise<Reach>>();
  readonly #questions = new Map<MemberKey, number>();

  constructor(options: ReachAnswersOptions) {
    this.#options = options;
  }

  onRequest(from: MemberKey, { id, node, address, timeoutMs }: ReachRequest): void {
    const { transport } = this.#options;
    const name = `${node} ${address}`;
    const asked = this.#questions.get(from) ?? 0;
    const isNew = !this.#attempts.has(name);
    if (asked >= questionsMax || (isNew && this.#attempts.size >= attemptsMax)) return;
    this.#questions.set(from, asked + 1);
    void this.#attempt(name, () => transport.reach(node, address, Math.min(timeoutMs, attemptMaxMs)))
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
  }
}
