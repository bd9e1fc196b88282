// What does an ending mean for a request: is it over, is it tried again at once, or after a pause? Only what cannot have
// taken effect is ever tried again; everything else is said to be unknown.
import { GraftError } from "../errors.ts";
import type { ClientReply, ErrorReply } from "../ports/requests.ts";
import type { Ending, RequestBody } from "./connection.ts";

export type Verdict =
  | { readonly kind: "answered"; readonly reply: Exclude<ClientReply, ErrorReply> }
  | { readonly kind: "failed"; readonly error: GraftError }
  /** Nothing happened. `leader`: the address to try next, if the node knew one. */
  | { readonly kind: "again"; readonly leader: string | null; readonly error: GraftError }
  /** This node and this program do not accept each other. Nothing happened; with another node it may be different. */
  | { readonly kind: "refused"; readonly error: GraftError };

/** Whether asking twice does the same as asking once. */
export const isRepeatable = (body: RequestBody): boolean =>
  body.kind === "query" || body.kind === "status" || body.kind === "configuration" || body.kind === "describe";

export function judge(body: RequestBody, ending: Ending): Verdict {
  switch (ending.kind) {
    case "reply":
      return ending.reply.kind === "error" ? judgeError(ending.reply) : { kind: "answered", reply: ending.reply };
    case "notTaken":
      return judgeNotTaken(ending);
    case "lost":
      return isRepeatable(body)
        ? { kind: "again", leader: null, error: new GraftError("unavailable", ending.reason) }
        : { kind: "failed", error: outcomeUnknown(ending.reason) };
  }
}

/** A request without an answer that is waited for no longer. `reason`: why not. `last`: what its last try met with. */
export function judgeUnanswered(
  body: RequestBody,
  hasLeft: boolean,
  reason: string,
  last: GraftError | null,
): GraftError {
  if (hasLeft && !isRepeatable(body)) return outcomeUnknown(reason);
  const because = last === null ? "no node answered" : last.message;
  return new GraftError("unavailable", `${reason}: ${because}`, last === null ? {} : { cause: last });
}

function judgeError(reply: ErrorReply): Verdict {
  const error = new GraftError(reply.code, reply.message, { leader: reply.leader });
  switch (reply.code) {
    case "not-leader":
      return { kind: "again", leader: reply.leader?.address ?? null, error };
    case "unavailable":
    case "overloaded":
      return { kind: "again", leader: null, error };
    case "rejected":
    case "state-machine":
    case "unauthorized":
    case "session-expired":
    case "outcome-unknown":
      return { kind: "failed", error };
  }
}

/** What is wrong with one node is no reason to give up the others; what is wrong with the request or the settings is. */
function judgeNotTaken({ error, reason }: Extract<Ending, { readonly kind: "notTaken" }>): Verdict {
  if (!(error instanceof GraftError)) {
    return { kind: "again", leader: null, error: new GraftError("unavailable", reason) };
  }
  switch (error.code) {
    case "unavailable":
    case "overloaded":
      return { kind: "again", leader: null, error };
    case "unauthorized":
      return { kind: "refused", error };
    default:
      return { kind: "failed", error };
  }
}

const outcomeUnknown = (reason: string): GraftError =>
  new GraftError(
    "outcome-unknown",
    `${reason}. The command may or may not have taken effect: look before you send it again`,
  );
