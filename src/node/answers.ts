// What does the one who waits for an entry, or for the answer to a query, get to hear? The state machine's outcome, or in which
// way it has failed. What each code means is errors.ts.
import { standstillWords } from "./active-version.ts";
import type { LogPosition } from "../core/log-position.ts";
import { GraftError } from "../errors.ts";
import type { ClientReply } from "../ports/requests.ts";
import type { Outcome } from "../ports/state-machine.ts";
import { CopyDistrusted } from "./own-copy.ts";
import type { ReplyError, Waiter } from "./waiting-clients.ts";

/** An entry that was given up on may still be applied: whoever asked for it has heard the truth by then, and hears nothing more. */
export function firstAnswer(send: (answer: ClientReply) => void): (answer: ClientReply) => void {
  let isAnswered = false;
  return (reply) => {
    if (!isAnswered) send(reply);
    isAnswered = true;
  };
}

export function answer(
  waiter: Waiter,
  outcome: Outcome,
  { index, term }: LogPosition,
  stalenessMs: number | null = null,
): void {
  if (outcome.kind === "ok") waiter.succeed(outcome.payload, { index, term }, stalenessMs);
  else waiter.fail(refusalOf(waiter, outcome));
}

function refusalOf(waiter: Waiter, outcome: Exclude<Outcome, { readonly kind: "ok" }>): ReplyError {
  switch (outcome.kind) {
    case "rejected":
      // There may be room for another session later; what is wrong with a command stays wrong.
      if (waiter.kind === "openSession") return notOpened(outcome.message);
      return { code: "rejected", message: outcome.message, leader: null };
    case "full":
      return notOpened(outcome.message);
    case "unsendable":
      return { code: "result-lost", message: outcome.message, leader: null };
    case "expired":
      return { code: "session-expired", message: expiredMessage, leader: null };
    case "forgotten":
      return { code: "outcome-unknown", message: forgottenMessage, leader: null };
  }
}

export const notOpened = (why: string): ReplyError => ({
  code: "overloaded",
  message: `no session was opened: ${why}`,
  leader: null,
});

const expiredMessage = "the session of the command has ended";
const forgottenMessage = "the client has said that it waits for this command no longer, so its outcome is not kept";

/** Either this query failed alone, or the state machine has stopped with the query in its queue. */
export function queryFailed(error: Error): ReplyError {
  if (!(error instanceof GraftError) || error.code !== "query-failed") return stateMachineStopped(error);
  return { code: error.code, message: error.message, leader: null };
}

/** A query is not put to a state machine that has stopped. */
export function stateMachineStopped(error: Error): ReplyError {
  const message = `the state machine of this node ${standstillWords(error)}`;
  // The other nodes are right, and one of them is about to lead.
  const isWrongAlone = error instanceof CopyDistrusted && error.isAlone;
  return { code: isWrongAlone ? "unavailable" : "state-machine", message, leader: null };
}
