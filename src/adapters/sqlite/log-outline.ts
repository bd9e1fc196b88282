// Whether effects fit the log that is there: contiguous, above the snapshot, terms never falling. Decided here, before
// anything is written, so that a refusal leaves no trace. How the effects reach the file is log-store.ts.
import type { DurableEffect } from "../../core/effects.ts";
import type { Entry } from "../../core/entry.ts";
import type { LogIndex, LogPosition } from "../../core/log-position.ts";

/** The log without its contents: what contiguity can be judged by. */
export interface LogOutline {
  readonly snapshot: LogPosition;
  readonly last: LogPosition;
  readonly termStarts: readonly LogPosition[];
  readonly hasGenesis: boolean;
}

/** Whether a term begins with this entry, as far as this log shows: the first one after a snapshot counts as well. */
export const beginsTerm = (entry: Entry, previous: LogPosition, snapshot: LogPosition): boolean =>
  entry.term !== previous.term || previous.index === snapshot.index;

/** The outline after the effects, or in words why the first one that does not fit is refused. */
export function outlineAfter(outline: LogOutline, effects: readonly DurableEffect[]): LogOutline | string {
  let after = outline;
  for (const effect of effects) {
    const next = afterEffect(after, effect);
    if (typeof next === "string") return next;
    after = next;
  }
  return after;
}

function afterEffect(outline: LogOutline, effect: DurableEffect): LogOutline | string {
  switch (effect.kind) {
    case "writeVote":
      if (isCount(effect.currentTerm)) return outline;
      return `${effect.currentTerm} is not a term`;
    case "writeGenesis":
      return outline.hasGenesis ? "a genesis is there already" : { ...outline, hasGenesis: true };
    case "truncateLog":
      return afterTruncation(outline, effect.through);
    case "appendLog":
      return afterAppend(outline, effect.entries);
  }
}

function afterTruncation(outline: LogOutline, through: LogIndex): LogOutline | string {
  const { snapshot, last } = outline;
  if (!isCount(through)) return `${through} is not an index`;
  if (through < snapshot.index) return `a truncation to ${through}, below the snapshot's end ${snapshot.index}`;
  if (through > last.index) return `a truncation to ${through}, but the log ends at ${last.index}`;
  const termStarts = outline.termStarts.filter((start) => start.index <= through);
  const term = termStarts.at(-1)?.term ?? snapshot.term;
  return { ...outline, termStarts, last: { index: through, term } };
}

function afterAppend(outline: LogOutline, entries: readonly Entry[]): LogOutline | string {
  let { index, term } = outline.last;
  const starts: LogPosition[] = [];
  for (const entry of entries) {
    if (entry.index !== index + 1) return misplaced(entry.index, index, outline.snapshot.index);
    if (!isCount(entry.term) || entry.term < Math.max(1, term)) {
      return `entry ${entry.index} of term ${entry.term} after term ${term}`;
    }
    if (!isCount(entry.stampMs)) return `entry ${entry.index} has the time ${entry.stampMs}, not whole milliseconds`;
    if (beginsTerm(entry, { index, term }, outline.snapshot)) starts.push({ index: entry.index, term: entry.term });
    ({ index, term } = entry);
  }
  const termStarts = starts.length === 0 ? outline.termStarts : outline.termStarts.concat(starts);
  return { ...outline, termStarts, last: { index, term } };
}

function misplaced(index: LogIndex, lastIndex: LogIndex, snapshotIndex: LogIndex): string {
  if (index > lastIndex + 1) return `entry ${index} would leave a gap, the log ends at ${lastIndex}`;
  if (index <= snapshotIndex) return `entry ${index} lies at or below the snapshot's end ${snapshotIndex}`;
  return `entry ${index} would overlap the log, which ends at ${lastIndex}`;
}

const isCount = (value: number): boolean => Number.isSafeInteger(value) && value >= 0;
