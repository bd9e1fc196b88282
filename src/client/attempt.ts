// What does an ending mean for a request: is it over, is it tried again at once, or after a pause? Only what cannot have
// taken effect is ever tried again; everything else is said to be unknown.
import { GraftError } from "../errors.ts";
import type { ClientReply, ErrorReply } from "../ports/requests.ts";
import type { Ending, RequestBody } from "./connection.ts";

export type Verdict =
  | { readonly kind: "answered"; readonly reply: Exclude<ClientReply, ErrorReply> }
  | { readonly kind: "failed"; readonly error: GraftError }
  /** Nothing happened. `leader`: the address to try next, if the node knew one. */
  | { readonly kind: "again"; readonly leader: string | null; readonly error: GraftError };

/** Whether asking twice does the same as asking once. */
const isRepeatable = (body: RequestBody): boolean =>
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

/** A request that was sent and has not been answered when its time is up. */
export function judgeTimeout(body: RequestBody, wasSent: boolean, last: GraftError | null): GraftError {
  if (wasSent && !isRepeatable(body)) return outcomeUnknown("no answer in time");
  const because = last === null ? "no node answered" : last.message;
  return new GraftError("unavailable", `not answered in time: ${because}`, last === null ? {} : { cause: last });
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
    case "outcome-unknown":
      return { kind: "failed", error };
  }
}

function judgeNotTaken(ending: Extract<Ending, { readonly kind: "notTaken" }>): Verdict {
  if (ending.error instanceof GraftError && ending.error.code !== "unavailable") {
    return { kind: "failed", error: ending.error };
  }
  return { kind: "again", leader: null, error: new GraftError("unavailable", ending.reason) };
}

const outcomeUnknown = (reason: string): GraftError =>
  new GraftError(
    "outcome-unknown",
    `${reason}. The command may or may not have taken effect: look before you send it again`,
  );
