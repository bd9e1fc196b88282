// When does a state machine want to be woken? It asks for a replicated time, and that is part of its state, the same on every node. Its node
// tells the core. Why so: docs/decisions/a-state-machine-asks-to-be-woken.md.
import type { LogIndex } from "./log-position.ts";

/** A replicated time, ms since 1970; null: the state machine asks for none. */
export type WakeTime = number | null;

export interface Wake {
  readonly atMs: number;
  /** The last entry that the state machine had applied when it asked. */
  readonly through: LogIndex;
}
