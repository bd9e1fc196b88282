// What may a client or an operator conclude from an error? Each code has one effect, whatever happened on the way to it. The
// texts of what an error means and what to do next stand here and nowhere else. All other places only say what happened,
// with its values. A protocol outcome is a value and no error. A broken invariant is an Error of another kind: it stops the node.

/**
 * What happened to the request:
 * - `none`     it had no effect and never will
 * - `done`     it took effect
 * - `unknown`  it may have taken effect, and may still do so
 */
export type Effect = "none" | "done" | "unknown";

/** What each code says of a command. A request that changes nothing has the effect `none` whatever its code: `effectOf`. */
const effects = {
  /** This node does not lead. Ask the leader. */
  "not-leader": "none",
  /** No leader, no quorum, or no connection. */
  unavailable: "none",
  /** Queues or tables are full. */
  overloaded: "none",
  /** The request is wrong, or the state machine refused it: the same on every node. */
  rejected: "none",
  /** The client's identity may not do that. */
  unauthorized: "none",
  /** The session is gone. This copy of the command had no effect; the client keeps account of earlier copies. */
  "session-expired": "none",
  /** The state machine of the node has stopped, so the node takes no request. */
  "state-machine": "none",
  /** The state machine failed to answer a query. */
  "query-failed": "none",
  /** The node cannot make or read a backup. */
  "backup-failed": "none",
  /** The request was executed and its result cannot be delivered. */
  "result-lost": "done",
  /** The command is committed, and the state machine stopped or hangs at its entry or before it. */
  "apply-failed": "unknown",
  /** The answer was lost or did not come in time. */
  "outcome-unknown": "unknown",
  /** Local failures, which never cross the wire. */
  config: "none",
  plugin: "none",
  usage: "none",
  /** The client refuses a node of another cluster of the same name. */
  "wrong-cluster": "none",
  /** The disk failed. The message says what was written. */
  storage: "unknown",
  /** What is on the disk is not what was written, or a finding forbids its use. */
  damaged: "none",
} as const satisfies Readonly<Record<string, Effect>>;

export type ErrorCode = keyof typeof effects;
export const errorCodes = Object.keys(effects) as readonly ErrorCode[];

/**
 * What was asked for. `inspection`: of a status, of the members, of the state machine's operations. `preparation`: what precedes a
 * command, such as the opening of a session. `request`: anything.
 */
export const subjects = [
  "request",
  "command",
  "query",
  "preparation",
  "inspection",
  "change",
  "transfer",
  "rollOut",
  "skip",
  "stop",
  "backup",
] as const;
export type Subject = (typeof subjects)[number];

type Sentences = Readonly<Record<Effect, string>>;

const always = (sentence: string): Sentences => ({ none: sentence, done: sentence, unknown: sentence });

const meanings: Readonly<Record<Subject, Sentences>> = {
  request: {
    none: "Nothing was changed.",
    done: "The request took effect.",
    unknown: "The request may or may not have taken effect, and may still do so.",
  },
  command: {
    none: "The command did not take effect and never will.",
    done: "The command took effect.",
    unknown: "The command may or may not have taken effect, and may still do so.",
  },
  query: always("A query changes nothing."),
  preparation: always("The command was not sent, so it did not take effect."),
  inspection: always("Nothing was changed."),
  change: {
    none: "The membership was not changed.",
    done: "The membership was changed.",
    unknown: "The membership may or may not have been changed, and the change may still complete. The data is safe.",
  },
  transfer: {
    none: "Leadership was not handed over. The data is safe.",
    done: "Leadership was handed over. The data is safe.",
    unknown: "Leadership may or may not have been handed over, and may still move. The data is safe.",
  },
  rollOut: {
    none: "The active version stays as it is.",
    done: "The version was made active.",
    unknown: "The version may or may not be active, and may still become so. The data is safe.",
  },
  skip: {
    none: "The entry was not skipped.",
    done: "The entry was skipped.",
    unknown: "The entry may or may not have been skipped, and may still be. The data is safe.",
  },
  stop: {
    none: "The node was not stopped.",
    done: "The node was told to stop.",
    unknown: "The node may or may not have stopped, and may still do so. What was acknowledged is safe.",
  },
  backup: always("No backup was made. The cluster's data was not changed."),
};

const seeStatus = "See who leads, and which nodes are missing, damaged or full: graft cluster status.";

/** One sentence or two for all requests, or `other` where a request has none of its own. */
type Steps = string | (Readonly<Partial<Record<Subject, string>>> & { readonly other: string });

const nextSteps: Readonly<Record<ErrorCode, Steps>> = {
  "not-leader": `Try again. ${seeStatus}`,
  unavailable: {
    // The status is one itself: any node answers it.
    inspection:
      "Check that nodes run at the addresses in -c, GRAFT_CLUSTER or graft.toml. A dry run also needs a leader.",
    other: `${seeStatus} A cluster answers while more than half of its voters run with sound data and free space.`,
  },
  overloaded: "Try again later, or send less at once.",
  rejected: {
    change: "Do what the message says, or correct the change. The members: graft cluster configuration.",
    other: "Correct what the message names.",
  },
  unauthorized:
    "Check --ca, --cert and --key. Administrators are listed under [access] admins in each node's configuration.",
  "session-expired": "Send the command again, in a new session.",
  "state-machine": "Do what the message says. Which state machines stand still, and why: graft cluster status.",
  "query-failed": "Correct the query, or what answers it in the plugin or the program.",
  "backup-failed": "Read the node's log, or take the backup from another node: --node ID.",
  "result-lost": {
    query: "Ask for a smaller result, or for another form of it.",
    change: "Look at the members: graft cluster configuration.",
    transfer: "See who leads: graft cluster leader.",
    rollOut: "See what is active: graft plugin roll-out --dry-run.",
    skip: "See which state machines stand still: graft cluster status.",
    stop: "See which nodes run: graft cluster status.",
    other: "Do not send it again: read the state with a query.",
  },
  "apply-failed":
    "Do not send it again: it is in the log. See where the state machine stopped, and why: graft cluster status.",
  "outcome-unknown": {
    change: "Look at the members: graft cluster configuration. The same change can be asked for again.",
    transfer: "See who leads: graft cluster leader. The same hand-over can be asked for again.",
    rollOut: "See what is active: graft plugin roll-out --dry-run. The same version can be asked for again.",
    skip: "See which state machines stand still: graft cluster status. The same entry can be named again.",
    stop: "See which nodes run: graft cluster status. The same node can be told to stop again.",
    other: "Read the state before you send it again.",
  },
  config: "Correct what the message names, and try again.",
  plugin: "Correct the plugin or the program, or [state_machine] in the configuration.",
  usage: "Correct the command line. All flags: --help.",
  "wrong-cluster":
    'Name nodes of one cluster: -c, or the list in graft.toml. To choose it by its uuid: uuid = "…" in graft.toml.',
  storage: "Do what the message says. Check the disk, the path and its permissions.",
  damaged: "Do what the message says. What a stopped node holds: graft log inspect --data-dir DIR.",
};

/** What became of a request that ended with this code. */
export function effectOf(code: ErrorCode, subject: Subject): Effect {
  switch (subject) {
    case "query":
    case "preparation":
    case "inspection":
    case "backup":
      return "none";
    default:
      return effects[code];
  }
}

/** What it means for the data. */
function meaningOf(code: ErrorCode, subject: Subject): string {
  // Files may have been written before the disk failed; which ones, the message says.
  if (code === "storage") return "Nothing was deleted.";
  return meanings[subject][effectOf(code, subject)];
}

/** What to do next. */
function nextStepOf(code: ErrorCode, subject: Subject): string {
  const steps = nextSteps[code];
  const own = typeof steps === "string" ? undefined : steps[subject];
  if (own !== undefined) return own;
  // The others are for requests that took effect, or may have.
  if (effects[code] !== "none" && effectOf(code, subject) === "none" && code !== "storage") return "Try again.";
  return typeof steps === "string" ? steps : steps.other;
}

export interface ErrorDetails {
  readonly cause?: unknown;
  /** With `not-leader`: who leads, if known. */
  readonly leader?: { readonly id: string; readonly address: string } | null;
  /** What was asked for. Default: `request`. */
  readonly subject?: Subject;
}

/** An operational failure: turned into a reply or an exit code once, at the edge. Its message says what happened, and no more. */
export class GraftError extends Error {
  readonly code: ErrorCode;
  readonly subject: Subject;
  readonly leader: { readonly id: string; readonly address: string } | null;

  constructor(code: ErrorCode, message: string, { cause, leader = null, subject = "request" }: ErrorDetails = {}) {
    super(message, cause === undefined ? undefined : { cause });
    this.name = "GraftError";
    this.code = code;
    this.subject = subject;
    this.leader = leader;
  }

  /** Whether the request took effect. */
  get effect(): Effect {
    return effectOf(this.code, this.subject);
  }

  /** What it means for the data. */
  get meaning(): string {
    return meaningOf(this.code, this.subject);
  }

  /** What to do next. */
  get next(): string {
    return nextStepOf(this.code, this.subject);
  }

  /** The same of a request of this kind. */
  about(subject: Subject): GraftError {
    if (subject === this.subject) return this;
    return new GraftError(this.code, this.message, { cause: this.cause, leader: this.leader, subject });
  }
}

/** A state machine has stopped. */
export class StateMachineStopped extends GraftError {
  /** The entry that it could not get past; null: it has stopped at none, or nobody can tell at which one. */
  readonly entry: number | null;

  constructor(message: string, entry: number | null, details: ErrorDetails = {}) {
    super("state-machine", message, details);
    this.entry = entry;
  }
}
