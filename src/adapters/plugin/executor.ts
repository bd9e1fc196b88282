// Runs one command or one query of a plugin on the spot, and decides what is an answer and what stops the state machine. The
// table of the clients' sessions lies beside the state: a command that had its effect is not given to the plugin again. Where
// this happens, in a worker or on the node's own thread, is the hosts' business; how a snapshot is taken, snapshot-taking.ts.
import { isSamePlugin, type PluginVersion, type VersionAtHand } from "../../core/activation.ts";
import { type OwnedStamp, stampMsMax } from "../../core/entry.ts";
import type { LogPosition } from "../../core/log-position.ts";
import { type SessionLimits, sessionLimits, type SessionOutcome } from "../../core/sessions.ts";
import type { WakeTime } from "../../core/wake-time.ts";
import { GraftError, StateMachineStopped } from "../../errors.ts";
import {
  type AppliedActivation,
  type AppliedCommand,
  type AppliedEntry,
  type Milestone,
  type Outcome,
  putOffMs,
  type QueryOutcome,
  skippedMessage,
  type StateMachineDescription,
} from "../../ports/state-machine.ts";
import { CommandContext, earlierOf } from "./apply-context.ts";
import { Rejected } from "./api.ts";
import type { Plugin } from "./definition-check.ts";
import type { LoadedVersion } from "./loader.ts";
import { guarded, installDeterminismGuard } from "./determinism-guard.ts";
import type { Encode, Handlers, SnapshotHandlers } from "./handlers.ts";
import { operationIn } from "./typed-handlers.ts";
import { asHashed, done, hasResultHashed, Milestones } from "./outcome-chain.ts";
import { SnapshotReader } from "./snapshot-layout.ts";
import { type RunningSnapshot, SnapshotTaking } from "./snapshot-taking.ts";
import { emptyState, handOver, sectionsOf, sinksOf, type State } from "./state-sections.ts";

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
  restore(plugin: PluginVersion | null): Restoration;
}

/** Both throw `GraftError("state-machine")` when this is no snapshot of the plugin: the state is not to be trusted then. */
export interface Restoration {
  /** The next chunk, of any size. */
  write(chunk: Uint8Array): void;
  /** That was the last one. Until here, nothing may be asked of the executor. */
  end(): void;
}

/** A state machine of one version. Throws what the plugin's `create` throws, and when it reads the clock. `limits`: the same on every node. */
export function createExecutor(plugin: Plugin, limits: SessionLimits = sessionLimits): Executor {
  return createVersionedExecutor([onlyVersion(plugin)], limits);
}

/** A plugin of which nobody tells versions apart. */
export function onlyVersion(plugin: Plugin): LoadedVersion {
  const { name, version } = plugin;
  return { plugin, snapshots: null, id: { name, version, hash: unknownHash } };
}

/** Begins with the last of these versions. */
export function createVersionedExecutor(
  versions: readonly LoadedVersion[],
  limits: SessionLimits = sessionLimits,
): Executor {
  installDeterminismGuard();
  return new PluginExecutor(versions, limits);
}

/** Of code that no file holds. */
const unknownHash = "0".repeat(64);

class PluginExecutor implements Executor {
  readonly versions: readonly VersionAtHand[];
  readonly #loaded: readonly LoadedVersion[];
  readonly #limits: SessionLimits;
  /** The version that is active. */
  #active: LoadedVersion;
  #state: State;
  /** Whether there is a state to hand over. */
  #hasBegun = false;
  #milestones: Milestones | null = null;
  readonly #taking = new SnapshotTaking({
    guarded: (run) => guarded("snapshot", run),
    failed: (cause) => this.#failure("a snapshot", cause),
  });

  constructor(loaded: readonly LoadedVersion[], limits: SessionLimits) {
    this.#loaded = loaded;
    this.#limits = limits;
    this.#active = loaded.at(-1)!;
    this.#state = this.#emptyState();
    const hasSnapshots = this.#state.handlers.snapshots !== null;
    this.versions = loaded.map(({ id, snapshots }) => ({ ...id, snapshots: snapshots ?? hasSnapshots }));
  }

  get description(): StateMachineDescription {
    return describe(this.#plugin, this.#state.handlers);
  }

  get wakeAtMs(): WakeTime {
    return this.#state.wakeAtMs;
  }

  apply(entry: AppliedEntry): Outcome {
    this.#taking.settle();
    this.#milestones?.before(entry.index, this.#state.reached.index, this.#state.chain);
    this.#wakeIfDue(entry);
    const outcome = entry.kind === "activate" ? this.#activate(entry) : this.#applyHere(entry);
    const { chain } = this.#state;
    chain.add(entry, asHashed(entry, outcome));
    this.#state.reached = Object.freeze({ index: entry.index, timeMs: entry.timeMs });
    this.#milestones?.after(entry.index, chain);
    return forWaiter(entry, outcome);
  }

  watchMilestones(every: number, tell: (milestone: Milestone) => void): void {
    this.#milestones = new Milestones(every, tell);
  }

  #applyHere(entry: Exclude<AppliedEntry, AppliedActivation>): Outcome {
    this.#hasBegun = true;
    const { sessions } = this.#state;
    switch (entry.kind) {
      case "command": {
        if (entry.session !== null) return this.#runOnce(entry, entry.session);
        const result = this.#run(entry);
        return entry.isAwaited || hasResultHashed(entry) ? encoded(result) : emptied(result);
      }
      case "openSession": {
        const refusal = sessions.open(entry.index, entry, entry.timeMs);
        return refusal === null ? done : notOpened(refusal, sessions.fullUntilMs(entry.client));
      }
      case "closeSession":
        return sessions.close(entry.session, entry.client, entry.timeMs) ?? done;
      case "tick":
        return done;
    }
  }

  /** Before the entry itself, whatever it is. So what has ended by its time has ended for it. */
  #wakeIfDue(entry: AppliedEntry): void {
    const { wakeAtMs, handlers } = this.#state;
    if (wakeAtMs === null || wakeAtMs > entry.timeMs) return;
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
    return this.#taking.begin(() => sectionsOf(this.#plugin, snapshots, this.#state));
  }

  restore(plugin: PluginVersion | null): Restoration {
    this.#taking.mustBeOver();
    const [active, state] = this.#attemptRestore(() => {
      const next = plugin === null ? this.#active : this.#atHand(plugin);
      return [next, this.#emptyState(next.plugin)] as const;
    });
    // The version that is active now may be another one, without snapshots.
    const snapshots = this.#snapshotsOf(state, active.plugin);
    this.#active = active;
    this.#state = state;
    this.#milestones?.restart();
    this.#hasBegun = true;
    const sinks = sinksOf(active.plugin, snapshots, state);
    const reader = new SnapshotReader(sinks);
    return {
      write: (chunk) => this.#attemptRestore(() => guarded("restore", () => reader.write(chunk))),
      end: () => this.#attemptRestore(() => reader.end()),
    };
  }

  #activate({ plugin, index, term, timeMs }: AppliedActivation): Outcome {
    try {
      const next = this.#atHand(plugin);
      const before = this.#active;
      this.#active = next;
      if (!this.#hasBegun) this.#state = this.#emptyState();
      else if (next !== before) {
        this.#taking.letStateGo();
        this.#state = guarded("restore", () => handOver(this.#state, before.plugin, next.plugin, timeMs));
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

  #emptyState(plugin = this.#plugin): State {
    return guarded("apply", () => emptyState(plugin, this.#limits));
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
    if (command.isSkipped === true) return new Rejected(skippedMessage);
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

/** Never a payload: that may be secret. */
export const operationWords = (operation: string | null): string =>
  operation === null ? "" : `, the command ${operation}`;

/** Nothing but a thrown `Rejected` is an answer. */
function answerOf(run: () => Encode): Encode | Rejected {
  try {
    return run();
  } catch (error) {
    if (error instanceof Rejected) return error;
    throw error;
  }
}

/** Stands in snapshots: the same in every version. It guards a client against its own mistakes, so 53 bits are plenty. */
export const digestOf = (payload: Uint8Array): number => Number(Bun.hash.xxHash3(payload) >> 11n);

const refusal = ({ message }: Rejected): QueryOutcome => ({ kind: "rejected", message });

const unheard: Outcome = { kind: "rejected", message: "" };

/** What is encoded for the session or for the hash need not cross over to a node where nobody waits for it. */
export function forWaiter({ kind, isAwaited }: AppliedEntry, outcome: Outcome): Outcome {
  if (isAwaited || kind !== "command") return outcome;
  if (outcome.kind === "ok" || outcome.kind === "unsendable") return done;
  return outcome.kind === "rejected" ? unheard : outcome;
}

export const notOpened = (message: string, untilMs: number | null): Outcome =>
  untilMs === null ? { kind: "rejected", message } : { kind: "full", message, untilMs };

const emptied = (result: Encode | Rejected): Outcome => (result instanceof Rejected ? refusal(result) : done);

/**
 * The command took effect everywhere, and only here does somebody want to see the result: what goes wrong with that must not
 * stop this node's state machine, for it would stop no other one.
 */
function encoded(result: Encode | Rejected): SessionOutcome {
  if (result instanceof Rejected) return refusal(result);
  try {
    return { kind: "ok", payload: guarded("apply", result) };
  } catch (cause) {
    return { kind: "unsendable", message: `the result cannot be sent: ${reasonOf(cause)}` };
  }
}

function describe(plugin: Plugin, { snapshots }: Handlers): StateMachineDescription {
  return {
    name: plugin.name,
    version: plugin.version,
    style: plugin.style,
    commands: plugin.style === "typed" ? [...plugin.commands.keys()] : [],
    queries: plugin.style === "typed" ? [...plugin.queries.keys()] : [],
    snapshots: snapshots !== null,
  };
}

/** One line: clients read it, and what follows in a message is often source or a stack. The cause has all of it. */
export function reasonOf(cause: unknown): string {
  const told = cause instanceof Error ? `${cause.name}: ${cause.message}` : `it threw ${String(cause)}`;
  return told.split("\n", 1)[0] ?? "";
}
