// What is wrong with a file, and how is it told? All at once, each with its line, its key, what is wrong and what to do.
import { GraftError } from "../errors.ts";

export interface Problem {
  /** 1 is the first line; null when the problem is not at any place in the file. */
  readonly line: number | null;
  /** As written in the file, such as `cluster.bootstrap[1].address`; empty when it concerns the whole file. */
  readonly key: string;
  /** What is wrong. */
  readonly what: string;
  /** What to do about it. */
  readonly remedy: string;
}

const QUOTED_CHARS_MAX = 60;

/** A value from a file, safe to print: quoted, without control characters, not too long. */
export function quote(value: unknown): string {
  const text = JSON.stringify(value) ?? String(value);
  const short = text.length <= QUOTED_CHARS_MAX ? text : `${text.slice(0, QUOTED_CHARS_MAX)}…`;
  return short.replace(/[\p{Cc}\p{Cf}\p{Zl}\p{Zp}\p{Cs}]/gu, "\u{fffd}");
}

/** One line a problem, in the order of the file. */
function describeProblems(path: string, problems: readonly Problem[]): string {
  const count = problems.length === 1 ? "1 problem" : `${problems.length} problems`;
  const ordered = problems.toSorted((a, b) => (a.line ?? Infinity) - (b.line ?? Infinity));
  const lines = ordered.map(({ line, key, what, remedy }) => {
    const place = line === null ? path : `${path}:${line}`;
    return `  ${place}: ${key === "" ? "" : `${key}: `}${what}; ${remedy}`;
  });
  return `${path} has ${count}:\n${lines.join("\n")}`;
}

export function problemsError(path: string, problems: readonly Problem[]): GraftError {
  return new GraftError("config", describeProblems(path, problems));
}
