// The operational failures of Graft: one class, one union of codes. A protocol outcome is a value and not an error;
// a broken invariant is an Error of its own kind and stops the node.

/**
 * What a client or an operator may conclude:
 * - `not-leader`       this node does not lead; nothing happened; ask the leader
 * - `unavailable`      no leader, no quorum or no connection; nothing happened
 * - `overloaded`       refused because queues are full; nothing happened; try later
 * - `rejected`         the request itself is wrong; nothing happened; fix it
 * - `state-machine`    the state machine cannot go on
 * - `unauthorized`     this identity may not do that
 * - `session-expired`  the session is gone: this copy of the command did nothing; whether an earlier one had is not known
 * - `outcome-unknown`  the command may or may not have taken effect: the only code that leaves this in doubt
 */
export type ErrorCode =
  | "not-leader"
  | "unavailable"
  | "overloaded"
  | "rejected"
  | "state-machine"
  | "unauthorized"
  | "session-expired"
  | "outcome-unknown"
  /** Local failures, which never cross the wire: */
  | "config"
  | "plugin"
  | "storage"
  | "usage";

export interface ErrorDetails {
  readonly cause?: unknown;
  /** With `not-leader`: who leads, if known. */
  readonly leader?: { readonly id: string; readonly address: string } | null;
}

/** An operational failure: turned into a reply or an exit code once, at the edge. */
export class GraftError extends Error {
  readonly code: ErrorCode;
  readonly leader: { readonly id: string; readonly address: string } | null;

  constructor(code: ErrorCode, message: string, details: ErrorDetails = {}) {
    super(message, details.cause === undefined ? undefined : { cause: details.cause });
    this.name = "GraftError";
    this.code = code;
    this.leader = details.leader ?? null;
  }
}
