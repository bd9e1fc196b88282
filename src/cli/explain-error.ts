// Which exit code does an error have, and how is it shown? What it means and what to do next are texts of errors.ts.
import { type Effect, type ErrorCode, GraftError } from "../errors.ts";
import { fatalExitCode, writeLastWord } from "../fail-stop.ts";
import type { Output } from "./output.ts";
import type { signalExitCodes } from "./stop-signals.ts";

/** 0 done, 1 refused or failed, 2 wrong usage, 3 unavailable, 4 outcome unknown, 70 a mistake in Graft, 129, 130, 131, 143: graft sim was stopped by a signal. */
export type ExitCode =
  0 | 1 | 2 | 3 | 4 | typeof fatalExitCode | (typeof signalExitCodes)[keyof typeof signalExitCodes];

const exitCodes: Readonly<Record<ErrorCode, ExitCode>> = {
  "not-leader": 3,
  unavailable: 3,
  overloaded: 3,
  "session-expired": 3,
  rejected: 1,
  unauthorized: 1,
  "wrong-cluster": 1,
  "state-machine": 1,
  "query-failed": 1,
  "backup-failed": 1,
  "result-lost": 1,
  "apply-failed": 4,
  "outcome-unknown": 4,
  config: 1,
  plugin: 1,
  storage: 1,
  damaged: 1,
  usage: 2,
};

/** A failure that has its own exit code, or that tells programs more than its error does. */
export class Failure extends Error {
  readonly error: Error;
  /** Null: that of the error's code. */
  readonly exitCode: ExitCode | null;
  /** More for --json. */
  readonly fields: Readonly<Record<string, unknown>>;
  /** Where the command knows better than the code of the error what it means and what to do next. */
  readonly advice: Advice | null;

  constructor(
    error: Error,
    exitCode: ExitCode | null,
    fields: Readonly<Record<string, unknown>> = {},
    advice: Advice | null = null,
  ) {
    super(error.message, { cause: error });
    this.name = "Failure";
    this.error = error;
    this.exitCode = exitCode;
    this.fields = fields;
    this.advice = advice;
  }
}

/** The second and the third part of what an error says. */
export interface Advice {
  readonly meaning: string;
  /** A line for each step. */
  readonly next: string;
}

/** Reads what a person wrote into a file: a mistake in there is wrong usage, as one on the command line is. */
export function checked<T>(read: () => T): T {
  try {
    return read();
  } catch (error) {
    throw error instanceof GraftError && error.code === "config" ? new Failure(error, 2) : error;
  }
}

interface Explained {
  readonly code: ErrorCode | "internal";
  readonly effect: Effect;
  readonly message: string;
  /** What it means for the data. */
  readonly meaning: string;
  readonly next: string;
  readonly exitCode: ExitCode;
  readonly fields: Readonly<Record<string, unknown>>;
}

export function explain(thrown: unknown): Explained {
  if (thrown instanceof Failure) {
    const told = explain(thrown.error);
    const fields = { ...told.fields, ...thrown.fields };
    return { ...told, ...thrown.advice, exitCode: thrown.exitCode ?? told.exitCode, fields };
  }
  if (thrown instanceof GraftError) return explainGraftError(thrown);
  const message = thrown instanceof Error ? thrown.message : String(thrown);
  // citty's own complaints about arguments.
  if (thrown instanceof Error && thrown.name === "CLIError") {
    return explainGraftError(new GraftError("usage", Bun.stripANSI(message)));
  }
  if (isOfTheSystem(thrown)) return explainGraftError(new GraftError("storage", message));
  return mistake(message);
}

function mistake(message: string): Explained {
  return {
    code: "internal",
    effect: "unknown",
    message,
    meaning: "This is a mistake in Graft. The request may or may not have taken effect.",
    next: "Report it, with what --verbose shows.",
    exitCode: fatalExitCode,
    fields: {},
  };
}

function explainGraftError({ code, effect, message, meaning, next, leader }: GraftError): Explained {
  // A request that changes nothing leaves nothing in doubt.
  const exitCode = exitCodes[code] === 4 && effect === "none" ? 1 : exitCodes[code];
  return { code, effect, message, meaning, next, exitCode, fields: leader === null ? {} : { leader } };
}

/** The operating system refused something: no mistake in Graft. */
const isOfTheSystem = (thrown: unknown): thrown is Error =>
  thrown instanceof Error && "code" in thrown && typeof thrown.code === "string" && /^E[A-Z0-9]+$/.test(thrown.code);

/** Whether a command may end like this. Anything else is a mistake in Graft, and ends the process by fail-stop.ts. */
export const isForeseen = (thrown: unknown): boolean => explain(thrown).exitCode !== fatalExitCode;

/** Says what went wrong, as a document or in words, and returns the exit code. */
export async function report(thrown: unknown, output: Output): Promise<ExitCode> {
  const explained = explain(thrown);
  const isTold = output.json && (await output.offer(documentOf(explained)));
  if (!isTold) await output.complain(wordsOf(explained, output));
  if (output.verbose && thrown instanceof Error) await output.detail(tracesOf(thrown).join("\n"));
  return explained.exitCode;
}

/** The same for a process that must not go back to its event loop: the last word of every command but `graft start`. */
export function reportAtLast(error: Error, output: Output): void {
  // The system's errors are foreseen where they are caught, and only there.
  const explained = isOfTheSystem(error) ? mistake(error.message) : explain(error);
  const traces = output.verbose ? tracesOf(error) : [];
  if (output.json) writeLastWord(standardOutput, documentOf(explained));
  if (output.json && !output.verbose) return;
  writeLastWord(standardError, [...(output.json ? [] : wordsOf(explained, output)), ...traces].join("\n"));
}

const [standardOutput, standardError] = [1, 2] as const;

const documentOf = ({ code, effect, message, meaning, next, fields }: Explained): string =>
  JSON.stringify({ error: { code, effect, message, meaning, next, ...fields } });

function wordsOf({ message, meaning, next }: Explained, { paintBeside: paint }: Output): readonly string[] {
  return [
    `${paint("red", "error:")} ${message}`,
    `${paint("dim", " data:")} ${meaning}`,
    `${paint("dim", " next:")} ${next.replaceAll("\n", "\n       ")}`,
  ];
}

function tracesOf(error: Error): readonly string[] {
  const cause = error instanceof Failure ? error.error : error;
  return [cause.stack ?? String(cause), ...(cause.cause instanceof Error ? [`caused by: ${cause.cause.stack}`] : [])];
}
