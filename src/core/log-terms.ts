// What the core knows of its log without holding it: where it begins and ends, where each term begins, which
// configurations it holds, and roughly how heavy its tail is. The entries themselves are the node's business.
import { activationOf, type PlacedActivation } from "./activation.ts";
import type { Configuration, PlacedConfiguration } from "./configuration.ts";
import { type Entry, entryBytes } from "./entry.ts";
import type { LogIndex, LogPosition, Term } from "./log-position.ts";
import type { SnapshotRecord } from "./snapshot-record.ts";

/** A stretch of the log's tail and an upper bound of its size. */
export interface Segment {
  readonly through: LogIndex;
  readonly bytes: number;
}

export interface LogTerms {
  /** The position before the first entry that this log holds: the log's start, or one that a snapshot covers. */
  readonly base: LogPosition;
  readonly last: LogPosition;
  /** Replicated time of the last entry, ms since 1970. */
  readonly lastStampMs: number;
  /** The first position of each term after the base, ascending. */
  readonly termStarts: readonly LogPosition[];
  /** The configuration in force at the base (or that of the genesis) first, then each one in the log. Empty before genesis. */
  readonly configurations: readonly PlacedConfiguration[];
  /** The version of the state machine that is active at the base first, if there is one, then each one that the log activates. */
  readonly activations: readonly PlacedActivation[];
  /** The sizes of the entries after this index are known, in `segments`. */
  readonly sizedAfter: LogIndex;
  readonly segments: readonly Segment[];
}

const segmentBytesMax = 64 * 1024;
const segmentsMax = 256;

/** The term of the entry at `index`; null when it is compacted away or beyond the end. */
export function termAt(log: LogTerms, index: LogIndex): Term | null {
  if (index === log.last.index) return log.last.term;
  if (index === log.base.index) return log.base.term;
  if (index < log.base.index || index > log.last.index) return null;
  for (let at = log.termStarts.length - 1; at >= 0; at--) {
    const start = log.termStarts[at]!;
    if (start.index <= index) return start.term;
  }
  throw new Error(`log terms: index ${index} lies before the first term in the log`);
}

/** The position at `index`, which must be in the log or at its base. */
export function positionAt(log: LogTerms, index: LogIndex): LogPosition {
  const term = termAt(log, index);
  if (term === null) throw new Error(`log terms: index ${index} is not in the log`);
  return { index, term };
}

/** The first index that this log holds of the term of `index`. */
export function firstIndexOfTermAt(log: LogTerms, index: LogIndex): LogIndex {
  for (let at = log.termStarts.length - 1; at >= 0; at--) {
    const start = log.termStarts[at]!;
    if (start.index <= index) return start.index;
  }
  return log.base.index;
}

/** The last index whose entry has a term of at most `term`; the base if none has. */
export function lastIndexUpToTerm(log: LogTerms, term: Term): LogIndex {
  const next = log.termStarts.find((start) => start.term > term);
  return next === undefined ? log.last.index : next.index - 1;
}

/** The latest configuration known to be committed, and where it stands. Null before genesis. */
export const committedConfiguration = (log: LogTerms, commitIndex: LogIndex): PlacedConfiguration | null =>
  log.configurations.findLast(({ position }) => position.index <= commitIndex) ?? null;

/** The configuration in force: the latest in the log, committed or not (§4.1). Null before genesis. */
export const latestConfiguration = (log: LogTerms): Configuration | null =>
  log.configurations.at(-1)?.configuration ?? null;

/** The configuration in force at `index`, which must not lie below the base. */
export function configurationAt(log: LogTerms, index: LogIndex): PlacedConfiguration {
  const placed = log.configurations.findLast(({ position }) => position.index <= index);
  if (placed === undefined) throw new Error(`log terms: no configuration is in force at ${index}`);
  return placed;
}

/** What is activated through `index`, which must not lie below the base; null: nothing yet. */
export const activationAt = (log: LogTerms, index: LogIndex): PlacedActivation | null =>
  log.activations.findLast(({ position }) => position.index <= index) ?? null;

/** The log without the entries up to `base`, which a snapshot covers. The configuration in force there is kept. */
export function compacted(log: LogTerms, base: LogPosition): LogTerms {
  const inForce = configurationAt(log, base.index);
  const activeIndex = activationAt(log, base.index)?.position.index ?? 0;
  const later = log.termStarts.filter((start) => start.index > base.index);
  const nextTerm = termAt(log, base.index + 1);
  const isListed = nextTerm === null || later[0]?.index === base.index + 1;
  return {
    ...log,
    base,
    termStarts: isListed ? later : [{ index: base.index + 1, term: nextTerm }, ...later],
    configurations: log.configurations.filter((placed) => placed.position.index >= inForce.position.index),
    activations: log.activations.filter(({ position }) => position.index >= activeIndex),
    sizedAfter: Math.max(log.sizedAfter, base.index),
    segments: log.segments.filter((segment) => segment.through > base.index),
  };
}

/** An empty log after what `snapshot` covers: nothing of an earlier one survives. */
export const emptiedAt = ({ position, stampMs, configuration, activation }: SnapshotRecord): LogTerms => ({
  base: position,
  last: position,
  lastStampMs: stampMs,
  termStarts: [],
  configurations: [configuration],
  activations: activation === null ? [] : [activation],
  sizedAfter: position.index,
  segments: [],
});

/** After which index the entries up to `through` are within these bounds, as far as their sizes are known. */
export function tailStart(
  log: LogTerms,
  through: LogIndex,
  { entriesMax, bytesMax }: { readonly entriesMax: number; readonly bytesMax: number },
): LogIndex {
  let bytes = 0;
  let start = through;
  for (let at = log.segments.length - 1; at >= 0; at--) {
    const after = log.segments[at - 1]?.through ?? log.sizedAfter;
    if (after >= through) continue;
    bytes += log.segments[at]!.bytes;
    if (bytes > bytesMax) break;
    start = after;
  }
  return Math.max(start, through - entriesMax, log.base.index);
}

/**
 * The log with `entries` at its end. They must continue it without a gap. No segment of more than one entry is heavier
 * than `messageBytesMax`: a message is made of whole segments.
 */
export function appended(log: LogTerms, entries: readonly Entry[], messageBytesMax: number): LogTerms {
  const termStarts: LogPosition[] = [...log.termStarts];
  let { configurations, activations } = log;
  let last = log.last;
  let lastStampMs = log.lastStampMs;
  for (const entry of entries) {
    if (entry.index !== last.index + 1) throw new Error(`log terms: ${entry.index} does not follow ${last.index}`);
    if (entry.term < last.term) throw new Error(`log terms: term ${entry.term} after term ${last.term}`);
    if (entry.term !== last.term || termStarts.length === 0) termStarts.push({ index: entry.index, term: entry.term });
    last = { index: entry.index, term: entry.term };
    lastStampMs = entry.stampMs;
    if (entry.kind === "configuration") {
      configurations = [...configurations, { position: last, configuration: entry.configuration }];
    }
    if (entry.kind === "activate") activations = [...activations, { position: last, ...activationOf(entry) }];
  }
  const sized = withSizes(log, entries, Math.min(segmentBytesMax, messageBytesMax));
  return { ...log, last, lastStampMs, termStarts, configurations, activations, ...sized };
}

/** The log without the entries after `through`; a configuration that goes is rolled back with its entry (§4.1). */
export function truncated(log: LogTerms, through: LogIndex): LogTerms {
  const last = positionAt(log, through);
  const segments = log.segments.filter((segment) => segment.through < through);
  return {
    ...log,
    last,
    termStarts: log.termStarts.filter((start) => start.index <= through),
    configurations: log.configurations.filter((placed) => placed.position.index <= through),
    activations: log.activations.filter(({ position }) => position.index <= through),
    // Where the cut falls into a segment its size still bounds what is left of it.
    segments: cutSegment(log, through, segments),
    sizedAfter: Math.min(log.sizedAfter, through),
  };
}

function cutSegment(log: LogTerms, through: LogIndex, kept: readonly Segment[]): readonly Segment[] {
  const cut = log.segments[kept.length];
  return cut !== undefined && through > log.sizedAfter ? [...kept, { through, bytes: cut.bytes }] : kept;
}

function withSizes(
  log: LogTerms,
  entries: readonly Entry[],
  bytesMax: number,
): Pick<LogTerms, "segments" | "sizedAfter"> {
  const segments = [...log.segments];
  for (const entry of entries) {
    const bytes = entryBytes(entry);
    const end = segments.at(-1);
    if (end !== undefined && end.bytes + bytes <= bytesMax) {
      segments[segments.length - 1] = { through: entry.index, bytes: end.bytes + bytes };
    } else {
      segments.push({ through: entry.index, bytes });
    }
  }
  const dropped = segments.splice(0, Math.max(0, segments.length - segmentsMax));
  return { segments, sizedAfter: dropped.at(-1)?.through ?? log.sizedAfter };
}

/**
 * How far one message that begins at `first` may reach, and an upper bound of its size: as many segments as fit into
 * `bytesMax`, at least one. Null when the sizes there are not known.
 */
export function stretchFrom(log: LogTerms, first: LogIndex, bytesMax: number): Segment | null {
  if (first <= log.sizedAfter) return null;
  let bytes = 0;
  let through: LogIndex | null = null;
  for (const segment of log.segments) {
    if (segment.through < first) continue;
    if (through !== null && bytes + segment.bytes > bytesMax) break;
    through = segment.through;
    bytes += segment.bytes;
  }
  return through === null ? null : { through, bytes };
}
