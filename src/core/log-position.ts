// Where an entry stands in the log, and which of two logs is more up to date (§3.6.1).
// Index and term travel together: an index alone names different entries in different terms.

/** A term of the thesis: 0 before the first election, then rising by at least one with each. */
export type Term = number;

/** The place of an entry in the log. The first entry has index 1; 0 is the empty log. */
export type LogIndex = number;

/** Monotonic milliseconds; only differences have a meaning. */
export type Millis = number;

export interface LogPosition {
  readonly index: LogIndex;
  readonly term: Term;
}

/** The position before the first entry. */
export const logStart: LogPosition = Object.freeze({ index: 0, term: 0 });

export const samePosition = (a: LogPosition, b: LogPosition): boolean => a.index === b.index && a.term === b.term;

/**
 * §3.6.1: the log with the later last term is more up to date; with equal last terms, the longer one.
 * Lexicographic, term first: comparing field by field elects a leader that lacks committed entries.
 */
export function isUpToDate(candidate: LogPosition, voter: LogPosition): boolean {
  if (candidate.term !== voter.term) return candidate.term > voter.term;
  return candidate.index >= voter.index;
}
