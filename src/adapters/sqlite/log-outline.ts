// Whether effects fit the log that is there: contiguous, above the base, terms never falling, snapshots never going back.
// Decided here, before anything is written, so that a refusal leaves no trace. How they reach the file is log-store.ts.
import type { DurableEffect, WriteSnapshot } from "../../core/effects.ts";
import type { Entry } from "../../core/entry.ts";
import { type LogIndex, type LogPosition, samePosition, type Term } from "../../core/log-position.ts";

/** The log without its contents: what contiguity can be judged by. */
export interface LogOutline {
  /** The position before the log's first entry. */
  readonly base: LogPosition;
  /** Where the latest snapshot ends; the log's start without one. */
  readonly snapshot: LogPosition;
  readonly last: LogPosition;
  readonly termStarts: readonly LogPosition[];
  readonly hasGenesis: boolean;
  readonly isRemoved: boolean;
}

/** Whether a term begins with this entry, as far as this log shows: the first one after the base counts as well. */
export const beginsTerm = (entry: Entry, previous: LogPosition, base: LogPosition): boolean =>
  entry.term !== previous.term || previous.index === base.index;

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
    case "writeRemoved":
      return outline.isRemoved ? "the node has been removed already" : { ...outline, isRemoved: true };
    case "writeRefilled":
      return outline;
    case "truncateLog":
      return afterTruncation(outline, effect.through);
    case "appendLog":
      return afterAppend(outline, effect.entries);
    case "writeSnapshot":
      return whyNotSnapshot(outline, effect) ?? afterSnapshot(outline, effect);
  }
}

function afterTruncation(outline: LogOutline, through: LogIndex): LogOutline | string {
  const { base, snapshot, last } = outline;
  if (!isCount(through)) return `${through} is not an index`;
  if (through < snapshot.index) return `a truncation to ${through}, below the snapshot's end ${snapshot.index}`;
  if (through > last.index) return `a truncation to ${through}, but the log ends at ${last.index}`;
  const termStarts = outline.termStarts.filter((start) => start.index <= through);
  const term = termStarts.at(-1)?.term ?? base.term;
  return { ...outline, termStarts, last: { index: through, term } };
}

function afterAppend(outline: LogOutline, entries: readonly Entry[]): LogOutline | string {
  let { index, term } = outline.last;
  const starts: LogPosition[] = [];
  for (const entry of entries) {
    if (entry.index !== index + 1) return misplaced(entry.index, index, outline.base.index);
    if (!isCount(entry.term) || entry.term < Math.max(1, term)) {
      return `entry ${entry.index} of term ${entry.term} after term ${term}`;
    }
    if (!isCount(entry.stampMs)) return `entry ${entry.index} has the time ${entry.stampMs}, not whole milliseconds`;
    if (beginsTerm(entry, { index, term }, outline.base)) starts.push({ index: entry.index, term: entry.term });
    ({ index, term } = entry);
  }
  const termStarts = starts.length === 0 ? outline.termStarts : outline.termStarts.concat(starts);
  return { ...outline, termStarts, last: { index, term } };
}

function misplaced(index: LogIndex, lastIndex: LogIndex, baseIndex: LogIndex): string {
  if (index > lastIndex + 1) return `entry ${index} would leave a gap, the log ends at ${lastIndex}`;
  if (index <= baseIndex) return `entry ${index} lies at or below the log's base ${baseIndex}`;
  return `entry ${index} would overlap the log, which ends at ${lastIndex}`;
}

/** In words why the snapshot or its base does not fit, or null when they do. */
function whyNotSnapshot(outline: LogOutline, write: WriteSnapshot) {
  const { snapshot, base, baseConfiguration, baseActivation, discardsLog } = write;
  const { position, configuration, activation, stampMs, chain } = snapshot;
  const numbers = [position.index, position.term, base.index, base.term, stampMs, chain];
  if (!numbers.every(isCount))
    return `${JSON.stringify({ position, base, stampMs, chain })} is not where a snapshot ends`;
  if (position.index < outline.snapshot.index) {
    return `a snapshot through ${position.index}, below the latest one's end ${outline.snapshot.index}`;
  }
  if (base.index > position.index) return `a base ${base.index} beyond the snapshot's end ${position.index}`;
  if (base.index < outline.base.index) return `a base ${base.index} below the present one ${outline.base.index}`;
  if (configuration.position.index > position.index || baseConfiguration.position.index > base.index) {
    return `a configuration that stands after the snapshot's end ${position.index} or the base ${base.index}`;
  }
  const isActivatedLater = (activation?.position.index ?? 0) > position.index;
  if (isActivatedLater || (baseActivation?.position.index ?? 0) > base.index) {
    return `an activation that stands after the snapshot's end ${position.index} or the base ${base.index}`;
  }
  if (discardsLog)
    return samePosition(base, position) ? null : "a new beginning of the log that is not the snapshot's end";
  const foreign = [position, base].find(({ index, term }) => termOf(outline, index) !== term);
  return foreign === undefined ? null : `entry ${foreign.index} of term ${foreign.term} is not in the log`;
}

function afterSnapshot(outline: LogOutline, { snapshot, base, discardsLog }: WriteSnapshot): LogOutline {
  const after = { ...outline, base, snapshot: snapshot.position };
  if (discardsLog) return { ...after, last: base, termStarts: [] };
  const termStarts = outline.termStarts.filter((start) => start.index > base.index);
  const firstTerm = outline.last.index > base.index ? termOf(outline, base.index + 1) : null;
  const cutsIntoTerm = firstTerm !== null && termStarts[0]?.index !== base.index + 1;
  if (cutsIntoTerm) termStarts.unshift({ index: base.index + 1, term: firstTerm });
  return { ...after, termStarts };
}

/** The term of the entry at `index` or of the base; null when the log does not reach there. */
function termOf({ base, last, termStarts }: LogOutline, index: LogIndex): Term | null {
  if (index < base.index || index > last.index) return null;
  return termStarts.findLast((start) => start.index <= index)?.term ?? base.term;
}

const isCount = (value: number): boolean => Number.isSafeInteger(value) && value >= 0;
