// The state machine as the node sees it: asynchronous and batched, wherever it lives.
import type { LogIndex, Term } from "../core/log-position.ts";

/** One committed command. */
export interface AppliedCommand {
  readonly index: LogIndex;
  readonly term: Term;
  /** Replicated time, ms since 1970: the same on every node, never going back. */
  readonly timeMs: number;
  readonly payload: Uint8Array;
  /** Whether somebody waits for the result. No part of the command: it differs from node to node and at a replay. */
  readonly isAwaited: boolean;
}

export type Outcome =
  | { readonly kind: "ok"; readonly payload: Uint8Array }
  /** The plugin threw `Rejected`, or the input did not fit its schema: an answer, the same on every node. */
  | { readonly kind: "rejected"; readonly message: string };

export interface StateMachineDescription {
  readonly name: string;
  readonly version: string;
  readonly style: "typed" | "raw";
  readonly commands: readonly string[];
  readonly queries: readonly string[];
}

/**
 * An adapter MUST:
 * - apply runs in the order of the calls, each entry exactly once, and never decide an outcome by time;
 * - answer a query from a state that includes every run handed over before it;
 * - encode and hand back only results that are awaited: any other outcome keeps its kind, and is empty. The state comes out the
 *   same either way, and a follower or a replay does not pay for answers that nobody reads;
 * - answer `rejected` where an awaited result cannot be encoded, and go on: the command took effect, as it did on the nodes
 *   where nobody asked for its result;
 * - reject the promise (`GraftError("state-machine")`, naming the entry) and every later one when a command of the plugin
 *   throws anything but `Rejected`, or its worker dies: no entry is skipped;
 * - reject a query's promise, and no other, when the query throws: it changed nothing, and a client's question must not be
 *   able to stop one node after the other;
 * - reject what is under way and every later call with `GraftError("state-machine")` once it is closed.
 * Several calls may be under way; they settle in order. The payloads of a run's outcomes may share their memory, some 16 MiB
 * of it: who keeps one for long copies it.
 */
export interface StateMachine {
  readonly description: StateMachineDescription;
  /** Outcomes in the order of the commands. */
  apply(run: readonly AppliedCommand[]): Promise<readonly Outcome[]>;
  query(payload: Uint8Array): Promise<Outcome>;
  close(): Promise<void>;
}
