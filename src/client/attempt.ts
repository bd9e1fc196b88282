// What does an ending mean for a request: is it over, is it tried again at once, or after a pause? A command is tried again when
// it cannot have taken effect, or when it is of a session, where it has its effect once however often it is sent. What became of
// everything else is said to be unknown.
import { effectOf, GraftError, type Subject } from "../errors.ts";
import type { ClientReply, ErrorReply, LeaderHint } from "../ports/requests.ts";
import type { Ending, RequestBody } from "./connection.ts";

export type Verdict =
  | { readonly kind: "answered"; readonly reply: Exclude<ClientReply, ErrorReply> }
  | { readonly kind: "failed"; readonly error: GraftError }
  /** Nothing happened. `leaders`: the addresses to try next, the likeliest first. */
  | { readonly kind: "again"; readonly leaders: readonly string[]; readonly error: GraftError }
  /** This node and this program do not accept each other. Nothing happened; with another node it may be different. */
  | { readonly kind: "refused"; readonly error: GraftError };

/** What its errors are about. */
export function subjectOf(body: RequestBody): Subject {
  switch (body.kind) {
    case "command":
    case "query":
    case "stop":
    case "backup":
      return body.kind;
    case "readBackup":
      return "backup";
    case "status":
    case "configuration":
    case "describe":
      return "inspection";
    // A session that was opened and not heard of ends unused.
    case "openSession":
    case "closeSession":
      return "preparation";
    case "transferLeadership":
      return "transfer";
    case "changeMembership":
      return body.dryRun ? "inspection" : "change";
    case "rollOut":
      return body.dryRun ? "inspection" : "rollOut";
    case "skip":
      return body.dryRun ? "inspection" : "skip";
  }
}

/** Whether it leaves the state as it is, even when its answer is lost. */
const changesNothing = (body: RequestBody): boolean => effectOf("outcome-unknown", subjectOf(body)) === "none";

/** Whether asking twice does the same as asking once. */
export function isRepeatable(body: RequestBody): boolean {
  switch (body.kind) {
    case "command":
      return body.session !== null;
    // A node that leads already has nothing to do.
    case "transferLeadership":
      return body.to !== null;
    // A version that is active already stays so, and so does an entry that is skipped.
    case "rollOut":
    case "skip":
      return true;
    default:
      return changesNothing(body);
  }
}

/** Whether a request that ended so may have been taken all the same. */
export const inDoubt = (ending: Ending): boolean =>
  ending.kind === "lost" ||
  (ending.kind === "reply" && ending.reply.kind === "error" && ending.reply.code === "outcome-unknown");

/** A copy of a request may have been taken. `error`: how it ended; null: nothing has been heard of it. */
export interface Doubt {
  readonly error: GraftError | null;
}

/** Of two copies in doubt the one is told whose node has said what happened. */
export const graverDoubt = (earlier: Doubt | null, later: Doubt): Doubt =>
  isToldByNode(earlier) && !isToldByNode(later) ? earlier : later;

const isToldByNode = (doubt: Doubt | null): doubt is { readonly error: GraftError } =>
  doubt?.error?.code === "outcome-unknown";

function wordsOf(doubt: Doubt): string {
  if (isToldByNode(doubt)) return doubt.error.message;
  return `one copy was sent and ${doubt.error === null ? "is not answered" : "its answer was lost"}`;
}

/**
 * What a failure means for a request of which another copy may have been taken before: that this copy had no effect says
 * nothing of the other one. Only a refusal by the state machine does: the cluster remembers it for every copy of the session.
 */
export function judgeFailure(body: RequestBody, doubt: Doubt | null, error: GraftError): GraftError {
  if (doubt === null || error.about(subjectOf(body)).effect !== "none" || changesNothing(body)) return error;
  if (body.kind === "command" && error.code === "rejected") return error;
  return outcomeUnknown(`${wordsOf(doubt)}; another copy: ${error.message}`, error);
}

export function judge(body: RequestBody, ending: Ending): Verdict {
  switch (ending.kind) {
    case "reply":
      return ending.reply.kind === "error" ? judgeError(body, ending.reply) : { kind: "answered", reply: ending.reply };
    case "notTaken":
      return judgeNotTaken(ending);
    case "lost":
      return isRepeatable(body)
        ? { kind: "again", leaders: [], error: new GraftError("unavailable", ending.reason) }
        : { kind: "failed", error: outcomeUnknown(ending.reason) };
  }
}

/** A request without an answer that is waited for no longer. `reason`: why not. `last`: what its last try met with. */
export function judgeUnanswered(
  body: RequestBody,
  doubt: Doubt | null,
  reason: string,
  last: GraftError | null,
): GraftError {
  if (doubt !== null && !changesNothing(body)) return outcomeUnknown(unansweredInDoubt(doubt, reason, last));
  const because = last === null ? "no node answered" : last.message;
  return new GraftError("unavailable", `${reason}: ${because}`, last === null ? {} : { cause: last });
}

/** What another copy was refused for does not say what became of the copy in doubt. */
function unansweredInDoubt(doubt: Doubt, reason: string, last: GraftError | null): string {
  if (doubt.error !== null && (isToldByNode(doubt) || last === doubt.error)) return `${reason}: ${doubt.error.message}`;
  return last === null ? reason : `${reason}: ${wordsOf(doubt)}; another copy: ${last.message}`;
}

function judgeError(body: RequestBody, reply: ErrorReply): Verdict {
  const error = new GraftError(reply.code, reply.message, { leader: reply.leader });
  switch (reply.code) {
    case "not-leader":
      return { kind: "again", leaders: addressesOf(reply.leader), error };
    case "unavailable":
    case "overloaded":
      return { kind: "again", leaders: [], error };
    case "rejected":
    case "state-machine":
    case "unauthorized":
    case "session-expired":
    case "query-failed":
    case "backup-failed":
    case "result-lost":
    case "apply-failed":
      return { kind: "failed", error };
    case "outcome-unknown":
      return isRepeatable(body) ? { kind: "again", leaders: [], error } : { kind: "failed", error };
  }
}

/** What is wrong with one node is no reason to give up the others; what is wrong with the request or the settings is. */
function judgeNotTaken({ error, reason }: Extract<Ending, { readonly kind: "notTaken" }>): Verdict {
  if (!(error instanceof GraftError)) {
    return { kind: "again", leaders: [], error: new GraftError("unavailable", reason) };
  }
  switch (error.code) {
    case "unavailable":
    case "overloaded":
      return { kind: "again", leaders: [], error };
    case "unauthorized":
    case "wrong-cluster":
      return { kind: "refused", error };
    default:
      return { kind: "failed", error };
  }
}

/** Where a leader is found: where the configuration has it, else where it says itself. */
export const addressesOf = (leader: LeaderHint | null): readonly string[] =>
  leader === null ? [] : [leader.address, ...(leader.announced === undefined ? [] : [leader.announced])];

const outcomeUnknown = (message: string, cause?: GraftError): GraftError =>
  new GraftError("outcome-unknown", message, cause === undefined ? {} : { cause });
