// What does an ending mean for a request: is it over, is it tried again at once, or after a pause? A command is tried again when
// it cannot have taken effect, or when it is of a session, where it has its effect once however often it is sent. What became of
// everything else is said to be unknown.
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

/** Whether it leaves the state as it is: one that was not answered can be said not to have happened. */
function changesNothing({ kind }: RequestBody): boolean {
  switch (kind) {
    case "query":
    case "status":
    case "configuration":
    case "describe":
    case "backup":
    case "readBackup":
    // A session that was opened and not heard of ends unused.
    case "openSession":
    case "closeSession":
      return true;
    case "command":
    case "transferLeadership":
    case "changeMembership":
    case "stop":
      return false;
  }
}

/** Whether asking twice does the same as asking once. */
export const isRepeatable = (body: RequestBody): boolean =>
  body.kind === "command" ? body.session !== null : changesNothing(body);

/** Whether a request that ended so may have been taken all the same. */
export const inDoubt = (ending: Ending): boolean =>
  ending.kind === "lost" ||
  (ending.kind === "reply" && ending.reply.kind === "error" && ending.reply.code === "outcome-unknown");

/** What a failure means for a request of which another copy may have been taken before: of that one it may say nothing. */
export function judgeFailure(body: RequestBody, isInDoubt: boolean, error: GraftError): GraftError {
  if (!isInDoubt || changesNothing(body)) return error;
  const sentBefore = "the command was sent before and its answer was lost";
  if (error.code === "session-expired") return outcomeUnknown(`${sentBefore}; its session has ended since`);
  return error.code === "unauthorized" ? outcomeUnknown(`${sentBefore}; now: ${error.message}`) : error;
}

export function judge(body: RequestBody, ending: Ending): Verdict {
  switch (ending.kind) {
    case "reply":
      return ending.reply.kind === "error" ? judgeError(body, ending.reply) : { kind: "answered", reply: ending.reply };
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
  isInDoubt: boolean,
  reason: string,
  last: GraftError | null,
): GraftError {
  const because = last === null ? "no node answered" : last.message;
  if (isInDoubt && !changesNothing(body)) return outcomeUnknown(last === null ? reason : `${reason}: ${because}`);
  return new GraftError("unavailable", `${reason}: ${because}`, last === null ? {} : { cause: last });
}

function judgeError(body: RequestBody, reply: ErrorReply): Verdict {
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
      return { kind: "failed", error };
    case "outcome-unknown":
      return isRepeatable(body) ? { kind: "again", leader: null, error } : { kind: "failed", error };
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
