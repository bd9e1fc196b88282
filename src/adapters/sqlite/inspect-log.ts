// What does a stopped node have on its disk? Its records, the outline of its log, and of the last entries what and how large
// they are: never what is in them (P57 of the tests). Changes nothing.
import type { Database } from "bun:sqlite";
import type { Entry } from "../../core/entry.ts";
import type { LogIndex, LogPosition } from "../../core/log-position.ts";
import { GraftError } from "../../errors.ts";
import type { Finding, SavedState } from "../../ports/log-store.ts";
import { markWords } from "./damage-words.ts";
import { prepareEntryReader } from "./entry-reader.ts";
import { type EntryRow, kindOf } from "./entry-row.ts";
import { type FoundMark, markFile, readMark } from "./mark-file.ts";
import { lookAtStopped } from "./open-stopped.ts";
import { type Found, readSavedState } from "./saved-state.ts";
import { formatVersion } from "./schema.ts";
import { damageOf } from "./stopped-damage.ts";

/** An entry without its payload. */
export interface EntrySummary extends LogPosition {
  /** Null: of a kind that this version of Graft does not know. */
  readonly kind: Entry["kind"] | null;
  /** Replicated time, ms since 1970. */
  readonly stampMs: number;
  readonly payloadBytes: number;
  /** The session of a command, or the one that is closed. */
  readonly session: LogIndex | null;
}

export interface LogInspection {
  readonly file: string;
  /** Of the data, not of the program. */
  readonly format: number;
  readonly saved: SavedState;
  /** The last entries, ascending. */
  readonly entries: readonly EntrySummary[];
  /** How many entries were read and are what was written; null: that was not asked for. */
  readonly verifiedEntries: number | null;
  /** What is remembered beside the log. */
  readonly mark: FoundMark;
  /** What an administrator has to decide on before the node may start. */
  readonly finding: Finding | null;
  /** What is damaged or lost, in words; empty: nothing that was looked for. */
  readonly damage: readonly string[];
}

export interface InspectionOptions {
  /** How many of the last entries are told of. */
  readonly entriesMax: number;
  /** Reads every entry and follows the checksums over them. */
  readonly verify: boolean;
}

/** How much of the log is in memory at a time, bytes. */
const stretchBytesMax = 4 * 1024 * 1024;

/**
 * Throws `GraftError("storage")`: no log there, a node is using it, an unknown format; `GraftError("damaged")`: what is there
 * cannot be read at all. Damage that leaves the rest readable is told in the answer.
 */
export function inspectLog(dataDir: string, options: InspectionOptions): LogInspection {
  try {
    return lookAtStopped(dataDir, ({ file, db }) => {
      const found = readSavedState(db, file);
      const entries = lastEntries(db, found, options.entriesMax);
      const verified = options.verify ? verifyOrTell(db, file, found) : { verifiedEntries: null, damage: [] };
      const { mark, finding, damage } = damageOf(db, file, found);
      return {
        file,
        format: formatVersion,
        saved: found.saved,
        entries,
        verifiedEntries: verified.verifiedEntries,
        mark,
        finding,
        damage: [...damage, ...verified.damage],
      };
    });
  } catch (error) {
    throw error instanceof GraftError && error.code === "damaged" ? withMark(dataDir, error) : error;
  }
}

/** The database cannot be read, so the mark is the only one to say what was in it. */
function withMark(dataDir: string, error: GraftError): GraftError {
  const found = readMark(markFile(dataDir));
  if (found.kind !== "mark") return error;
  return new GraftError("damaged", `${error.message} By the mark ${markWords(found.mark)}.`, { cause: error });
}

function verifyOrTell(db: Database, file: string, found: Found): Pick<LogInspection, "verifiedEntries" | "damage"> {
  try {
    return { verifiedEntries: verifyEntries(db, file, found), damage: [] };
  } catch (error) {
    if (error instanceof GraftError && error.code === "damaged")
      return { verifiedEntries: null, damage: [error.message] };
    throw error;
  }
}

type SummaryRow = Pick<EntryRow, "idx" | "term" | "kind" | "stamp_ms" | "session"> & { readonly bytes: number };

function lastEntries(db: Database, { base }: Found, max: number): readonly EntrySummary[] {
  const columns = "idx, term, kind, stamp_ms, session, length(payload) AS bytes";
  const rows = db.query(`SELECT ${columns} FROM log WHERE idx > ? ORDER BY idx DESC LIMIT ?`).all(base.index, max);
  return (rows as SummaryRow[]).toReversed().map((row) => ({
    index: row.idx,
    term: row.term,
    kind: kindOf(row),
    stampMs: row.stamp_ms,
    payloadBytes: row.bytes,
    session: row.session,
  }));
}

/** Every entry from the base to the end is there and is what was written; returns how many. Throws at the first that is not. */
export function verifyEntries(db: Database, file: string, { base, tail }: Found): number {
  const read = prepareEntryReader(db, file);
  const chainAt = db.prepare<{ chain: number }, [number]>("SELECT chain FROM log WHERE idx = ?");
  let { chain, index } = base;
  while (index < tail.index) {
    const entries = read(chain, { first: index + 1, last: tail.index, bytesMax: stretchBytesMax });
    index += entries.length;
    chain = chainAt.get(index)!.chain;
  }
  return tail.index - base.index;
}
