// What the host and its worker say to each other besides packed runs, which are bare ArrayBuffers (run-layout.ts). Whatever the
// host asks is answered in the order of asking, and once: with outcomes, `done` or `refused`, until the worker has stopped.
import type { PluginVersion, VersionAtHand } from "../../core/activation.ts";
import type { LogIndex } from "../../core/log-position.ts";
import type { WakeTime } from "../../core/wake-time.ts";
import type { LogLevel } from "../../ports/logger.ts";
import type { Milestone, Recollection, RestoredState, StateMachineDescription } from "../../ports/state-machine.ts";
import type { PluginLocation } from "./loader.ts";

/** The first message to the worker. */
export interface Load {
  readonly kind: "load";
  /** The versions of the plugin, at least one. */
  readonly locations: readonly PluginLocation[];
  /** Where durable versions keep their state; null: in a temporary folder. */
  readonly stateFolder: string | null;
  /** Where the worker notes what it is busy with (progress.ts). */
  readonly progress: SharedArrayBuffer;
}

/** Freezes the state. */
export interface TakeSnapshot {
  readonly kind: "takeSnapshot";
}

/** The next chunk of it: `done` brings one, or null at the end. */
export interface ReadSnapshot {
  readonly kind: "readSnapshot";
}

export interface CloseSnapshot {
  readonly kind: "closeSnapshot";
}

/** Empties the state. */
export interface BeginRestore {
  readonly kind: "beginRestore";
  /** The version that becomes active; null: as it is. */
  readonly plugin: PluginVersion | null;
  /** The entry at its end; undefined: nobody knows. */
  readonly reached: RestoredState | undefined;
}

export interface RestoreChunk {
  readonly kind: "restoreChunk";
  readonly chunk: ArrayBuffer;
}

export interface EndRestore {
  readonly kind: "endRestore";
}

/** Opens what an earlier life has kept: `recalled` comes before `done`. */
export interface Recall {
  readonly kind: "recall";
  readonly owner: string;
}

export interface Forget {
  readonly kind: "forget";
}

export interface SetOrigin {
  readonly kind: "setOrigin";
  readonly origin: string;
}

/** The outcomes of a large piece of this many bytes have been delivered: there is room for as much again. Not answered. */
export interface Taken {
  readonly kind: "taken";
  readonly bytes: number;
}

/** From now on `reached` is said at multiples of `every`. Not answered. */
export interface WatchMilestones {
  readonly kind: "watchMilestones";
  readonly every: number;
}

export type SnapshotRequest = TakeSnapshot | ReadSnapshot | CloseSnapshot | BeginRestore | RestoreChunk | EndRestore;

/** About the state as a whole. */
export type StateRequest = SnapshotRequest | Recall | Forget | SetOrigin;

/** What the worker does in turn. */
export type Work = ArrayBuffer | StateRequest;

export type ToWorker = Work | Load | Taken | WatchMilestones;

/** The first answer of the worker. */
export interface Loaded {
  readonly kind: "loaded";
  readonly description: StateMachineDescription;
  readonly versions: readonly VersionAtHand[];
  readonly isDurable: boolean;
}

/** Another version is active now. At any time; not an answer. */
export interface Described {
  readonly kind: "described";
  readonly description: StateMachineDescription;
}

/** What `recall` has found. Not an answer. */
export interface Recalled {
  readonly kind: "recalled";
  readonly recollection: Recollection;
}

/** An error cannot be cloned with its code. */
export interface Told {
  readonly message: string;
  /** For the operator: where in the plugin. */
  readonly stack: string;
}

/** Instead of `loaded`. */
export interface LoadFailed extends Told {
  readonly kind: "loadFailed";
}

/** The answer to a request about the state. */
export interface Done {
  readonly kind: "done";
  readonly chunk: ArrayBuffer | null;
  /** When the state machine is to be woken. */
  readonly wakeAtMs: WakeTime;
}

/** Instead of what was asked of a snapshot: the worker goes on. */
export interface Refused extends Told {
  readonly kind: "refused";
}

/** Instead of an answer, or of the rest of it: the worker does nothing from then on. */
export interface Stopped extends Told {
  readonly kind: "stopped";
  /** The entry that it could not get past; null: it has stopped at none. */
  readonly entry: LogIndex | null;
}

/** What the plugin wrote to its console. At any time. */
export interface Said {
  readonly kind: "said";
  readonly level: LogLevel;
  readonly text: string;
}

/** Before the outcomes of what lies behind it. Not an answer. */
export interface MilestoneReached {
  readonly kind: "reached";
  readonly milestone: Milestone;
}

export type FromWorker =
  ArrayBuffer | Loaded | Described | Recalled | LoadFailed | Done | Refused | Stopped | Said | MilestoneReached;
