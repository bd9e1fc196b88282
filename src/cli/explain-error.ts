// What does an error mean for whoever typed the command? The one place that turns an error into an exit code and into
// words: what happened, what it means for the data, what to do next.
import { type ErrorCode, GraftError } from "../errors.ts";
import type { Output } from "./output.ts";

/** 0 done, 1 refused or failed, 2 wrong usage, 3 unavailable, 4 outcome unknown. */
export type ExitCode = 0 | 1 | 2 | 3 | 4;

interface Meaning {
  readonly exitCode: ExitCode;
  /** What it means for the data; null where there is none. */
  readonly data: string | null;
  readonly next: string | null;
}

const nothingHappened = "nothing was changed";

const meanings: Readonly<Record<ErrorCode, Meaning>> = {
  "not-leader": { exitCode: 3, data: nothingHappened, next: "try again; who leads: graft cluster status" },
  unavailable: {
    exitCode: 3,
    data: nothingHappened,
    next: "see which nodes are missing: graft cluster status; a cluster answers while more than half of its voters run",
  },
  overloaded: { exitCode: 3, data: nothingHappened, next: "try again later, or with less at once" },
  rejected: { exitCode: 1, data: nothingHappened, next: "correct the request" },
  "state-machine": {
    exitCode: 1,
    data: "the command is in the log; the state machine did not get past it",
    next: "the node's log says at which entry and why",
  },
  unauthorized: {
    exitCode: 1,
    data: nothingHappened,
    next: "check --ca, --cert and --key; who may administer stands under [access] admins in the nodes' configuration",
  },
  // The client opens another session, or says that the outcome is unknown: this one is never shown by it.
  "session-expired": { exitCode: 3, data: nothingHappened, next: "try again" },
  "outcome-unknown": {
    exitCode: 4,
    data: "the command may or may not have taken effect",
    next: "look at the state before you send it again",
  },
  config: { exitCode: 1, data: null, next: null },
  plugin: {
    exitCode: 1,
    data: "the node did not start; its data was not touched",
    next: "correct the plugin, or [state_machine] plugin",
  },
  storage: { exitCode: 1, data: null, next: null },
  usage: { exitCode: 2, data: null, next: null },
};

/** A failure that has its own exit code or its own words, whatever its error's code says. */
export class Failure extends Error {
  readonly error: Error;
  readonly meaning: Partial<Meaning>;
  /** More for --json. */
  readonly fields: Readonly<Record<string, unknown>>;

  constructor(error: Error, meaning: Partial<Meaning>, fields: Readonly<Record<string, unknown>> = {}) {
    super(error.message, { cause: error });
    this.name = "Failure";
    this.error = error;
    this.meaning = meaning;
    this.fields = fields;
  }
}

/** Reads what a person wrote into a file: a mistake in there is wrong usage, as one on the command line is. */
export function checked<T>(read: () => T): T {
  try {
    return read();
  } catch (error) {
    throw error instanceof GraftError && error.code === "config" ? new Failure(error, { exitCode: 2 }) : error;
  }
}

interface Explained extends Meaning {
  readonly code: ErrorCode | "internal";
  readonly message: string;
  readonly fields: Readonly<Record<string, unknown>>;
}

export function explain(thrown: unknown): Explained {
  if (thrown instanceof Failure) {
    const told = explain(thrown.error);
    return { ...told, ...thrown.meaning, fields: { ...told.fields, ...thrown.fields } };
  }
  if (thrown instanceof GraftError) {
    const fields = thrown.leader === null ? {} : { leader: thrown.leader };
    return { ...meanings[thrown.code], code: thrown.code, message: thrown.message, fields };
  }
  const message = thrown instanceof Error ? thrown.message : String(thrown);
  // citty's own complaints about arguments.
  if (thrown instanceof Error && thrown.name === "CLIError") {
    return { ...meanings.usage, code: "usage", message: Bun.stripANSI(message), fields: {} };
  }
  return {
    code: "internal",
    exitCode: 1,
    message,
    data: null,
    next: "this is a mistake in Graft; run it again with --verbose to see where",
    fields: {},
  };
}

/** Says what went wrong, as a document or in words, and returns the exit code. */
export async function report(thrown: unknown, output: Output): Promise<ExitCode> {
  const { code, message, data, next, exitCode, fields } = explain(thrown);
  if (output.json) {
    const error = { code, message, ...(data === null ? {} : { data }), ...(next === null ? {} : { next }), ...fields };
    await output.line(JSON.stringify({ error }));
  } else {
    const paint = output.paintBeside;
    const lines = [`${paint("red", "error:")} ${message}`];
    if (data !== null && !says(message, data)) lines.push(`${paint("dim", " data:")} ${data}`);
    if (next !== null) lines.push(`${paint("dim", " next:")} ${next}`);
    await output.complain(lines.join("\n"));
  }
  if (output.verbose && thrown instanceof Error) await output.detail(tracesOf(thrown).join("\n"));
  return exitCode;
}

/** Whether the message has said it already, as those of nodes often do. */
const says = (message: string, data: string): boolean =>
  data === nothingHappened
    ? /nothing (happened|was lost|was changed|was written)/.test(message)
    : message.includes(data);

function tracesOf(error: Error): readonly string[] {
  const cause = error instanceof Failure ? error.error : error;
  return [cause.stack ?? String(cause), ...(cause.cause instanceof Error ? [`caused by: ${cause.cause.stack}`] : [])];
}
