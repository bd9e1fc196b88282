// Which outcomes of a command are kept, and which cross over to the node? Only what somebody waits for. How a command comes to its result is
// executor.ts.
import type { SessionOutcome } from "../../core/sessions.ts";
import { type AppliedEntry, type Outcome, type QueryOutcome, skippedMessage } from "../../ports/state-machine.ts";
import { Rejected } from "./api.ts";
import { guarded } from "./determinism-guard.ts";
import type { Encode } from "./handlers.ts";
import { PluginRefusal, RejectedByGraft } from "./refusals.ts";

/** Nothing but a thrown `Rejected` is an answer. */
export function answerOf(run: () => Encode): Encode | Rejected {
  try {
    return run();
  } catch (error) {
    if (error instanceof Rejected) return error;
    throw error;
  }
}

/** Stands in snapshots: the same in every version. It guards a client against its own mistakes, so 53 bits are plenty. */
export const digestOf = (payload: Uint8Array): number => Number(Bun.hash.xxHash3(payload) >> 11n);

export const refusal = (rejected: Rejected): QueryOutcome =>
  rejected instanceof RejectedByGraft
    ? { kind: "rejected", message: rejected.message }
    : new PluginRefusal(rejected.message);

export const skipped = new RejectedByGraft(skippedMessage);

const nothing = new Uint8Array();
export const done: Outcome = { kind: "ok", payload: nothing };
const unheard: Outcome = { kind: "rejected", message: "" };

/** What is encoded for the session or for the hash need not cross over to a node where nobody waits for it. */
export function forWaiter({ kind, isAwaited }: AppliedEntry, outcome: Outcome): Outcome {
  if (isAwaited || kind !== "command") return outcome;
  if (outcome.kind === "ok" || outcome.kind === "unsendable") return done;
  return outcome.kind === "rejected" ? unheard : outcome;
}

export const notOpened = (message: string, untilMs: number | null): Outcome =>
  untilMs === null ? { kind: "rejected", message } : { kind: "full", message, untilMs };

/** Nobody waits. A refusal's text is hashed on every node. */
export const emptied = (result: Encode | Rejected): Outcome => (result instanceof Rejected ? refusal(result) : done);

/**
 * The command took effect everywhere, and only here does somebody want to see the result: what goes wrong with that must not
 * stop this node's state machine, for it would stop no other one.
 */
export function encoded(result: Encode | Rejected): SessionOutcome {
  if (result instanceof Rejected) return refusal(result);
  try {
    return { kind: "ok", payload: guarded("apply", result) };
  } catch (cause) {
    return { kind: "unsendable", message: `the result cannot be sent: ${reasonOf(cause)}` };
  }
}

/** Never a payload: that may be secret. */
export const operationWords = (operation: string | null): string =>
  operation === null ? "" : `, the command ${operation}`;

/** One line: clients read it, and what follows in a message is often source or a stack. The cause has all of it. */
export function reasonOf(cause: unknown): string {
  const told = cause instanceof Error ? `${cause.name}: ${cause.message}` : `it threw ${String(cause)}`;
  return told.split("\n", 1)[0] ?? "";
}
