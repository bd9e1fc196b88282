// What the file holds: its tables, and the numbers by which it is known again. A file of another format is refused.
import { Database } from "bun:sqlite";
import type { Incarnation, MemberKey } from "../../core/configuration.ts";
import type { Term } from "../../core/log-position.ts";
import { chainStart, recordChecksum } from "./chain.ts";
import type { Refill } from "../../core/state.ts";

/** "GRFT": marks the file as Graft's. */
export const applicationId = 0x47524654;

/** Raised with every change to the tables, to what stands in a row, or to the mark; a higher or lower one is refused. */
export const formatVersion = 8;

/**
 * - identity, vote, base, genesis, removed, refill, snapshot: one row, always, each with a checksum of its own. Term and vote are
 *   one row, so that they never reach the disk apart. The last four may hold nothing, and they say so in JSON: null. A row that is
 *   missing has been lost, as when the empty page of another table stands in the place of its page.
 * - log: the entries after the base, without a gap, each with a checksum chained over its predecessor's. Rows at or below
 *   the base are rubbish: nothing reads them, and space.ts removes them by and by.
 * - term_starts, configurations, activations: where each term begins, and which entries hold configurations or activate a
 *   version of the state machine, so that opening the file needs no walk over the log. Written in the transactions that write those entries.
 */
const tables = `
  CREATE TABLE identity (
    only INTEGER PRIMARY KEY CHECK (only = 1), incarnation TEXT NOT NULL, database_id TEXT NOT NULL,
    checksum INTEGER NOT NULL) STRICT;
  CREATE TABLE vote (
    only INTEGER PRIMARY KEY CHECK (only = 1), current_term INTEGER NOT NULL, voted_for TEXT,
    checksum INTEGER NOT NULL) STRICT;
  CREATE TABLE genesis (
    only INTEGER PRIMARY KEY CHECK (only = 1), record TEXT NOT NULL, checksum INTEGER NOT NULL) STRICT;
  CREATE TABLE removed (
    only INTEGER PRIMARY KEY CHECK (only = 1), record TEXT NOT NULL, checksum INTEGER NOT NULL) STRICT;
  CREATE TABLE refill (
    only INTEGER PRIMARY KEY CHECK (only = 1), record TEXT NOT NULL, checksum INTEGER NOT NULL) STRICT;
  CREATE TABLE snapshot (
    only INTEGER PRIMARY KEY CHECK (only = 1), record TEXT NOT NULL, checksum INTEGER NOT NULL) STRICT;
  CREATE TABLE base (
    only INTEGER PRIMARY KEY CHECK (only = 1), idx INTEGER NOT NULL, term INTEGER NOT NULL,
    stamp_ms INTEGER NOT NULL, chain INTEGER NOT NULL, configuration TEXT, activation TEXT, checksum INTEGER NOT NULL) STRICT;
  CREATE TABLE log (
    idx INTEGER PRIMARY KEY, term INTEGER NOT NULL, kind INTEGER NOT NULL, stamp_ms INTEGER NOT NULL,
    chain INTEGER NOT NULL, payload BLOB NOT NULL,
    session INTEGER, sequence INTEGER, answered_below INTEGER, client TEXT) STRICT;
  CREATE TABLE term_starts (term INTEGER PRIMARY KEY, idx INTEGER NOT NULL) STRICT;
  CREATE TABLE configurations (idx INTEGER PRIMARY KEY) STRICT;
  CREATE TABLE activations (idx INTEGER PRIMARY KEY) STRICT;
`;

/** The tables of one row that holds JSON. */
export type RecordTable = "genesis" | "removed" | "refill" | "snapshot";

/** The record of a table that has nothing to say yet: null, in JSON. */
export const nothing = "null";

/**
 * Whether each table has its columns. Otherwise a statement may fail at any time. How the schema is worded does not count: a
 * file of this format stays sound when that changes.
 */
export function hasItsTables(db: Database): boolean {
  using expected = new Database(":memory:");
  expected.run(tables);
  const found = new Set(columnsOf(db));
  return columnsOf(expected).every((column) => found.has(column));
}

/** Each as "table.column". */
function columnsOf(db: Database): readonly string[] {
  const columns = db.query(
    "SELECT t.name || '.' || c.name AS name FROM sqlite_schema t, pragma_table_info(t.name) c WHERE t.type = 'table'",
  );
  return (columns.all() as { name: string }[]).map(({ name }) => name);
}

/** What an empty database begins with. */
export interface Beginning {
  readonly incarnation: Incarnation;
  readonly databaseId: string;
  /** Of a node whose data was lost: what it had promised before. */
  readonly currentTerm: Term;
  readonly votedFor: MemberKey | null;
  readonly refill: Refill | null;
}

/** Fills an empty database, in one transaction: after a crash it is either empty or complete. */
export function createTables(db: Database, beginning: Beginning): void {
  const { incarnation, databaseId, currentTerm, votedFor, refill } = beginning;
  db.run("BEGIN");
  db.run(tables);
  const identity = recordChecksum("identity", incarnation, databaseId);
  db.run("INSERT INTO identity VALUES (1, ?, ?, ?)", [incarnation, databaseId, identity]);
  db.run("INSERT INTO vote VALUES (1, ?, ?, ?)", [
    currentTerm,
    votedFor,
    recordChecksum("vote", currentTerm, votedFor),
  ]);
  db.run("INSERT INTO base VALUES (1, 0, 0, 0, ?, NULL, NULL, ?)", [
    chainStart,
    recordChecksum("base", 0, 0, 0, chainStart, null, null),
  ]);
  const first: Record<RecordTable, string> = {
    genesis: nothing,
    removed: nothing,
    refill: JSON.stringify(refill),
    snapshot: nothing,
  };
  for (const [table, record] of Object.entries(first)) {
    db.run(`INSERT INTO ${table} VALUES (1, ?, ?)`, [record, recordChecksum(table, record)]);
  }
  db.run(`PRAGMA application_id = ${applicationId}`);
  db.run(`PRAGMA user_version = ${formatVersion}`);
  db.run("COMMIT");
}
