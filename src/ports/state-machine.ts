// The state machine as the node sees it: asynchronous and batched, wherever it lives.
import type { PluginVersion, VersionAtHand } from "../core/activation.ts";
import type { OutcomeSteps } from "../core/copy-word.ts";
import type { ClientName, OwnedStamp } from "../core/entry.ts";
import type { LogIndex, LogPosition, Term } from "../core/log-position.ts";
import type { WakeTime } from "../core/wake-time.ts";

interface Committed {
  readonly index: LogIndex;
  readonly term: Term;
  /** Replicated time, ms since 1970: the same on every node, never going back. */
  readonly timeMs: number;
  /** Whether somebody waits for the result. No part of the entry: it differs from node to node and at a replay. */
  readonly isAwaited: boolean;
  /** An administrator has decided that the state machine is not given this entry, on any node. Absent: it is. */
  readonly isSkipped?: boolean;
}

/** What is answered to a command that an administrator has skipped. */
export const skippedMessage = "the state machine could not get past this command, so an administrator has skipped it";

/** For how long a skipped entry puts off what is due at it, ms of replicated time. */
export const putOffMs = 60_000;

/** One committed command. */
export interface AppliedCommand extends Committed {
  readonly kind: "command";
  readonly payload: Uint8Array;
  /** Null: of no session. */
  readonly session: OwnedStamp | null;
}

/** A session begins, or there is no room for it: then the outcome is `rejected`, or `full` where only its client has none. */
export interface AppliedOpenSession extends Committed {
  readonly kind: "openSession";
  readonly client: ClientName;
  readonly isAdmin: boolean;
  readonly timeoutMs: number;
}

export interface AppliedCloseSession extends Committed {
  readonly kind: "closeSession";
  readonly client: ClientName;
  readonly session: LogIndex;
}

/** From the next entry on this version of the plugin applies them. It takes over the state of the one before. */
export interface AppliedActivation extends Committed {
  readonly kind: "activate";
  /** One of the `versions` at hand. */
  readonly plugin: PluginVersion;
}

/** Time goes on for the state machine. Nobody waits for it. */
export interface AppliedTick extends Committed {
  readonly kind: "tick";
}

/** A committed entry that has an effect beside the consensus itself. */
export type AppliedEntry = AppliedCommand | AppliedOpenSession | AppliedCloseSession | AppliedActivation | AppliedTick;

/** A client has as many sessions as it may. None of them expires up to this replicated time, so it stays so until one is closed. */
export interface ClientIsFull {
  readonly kind: "full";
  readonly message: string;
  readonly untilMs: number;
}

export type Outcome =
  | { readonly kind: "ok"; readonly payload: Uint8Array }
  /**
   * The plugin threw `Rejected`, or the input did not fit its schema; or the session table refuses the entry, for one because
   * its session is another client's. An answer, the same on every node.
   */
  | { readonly kind: "rejected"; readonly message: string }
  /** No session was opened. */
  | ClientIsFull
  /** The command was applied, as on the nodes where nobody asked for its result; but the result cannot be encoded. */
  | { readonly kind: "unsendable"; readonly message: string }
  /** The command's session is gone, or never was: the command was not applied. */
  | { readonly kind: "expired" }
  /** Its client has said that it waits for it no longer: the command was not applied, now; what became of it before is not kept. */
  | { readonly kind: "forgotten" };

/**
 * Takes the next outcomes of a run: one or more, in the order of its entries, each once. Never called from inside `apply`, nor
 * once its promise has settled. Must not throw. The results may go when it returns: who keeps one copies it, since they may
 * share their memory, some 4 MiB of it.
 */
export type Deliver = (outcomes: readonly Outcome[]) => void;

export type QueryOutcome = Extract<Outcome, { readonly kind: "ok" | "rejected" }>;

/** What became of one query: an outcome, or the failure of the plugin at this one query; and what that took. */
export interface Answer {
  readonly outcome: QueryOutcome | { readonly kind: "failed"; readonly error: Error };
  /** How long the state machine's thread was busy with it. */
  readonly elapsedMs: number;
}

/** A single piece of work. `count` is another one for each. */
export type BusyWith =
  /** `through`: the last entry of a batch, where nobody can tell at which one of it. */
  | {
      readonly kind: "entry";
      readonly count: number;
      readonly index: LogIndex;
      readonly term: Term;
      readonly through?: LogIndex;
    }
  /** The query at this place of its slice; null: one of several. */
  | { readonly kind: "query"; readonly count: number; readonly nth: number | null }
  /** A part of a snapshot: to take or read it, or to restore from it. */
  | { readonly kind: "snapshot"; readonly count: number }
  /** Its state on disk becomes durable. */
  | { readonly kind: "commit"; readonly count: number };

/** A slice of queries begins no further query after this time, or after this many bytes of answers. */
export const querySliceMs = 5;
export const querySliceBytesMax = 1024 * 1024;

export interface StateMachineDescription {
  readonly name: string;
  readonly version: string;
  readonly style: "typed" | "raw";
  readonly commands: readonly string[];
  readonly queries: readonly string[];
  /** Whether the plugin can take snapshots and restore them. Without it the log is never cut. */
  readonly snapshots: boolean;
}

/** Bytes of a snapshot's chunk at the most. */
export const snapshotChunkBytesMax = 256 * 1024;

/** An entry that a state has reached. */
export interface Reached extends LogPosition {
  /** Replicated time of that entry, ms since 1970. */
  readonly timeMs: number;
}

/** A state that is restored, for later lives. */
export interface RestoredState extends Reached {
  /** The incarnation that came to its content by applying the log. */
  readonly origin: string;
}

/** A state that an earlier life has kept on disk. */
export interface HeldState {
  readonly reached: Reached;
  /** The version that was active there, one of `versions`. */
  readonly plugin: PluginVersion;
  /** Who kept it: the `owner` of that life. */
  readonly owner: string;
  /** Who made its content, as that life said last. It is `owner` where nothing was said. */
  readonly origin: string;
  /** The time for which it asks. */
  readonly wakeAtMs: WakeTime;
}

export interface Recollection {
  /** Null: there is none, so that the state is empty. */
  readonly held: HeldState | null;
  /** For people, a sentence each: what was damaged, and where it is now. */
  readonly damage: readonly string[];
}

/** The state as it was at one index, to be read once, from the beginning to the end. */
export interface StateSnapshot {
  /**
   * The next chunk, of 1 to `snapshotChunkBytesMax` bytes, the caller's to keep; null at the end, and after it. Rejects with
   * `GraftError("state-machine")` when the plugin cannot say what its state is, once it is closed, and when the state machine is.
   * One call at a time.
   */
  read(): Promise<Uint8Array | null>;
  /** Of all chunks together, 53 bits: equal on all copies with the same state. Null before the end has been read. */
  readonly contentHash: number | null;
  /** Lets the frozen copy go, read through or not. More than once is fine; after the end there is no need to. */
  close(): void;
}

/** What a copy of the state machine has come to: a rolling hash over every entry through `index` and its outcome. */
export interface Milestone {
  readonly index: LogIndex;
  /** 53 bits. Equal on all copies whose outcomes were equal. */
  readonly chain: number;
  /** Through `index`, since the milestone before, or since the state began: the last ones, up to `outcomeStepsMax`. */
  readonly steps: OutcomeSteps;
}

/**
 * An adapter MUST:
 * - apply runs in the order of the calls, each entry exactly once, and never decide an outcome by time;
 * - answer queries from a state that includes every run handed over before them;
 * - begin at least one query of a slice, and no further one once the slice has taken `querySliceMs` or its answers weigh
 *   `querySliceBytesMax`: commands that come meanwhile wait for one slice at the most;
 * - apply a command of a session once, wherever and however often it stands in the log (§6.3): another copy of it is answered
 *   with the outcome of the first, or as the session table has it (core/sessions.ts), which is part of the state;
 * - hand back only results that are awaited: any other outcome keeps its kind, and is empty. The state comes out the same either way;
 * - keep a rolling hash over each entry's index and kind and its outcome as a client would be told it, awaited or not, as a part of the
 *   state, and tell it at the milestones: docs/decisions/copies-are-compared.md;
 * - answer `unsendable` where an awaited result cannot be encoded, and go on: the command took effect, as it did on the nodes
 *   where nobody asked for its result;
 * - at an activation hand the state of the active version over to the one that it names, within that entry, and keep the sessions. The
 *   first activation hands nothing over;
 * - keep the time for which the plugin asks to be woken as a part of the state, and have its `due` run before the first entry whose stamp has
 *   reached that time, once: docs/decisions/a-state-machine-asks-to-be-woken.md;
 * - reject the promise (`StateMachineStopped`, naming the entry) and every later one when a command of the plugin
 *   throws anything but `Rejected`, or its worker dies: no entry is skipped of its own accord;
 * - run nothing of the plugin at an entry with `isSkipped`: a command that would have run is `rejected` with `skippedMessage`, also for its session, and
 *   what is due at it is put off by `putOffMs`;
 * - answer `failed` (`GraftError("query-failed")`) to a query that throws, and go on with the next: it changed nothing, and a client's question must not be
 *   able to stop one node after the other;
 * - deliver a run's outcomes as they come and go on only as fast as they are taken: however large all results of a run are
 *   together, no more than some 16 MiB of them are in memory on their way, those of queries included;
 * - reject what is under way and every later call with `GraftError("state-machine")` once it is closed.
 *
 * And of snapshots (§5), where the description says that there are any:
 * - freeze the state as of every run handed over before the call of `snapshot`. Runs and queries go on while it is read, see
 *   and change the living state, and never wait for more than one chunk of it;
 * - hand out one at a time: a second is refused until the first is closed or read to its end;
 * - make a chunk when it is asked for and at most a few ahead, so that neither a slow reader nor a large state costs memory:
 *   beyond the state there is room for what commands change while the snapshot is open, and for some chunks;
 * - give the same bytes for the same state, on every node, however that state came about: by commands, or by `restore`;
 * - leave the state machine alone when taking or reading a snapshot fails: the call is rejected, and commands go on;
 * - replace the whole state in `restore`, asking for chunks as it takes them in, whatever their size. The caller sees to it that
 *   nothing else is under way: no run, no query, no snapshot; what is asked meanwhile is refused;
 * - stop, as after a command that threw, when a restore fails: what cannot be read, what ends too early or too late, a
 *   snapshot of another plugin, chunks whose iteration throws. Nothing is left then that could be trusted.
 * And of a state that is kept on disk:
 * - have all effects of a run in it when `apply` resolves, the sessions' changes included. After a crash it is as of an earlier run, or of none;
 * - set aside what is damaged, and never delete it;
 * - hold on to what was kept until a restored state is complete.
 * Several calls may be under way; they settle in order.
 */
export interface StateMachine {
  /** Of the version that is active. */
  readonly description: StateMachineDescription;
  /** The versions of the plugin that are at hand, at least one. The last is the one that a new cluster begins with. */
  readonly versions: readonly VersionAtHand[];
  /** A version at hand keeps its state on disk: `recall` comes before any other call. */
  readonly isDurable: boolean;
  /** What it is busy with at this moment, as far as another thread can tell; null: with nothing, or nobody can tell. */
  readonly busyWith: BusyWith | null;
  /** For people: the operation that this command is of; null: it names none. Nothing else of a payload is for people to see. */
  operationOf(command: Uint8Array): string | null;
  /** Why it has stopped, also between two calls, as when its thread ends; null: it runs. Every later call is rejected with it. */
  readonly failure: Error | null;
  /**
   * Resolves when every outcome has been delivered, with the time for which the state machine asks after this run. When it rejects, those
   * outcomes which have been delivered stand.
   */
  apply(run: readonly AppliedEntry[], deliver: Deliver): Promise<WakeTime>;
  /** Resolves with the answers to the first of these queries. The others were not begun, and may be asked again. */
  query(slice: readonly Uint8Array[]): Promise<readonly Answer[]>;
  /**
   * From now on `tell` hears of each multiple of `every`, in order, before the promise of a run that goes beyond it resolves. An index
   * whose entry has no effect is told with the next entry that has one. To be called once, before anything is applied.
   */
  watchMilestones(every: number, tell: (milestone: Milestone) => void): void;
  snapshot(): Promise<StateSnapshot>;
  /**
   * Resolves when the state is the snapshot's, with the time for which it asks. `plugin`: the version that is active then, one of
   * `versions`; null: as it is. `reached`: the entry at its end, and who made it. Without it, a later life does not know what it holds, and begins empty.
   */
  restore(chunks: AsyncIterable<Uint8Array>, plugin: PluginVersion | null, reached?: RestoredState): Promise<WakeTime>;
  /**
   * Begins with what an earlier life has kept on disk. Another call before the first entry says the same again. What is kept from here on
   * belongs to `owner`.
   */
  recall(owner: string): Promise<Recollection>;
  /** Throws away what was recalled: the state is empty. */
  forget(): Promise<void>;
  /** From now on the content of the state counts as made by `origin`, and later lives hear so. Resolves when that is committed. */
  setOrigin(origin: string): Promise<void>;
  close(): Promise<void>;
}

/** A state machine that may be thrown away, whatever has become of it: it has stopped, it hangs, its thread or program has ended. */
export interface RenewableStateMachine extends StateMachine {
  /**
   * Throws the state away and resolves when an empty one has begun, of the same versions. What is under way is rejected. Rejects with
   * `GraftError` when none can begin, or its code is not the same any more: every call is refused then, and it may be renewed again.
   */
  renew(): Promise<void>;
}
