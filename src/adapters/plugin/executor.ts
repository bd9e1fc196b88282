// Runs one command or one query of a plugin on the spot, and decides what is an answer and what stops the state machine. The
// table of the clients' sessions lies beside the state: a command that had its effect is not given to the plugin again. Where
// this happens, in a worker or on the node's own thread, is the hosts' business; how a snapshot is taken, snapshot-taking.ts.
import { isSamePlugin, type PluginVersion, type VersionAtHand } from "../../core/activation.ts";
import { type OwnedStamp, stampMsMax } from "../../core/entry.ts";
import type { LogPosition } from "../../core/log-position.ts";
import { type SessionLimits, sessionLimits } from "../../core/session-limits.ts";
import type { WakeTime } from "../../core/wake-time.ts";
import { GraftError, StateMachineStopped } from "../../errors.ts";
import {
  type AppliedActivation,
  type AppliedCommand,
  type AppliedEntry,
  type HeldState,
  type Milestone,
  type Outcome,
  putOffMs,
  type QueryOutcome,
  type RestoredState,
  type Recollection,
  type StateMachineDescription,
} from "../../ports/state-machine.ts";
import { CommandContext, earlierOf } from "./apply-context.ts";
import { Rejected } from "./api.ts";
import { descriptionOf, type Plugin } from "./definition-check.ts";
import {
  answerOf,
  digestOf,
  done,
  emptied,
  encoded,
  forWaiter,
  operationWords,
  reasonOf,
  refusal,
  skipped,
} from "./command-outcomes.ts";
import { type LoadedVersion, onlyVersion } from "./loader.ts";
import { guarded, installDeterminismGuard } from "./determinism-guard.ts";
import type { Encode, SnapshotHandlers } from "./handlers.ts";
import { type Found, heldOf, KeptStates } from "./kept-states.ts";
import { operationIn } from "./typed-handlers.ts";
import { asHashed, hasResultHashed, Milestones, resultHashedEvery } from "./outcome-chain.ts";
import { SnapshotReader } from "./snapshot-layout.ts";
import { type RunningSnapshot, SnapshotTaking } from "./snapshot-taking.ts";
import { applyToSessions } from "./session-entries.ts";
import type { StateFolders } from "./state-folders.ts";
import { recordChanges } from "./state-records.ts";
import {
  emptyState,
  handOver,
  keptPosition,
  placeAt,
  recordedState,
  sectionsOf,
  sinksOf,
  type State,
} from "./state-sections.ts";

export interface Executor {
  /** Of the version that is active. */
  readonly description: StateMachineDescription;
  /** Those at hand. */
  readonly versions: readonly VersionAtHand[];
  /** When it is to be woken, by its state as it is. */
  readonly wakeAtMs: WakeTime;
  /** Throws `GraftError("state-machine")` when the plugin fails: the state is not to be trusted from then on. */
  apply(entry: AppliedEntry): Outcome;
  /** From now on `tell` hears of the milestones, from inside `apply`. */
  watchMilestones(every: number, tell: (milestone: Milestone) => void): void;
  /** Throws `GraftError("query-failed")` when the plugin fails. The state stands as it did: a query changes nothing. */
  query(payload: Uint8Array): QueryOutcome;
  /** The state as it is now. Throws `GraftError("state-machine")`, and commands may go on then. */
  snapshot(): RunningSnapshot;
  /**
   * Begins with an empty state of this version; null: of the one that is active. Throws `GraftError("state-machine")` while a snapshot is open, or when there are none, and
   * nothing has happened then.
   */
  restore(plugin: PluginVersion | null, reached?: RestoredState): Restoration;
  /** A version keeps its state on disk: `recall` comes first. */
  readonly isDurable: boolean;
  /** See the port. */
  recall(owner: string): Recollection;
  forget(): void;
  setOrigin(origin: string): void;
  /** Everything that was applied is on disk, as far as it is kept there. Throws `GraftError("state-machine")`: the state is not to be trusted then. */
  commit(): void;
  /** Lets the files of the state go. */
  close(): void;
}

/** Both throw `GraftError("state-machine")` when this is no snapshot of the plugin: the state is not to be trusted then. */
export interface Restoration {
  /** The next chunk, of any size. */
  write(chunk: Uint8Array): void;
  /** That was the last one. Until here, nothing may be asked of the executor. */
  end(): void;
}

/** A state machine of one version. Throws what the plugin's `create` throws, and when it reads the clock. `limits`: the same on every node. */
export function createExecutor(plugin: Plugin, limits = sessionLimits, folders: StateFolders | null = null): Executor {
  return createVersionedExecutor([onlyVersion(plugin)], limits, folders);
}

/**
 * Begins with the last of these versions.
 * @param folders of durable versions; null: they begin empty in a temporary one, each time
 * @param hashedEvery at which indexes the result of a command without a session is hashed; the same on every node
 */
export function createVersionedExecutor(
  versions: readonly LoadedVersion[],
  limits: SessionLimits = sessionLimits,
  folders: StateFolders | null = null,
  hashedEvery = resultHashedEvery,
): Executor {
  installDeterminismGuard();
  return new PluginExecutor(versions, limits, folders && new KeptStates(folders), hashedEvery);
}

class PluginExecutor implements Executor {
  readonly versions: readonly VersionAtHand[];
  readonly #loaded: readonly LoadedVersion[];
  readonly #limits: SessionLimits;
  readonly #hashedEvery: number;
  /** Null: every state is in memory. */
  readonly #kept: KeptStates | null;
  /** The version that is active. */
  #active: LoadedVersion;
  /** Null: one on disk, which nobody has asked for yet. */
  #begun: State | null = null;
  /** Whether there is a state to hand over. */
  #hasBegun = false;
  #milestones: Milestones | null = null;
  /** Whether anything is to be committed. */
  #isChanged = false;
  #owner = "";
  /** What was recalled; undefined: nobody has asked. */
  #held: HeldState | null | undefined;
  readonly #taking = new SnapshotTaking({
    guarded: (run) => guarded("snapshot", run),
    failed: (cause) => this.#failure("a snapshot", cause),
  });

  constructor(loaded: readonly LoadedVersion[], limits: SessionLimits, kept: KeptStates | null, hashedEvery: number) {
    this.#hashedEvery = hashedEvery;
    this.#loaded = loaded;
    this.#limits = limits;
    this.#kept = kept;
    this.#active = loaded.at(-1)!;
    const hasSnapshots = this.#hasSnapshots;
    this.versions = loaded.map(({ id, snapshots }) => ({ ...id, snapshots: snapshots ?? hasSnapshots }));
  }

  get description(): StateMachineDescription {
    return descriptionOf(this.#plugin, this.#hasSnapshots);
  }

  get isDurable(): boolean {
    return this.#kept !== null && this.#loaded.some(({ plugin }) => plugin.durable !== null);
  }

  /** One on disk has them, whatever is in it, and is not opened for this question. */
  get #hasSnapshots(): boolean {
    const isOnDisk = this.#kept !== null && this.#plugin.durable !== null;
    return isOnDisk || this.#state.handlers.snapshots !== null;
  }

  get #state(): State {
    this.#begun ??= this.#emptyState();
    return this.#begun;
  }

  get wakeAtMs(): WakeTime {
    return this.#begun?.wakeAtMs ?? null;
  }

  apply(entry: AppliedEntry): Outcome {
    this.#taking.settle();
    this.#milestones?.before(entry.index, this.#state.reached.index, this.#state.chain);
    this.#wakeIfDue(entry);
    const outcome = entry.kind === "activate" ? this.#activate(entry) : this.#applyHere(entry);
    const { index, term, timeMs } = entry;
    const { chain } = this.#state;
    chain.add(entry, asHashed(entry, outcome, this.#hashedEvery));
    this.#state.reached = Object.freeze({ index, timeMs });
    this.#state.position = { index, term, timeMs };
    this.#isChanged = true;
    this.#milestones?.after(index, chain);
    return forWaiter(entry, outcome);
  }

  watchMilestones(every: number, tell: (milestone: Milestone) => void): void {
    this.#milestones = new Milestones(every, tell);
  }

  #applyHere(entry: Exclude<AppliedEntry, AppliedActivation>): Outcome {
    this.#hasBegun = true;
    if (entry.kind !== "command") return applyToSessions(entry, this.#state.sessions);
    if (entry.session !== null) return this.#runOnce(entry, entry.session);
    const result = this.#run(entry);
    return entry.isAwaited || hasResultHashed(entry, this.#hashedEvery) ? encoded(result) : emptied(result);
  }

  /** Before the entry itself, whatever it is. So what has ended by its time has ended for it. */
  #wakeIfDue(entry: AppliedEntry): void {
    const { wakeAtMs, handlers } = this.#state;
    if (wakeAtMs === null || wakeAtMs > entry.timeMs) return;
    // An activation commits what comes before it. What was due is not due again then.
    this.#isChanged = true;
    if (entry.isSkipped === true) {
      this.#state.wakeAtMs = Math.min(entry.timeMs + putOffMs, stampMsMax);
      return;
    }
    this.#state.wakeAtMs = null;
    const context = new CommandContext(entry, "due", true);
    try {
      guarded("due", () => handlers.due?.(context));
      this.#state.wakeAtMs = context.end();
    } catch (cause) {
      throw this.#failureAt(entry, ", in due", cause);
    }
  }

  query(payload: Uint8Array): QueryOutcome {
    try {
      const result = answerOf(() => guarded("query", () => this.#state.handlers.query(payload, this.#state.reached)));
      return result instanceof Rejected ? refusal(result) : { kind: "ok", payload: guarded("query", result) };
    } catch (cause) {
      throw this.#failure("a query", cause, "query-failed");
    }
  }

  snapshot(): RunningSnapshot {
    const snapshots = this.#snapshotsOf(this.#state);
    this.commit();
    return this.#taking.begin(() => sectionsOf(this.#plugin, snapshots, this.#state));
  }

  restore(plugin: PluginVersion | null, restored?: RestoredState): Restoration {
    this.#taking.mustBeOver();
    const [active, state] = this.#attemptRestore(() => {
      const next = plugin === null ? this.#active : this.#atHand(plugin);
      return [next, this.#emptyState(next)] as const;
    });
    // The version that is active now may be another one, without snapshots.
    const snapshots = this.#snapshotsOf(state, active.plugin);
    this.#active = active;
    this.#begun = state;
    this.#milestones?.restart();
    this.#hasBegun = true;
    const sinks = sinksOf(active.plugin, snapshots, state);
    const reader = new SnapshotReader(sinks);
    return {
      write: (chunk) => this.#attemptRestore(() => guarded("restore", () => reader.write(chunk))),
      end: () => {
        this.#attemptRestore(() => reader.end());
        placeAt(state, restored);
        this.#isChanged = true;
        this.commit();
      },
    };
  }

  recall(owner: string): Recollection {
    this.#owner = owner;
    if (this.#held === undefined) {
      const found = this.#kept?.find(this.#loaded) ?? null;
      if (found !== null) this.#resume(found);
      this.#held = found && heldOf(found);
    }
    return { held: this.#held, damage: this.#kept?.takeDamage() ?? [] };
  }

  #resume(found: Found): void {
    this.#active = found.kept.version;
    this.#begun = recordedState(this.#plugin, this.#limits, found);
    this.#hasBegun = true;
  }

  forget(): void {
    this.#taking.mustBeOver();
    this.#kept?.forget();
    this.#active = this.#loaded.at(-1)!;
    this.#begun = null;
    this.#hasBegun = false;
    this.#held = null;
  }

  setOrigin(origin: string): void {
    this.#state.origin = origin;
    this.#isChanged = true;
    this.commit();
  }

  commit(): void {
    if (this.#kept === null || !this.#isChanged) return;
    const { kept, sessions } = this.#state;
    const reached = keptPosition(this.#state, this.#active.id, this.#owner);
    try {
      this.#kept.commit(kept, kept === null ? [] : recordChanges(reached, sessions));
    } catch (cause) {
      throw this.#failure("making its state durable", cause);
    }
    this.#isChanged = false;
  }

  close(): void {
    this.#kept?.close();
  }

  #activate({ plugin, index, term, timeMs }: AppliedActivation): Outcome {
    try {
      const next = this.#atHand(plugin);
      const before = this.#active;
      // The state before stays whole on disk until the next one is.
      if (this.#hasBegun && next !== before) this.commit();
      this.#active = next;
      if (!this.#hasBegun) this.#begun = this.#emptyState();
      else if (next !== before) {
        this.#taking.letStateGo();
        const state = this.#state;
        const kept = this.#kept?.empty(next) ?? null;
        const handing = { from: before.plugin, to: next.plugin, timeMs, limits: this.#limits, kept };
        this.#begun = guarded("restore", () => handOver(state, handing));
      }
      this.#hasBegun = true;
      return done;
    } catch (cause) {
      throw this.#failureAt({ index, term }, ", which activates it", cause);
    }
  }

  #atHand(plugin: PluginVersion): LoadedVersion {
    const found = this.#loaded.find(({ id }) => isSamePlugin(id, plugin));
    if (found === undefined) throw new RangeError(`${plugin.name} ${plugin.version} is not at hand`);
    return found;
  }

  #emptyState(version = this.#active): State {
    const kept = this.#kept?.empty(version) ?? null;
    return guarded("apply", () => emptyState(version.plugin, this.#limits, kept));
  }

  get #plugin(): Plugin {
    return this.#active.plugin;
  }

  #runOnce(command: AppliedCommand, stamp: OwnedStamp): Outcome {
    const { sessions } = this.#state;
    const stamped = { stamp, digest: digestOf(command.payload) };
    const answer = sessions.answerTo(stamped, command.timeMs);
    if (answer !== null) return answer;
    // Kept, and so encoded, on every node: whichever leads when the client asks again has the answer.
    const outcome = encoded(this.#run(command));
    sessions.keep(stamped, outcome);
    return outcome;
  }

  #run(command: AppliedCommand): Encode | Rejected {
    if (command.isSkipped === true) return skipped;
    const { handlers } = this.#state;
    try {
      const context = new CommandContext(command, "command", handlers.due !== null);
      const result = answerOf(() => guarded("apply", () => handlers.apply(command.payload, context)));
      const asked = context.end();
      if (!(result instanceof Rejected)) this.#state.wakeAtMs = earlierOf(this.#state.wakeAtMs, asked);
      return result;
    } catch (cause) {
      throw this.#failureAt(command, operationWords(operationIn(command.payload, this.description)), cause);
    }
  }

  #attemptRestore<Result>(step: () => Result): Result {
    try {
      return step();
    } catch (cause) {
      throw this.#failure("restoring a snapshot", cause);
    }
  }

  #snapshotsOf({ handlers: { snapshots } }: State, { name, version } = this.#plugin): SnapshotHandlers {
    if (snapshots !== null) return snapshots;
    const message = `The state machine ${name} ${version} has no snapshots: its plugin does not define them`;
    throw new GraftError("state-machine", message);
  }

  #failure(where: string, cause: unknown, code: "state-machine" | "query-failed" = "state-machine"): GraftError {
    const message = `The state machine ${this.#named} failed at ${where}: ${reasonOf(cause)}`;
    return new GraftError(code, message, { cause });
  }

  #failureAt({ index, term }: LogPosition, what: string, cause: unknown): GraftError {
    const { message } = this.#failure(`entry ${index} (term ${term})${what}`, cause);
    return new StateMachineStopped(message, index, { cause });
  }

  get #named(): string {
    return `${this.#plugin.name} ${this.#plugin.version}`;
  }
}
