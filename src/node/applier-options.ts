// What does the part of a node that feeds the state machine (applier.ts) work with, and what does it tell the node?
import type { PluginVersion } from "../core/activation.ts";
import type { LogIndex } from "../core/log-position.ts";
import type { SnapshotRecord } from "../core/snapshot-record.ts";
import type { Wake, WakeTime } from "../core/wake-time.ts";
import type { Clock } from "../ports/clock.ts";
import type { HeldState, Reached, StateMachine } from "../ports/state-machine.ts";
import type { EntryRunsHandlers, EntryRunsModules } from "./entry-runs.ts";
import type { QuerySlicesOptions } from "./query-slices.ts";
import type { FreshlyDecided } from "./skipped-entries.ts";

export interface ApplierModules extends EntryRunsModules {
  readonly stateMachine: StateMachine;
  readonly clock: Pick<Clock, "nowMs" | "wallMs" | "soon" | "at">;
  /** The queries that wait. */
  readonly reads: QuerySlicesOptions["reads"];
}

export interface ApplierHandlers extends Pick<
  EntryRunsHandlers,
  "leader" | "isAsked" | "placeAfter" | "handed" | "freed" | "clientFull" | "runningFrom" | "decisionOn"
> {
  /** Replaces the state machine's state with that of the snapshot, with this version active. Nothing else is under way meanwhile. */
  readonly restore: (snapshot: SnapshotRecord, plugin: PluginVersion | null) => Promise<WakeTime>;
  /**
   * What the state machine has kept on disk, where it may go on with that; null: it begins with the latest snapshot, or empty. `mayKeep` false: it may not.
   */
  readonly recall: (mayKeep: () => boolean) => Promise<HeldState | null>;
  /** It goes on with this state, and the core knows that it is committed. */
  readonly resumed: (reached: Reached) => void;
  /** Has the state machine begin anew. Rejects when it cannot. */
  readonly renew: () => Promise<void>;
  /** The snapshot that the log begins with; null: with the first entry. */
  readonly latest: () => SnapshotRecord | null;
  /** What has been decided since the last call about the entries behind `after` and through `through`. */
  readonly freshlyDecided: (after: LogIndex, through: LogIndex) => FreshlyDecided;
  /** The state machine asks for another time to be woken than before; null: for none, or it stands still. */
  readonly wake: (wake: Wake | null) => void;
  /** The state machine waits for a version that this node does not have, or does so no longer. */
  readonly lacking: () => void;
  /** Answers have been given: let them leave. */
  readonly answered: () => void;
  /** Whether the disk is nearly full: a state machine that keeps its state there may stop for that alone. */
  readonly isDiskLow: () => boolean;
  /** The state machine has stopped. */
  readonly stateMachineFailed: (error: Error) => void;
  /** It has begun anew, and has got past the place where it had stopped. */
  readonly stateMachineRuns: () => void;
  /** Reading the log failed, or an answer broke the contract: the node cannot continue. */
  readonly failed: (error: unknown) => void;
}
