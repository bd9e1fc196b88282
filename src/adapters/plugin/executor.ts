// Runs one command or one query of a plugin on the spot, and decides what is an answer and what stops the state machine. The
// table of the clients' sessions lies beside the state: a command that had its effect is not given to the plugin again. Where
// this happens, in a worker or on the node's own thread, is the hosts' business; how a snapshot is taken, snapshot-taking.ts.
import type { OwnedStamp } from "../../core/entry.ts";
import { type SessionLimits, sessionLimits, type SessionOutcome } from "../../core/sessions.ts";
import { GraftError } from "../../errors.ts";
import type {
  AppliedCommand,
  AppliedEntry,
  Outcome,
  QueryOutcome,
  StateMachineDescription,
} from "../../ports/state-machine.ts";
import { CommandContext } from "./apply-context.ts";
import { Rejected } from "./api.ts";
import type { Plugin } from "./definition-check.ts";
import { guarded, installDeterminismGuard } from "./determinism-guard.ts";
import type { Encode, Handlers, SnapshotHandlers } from "./handlers.ts";
import { SnapshotReader } from "./snapshot-layout.ts";
import { type RunningSnapshot, SnapshotTaking } from "./snapshot-taking.ts";
import { emptyState, sectionsOf, sinksOf, type State } from "./state-sections.ts";

export interface Executor {
  readonly description: StateMachineDescription;
  /** Throws `GraftError("state-machine")` when the plugin fails: the state is not to be trusted from then on. */
  apply(entry: AppliedEntry): Outcome;
  /** Throws `GraftError("query-failed")` when the plugin fails. The state stands as it did: a query changes nothing. */
  query(payload: Uint8Array): QueryOutcome;
  /** The state as it is now. Throws `GraftError("state-machine")`, and commands may go on then. */
  snapshot(): RunningSnapshot;
  /**
   * Begins with an empty state. Throws `GraftError("state-machine")` while a snapshot is open, or when there are none, and
   * nothing has happened then.
   */
  restore(): Restoration;
}

/** Both throw `GraftError("state-machine")` when this is no snapshot of the plugin: the state is not to be trusted then. */
export interface Restoration {
  /** The next chunk, of any size. */
  write(chunk: Uint8Array): void;
  /** That was the last one. Until here, nothing may be asked of the executor. */
  end(): void;
}

/** A fresh state machine. Throws what the plugin's `create` throws, and when it reads the clock. `limits`: the same on every node. */
export function createExecutor(plugin: Plugin, limits: SessionLimits = sessionLimits): Executor {
  installDeterminismGuard();
  return new PluginExecutor(plugin, limits);
}

class PluginExecutor implements Executor {
  readonly description: StateMachineDescription;
  readonly #plugin: Plugin;
  readonly #limits: SessionLimits;
  #state: State;
  readonly #taking = new SnapshotTaking({
    guarded: (run) => guarded("snapshot", run),
    failed: (cause) => this.#failure("a snapshot", cause),
  });

  constructor(plugin: Plugin, limits: SessionLimits) {
    this.#plugin = plugin;
    this.#limits = limits;
    this.#state = guarded("apply", () => emptyState(plugin, limits));
    this.description = describe(plugin, this.#state.handlers);
  }

  apply(entry: AppliedEntry): Outcome {
    this.#taking.settle();
    const { sessions } = this.#state;
    switch (entry.kind) {
      case "command": {
        if (entry.session !== null) return forWaiter(entry, this.#runOnce(entry, entry.session));
        const result = this.#run(entry);
        return entry.isAwaited ? encoded(result) : emptied(result);
      }
      case "openSession": {
        const refusal = sessions.open(entry.index, entry, entry.timeMs);
        return refusal === null ? done : notOpened(refusal, sessions.fullUntilMs(entry.client));
      }
      case "closeSession":
        return sessions.close(entry.session, entry.client, entry.timeMs) ?? done;
    }
  }

  query(payload: Uint8Array): QueryOutcome {
    try {
      const result = answerOf(() => guarded("query", () => this.#state.handlers.query(payload)));
      return result instanceof Rejected ? refusal(result) : { kind: "ok", payload: guarded("query", result) };
    } catch (cause) {
      throw this.#failure("a query", cause, "query-failed");
    }
  }

  snapshot(): RunningSnapshot {
    const snapshots = this.#snapshotsOf(this.#state);
    return this.#taking.begin(() => sectionsOf(this.#plugin, snapshots, this.#state.sessions));
  }

  restore(): Restoration {
    this.#snapshotsOf(this.#state);
    this.#taking.mustBeOver();
    this.#attemptRestore(() => {
      this.#state = guarded("apply", () => emptyState(this.#plugin, this.#limits));
    });
    const sinks = sinksOf(this.#plugin, this.#snapshotsOf(this.#state), this.#state.sessions);
    const reader = new SnapshotReader(sinks);
    return {
      write: (chunk) => this.#attemptRestore(() => guarded("restore", () => reader.write(chunk))),
      end: () => this.#attemptRestore(() => reader.end()),
    };
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
    const { handlers } = this.#state;
    try {
      return answerOf(() => guarded("apply", () => handlers.apply(command.payload, new CommandContext(command))));
    } catch (cause) {
      throw this.#failure(`entry ${command.index} (term ${command.term})`, cause);
    }
  }

  #attemptRestore(step: () => void): void {
    try {
      step();
    } catch (cause) {
      throw this.#failure("restoring a snapshot", cause);
    }
  }

  #snapshotsOf({ handlers: { snapshots } }: State): SnapshotHandlers {
    if (snapshots !== null) return snapshots;
    const message = `The state machine ${this.#named} has no snapshots: its plugin does not define them`;
    throw new GraftError("state-machine", message);
  }

  #failure(where: string, cause: unknown, code: "state-machine" | "query-failed" = "state-machine"): GraftError {
    const message = `The state machine ${this.#named} failed at ${where}: ${reasonOf(cause)}`;
    return new GraftError(code, message, { cause });
  }

  get #named(): string {
    return `${this.#plugin.name} ${this.#plugin.version}`;
  }
}

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
const digestOf = (payload: Uint8Array): number => Number(Bun.hash.xxHash3(payload) >> 11n);

const refusal = ({ message }: Rejected): QueryOutcome => ({ kind: "rejected", message });

const nothing = new Uint8Array();
const done: Outcome = { kind: "ok", payload: nothing };
const unheard: Outcome = { kind: "rejected", message: "" };

/** What is kept for a later copy of the command need not cross over to a node where nobody waits for it. */
function forWaiter({ isAwaited }: AppliedCommand, outcome: Outcome): Outcome {
  if (isAwaited) return outcome;
  if (outcome.kind === "ok" || outcome.kind === "unsendable") return done;
  return outcome.kind === "rejected" ? unheard : outcome;
}

export const notOpened = (message: string, untilMs: number | null): Outcome =>
  untilMs === null ? { kind: "rejected", message } : { kind: "full", message, untilMs };

/** Nobody waits: not even a refusal's text, which may be long, has to go anywhere. */
const emptied = (result: Encode | Rejected): Outcome => (result instanceof Rejected ? unheard : done);

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
    code: plugin.code,
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
