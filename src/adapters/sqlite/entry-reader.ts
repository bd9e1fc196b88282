// Reads a run of entries back and follows the chain over it. Whether the range is in the log is the caller's question.
import type { Database } from "bun:sqlite";
import { type Entry, entryBytes } from "../../core/entry.ts";
import type { LogIndex } from "../../core/log-position.ts";
import type { Chain } from "./chain.ts";
import { type EntryRow, toEntry } from "./entry-row.ts";
import { damagedEntry, unknownKind } from "./storage-errors.ts";
import { verifyRow } from "./verify-row.ts";

export interface EntryRange {
  readonly first: LogIndex;
  readonly last: LogIndex;
  readonly bytesMax: number;
}

export type ReadEntries = (before: Chain, range: EntryRange) => readonly Entry[];

/**
 * Prepares the query. The function takes the checksum of the entry before the range and throws `GraftError` at
 * the first entry that is missing or not what was written (`damaged`), or of a kind that this binary does not know (`storage`).
 */
export function prepareEntryReader(db: Database, file: string): ReadEntries {
  const select = db.prepare<EntryRow, [number, number]>("SELECT * FROM log WHERE idx BETWEEN ?1 AND ?2 ORDER BY idx");
  return (before, { first, last, bytesMax }) => {
    const entries: Entry[] = [];
    let chain = before;
    let bytes = 0;
    // Leaving the loop ends the query, so that it does not hold up the next checkpoint.
    for (const row of select.iterate(first, last)) {
      const expected = first + entries.length;
      if (row.idx !== expected) throw damagedEntry(file, expected, "it is missing");
      const entry = verified(file, chain, row);
      bytes += entryBytes(entry);
      if (entries.length > 0 && bytes > bytesMax) return entries;
      entries.push(entry);
      ({ chain } = row);
    }
    if (first + entries.length <= last) throw damagedEntry(file, first + entries.length, "it is missing");
    return entries;
  };
}

function verified(file: string, before: Chain, row: EntryRow): Entry {
  verifyRow(file, before, row);
  const entry = toEntry(row);
  if (entry === null) throw unknownKind(file, row.idx, row.kind);
  return entry;
}
