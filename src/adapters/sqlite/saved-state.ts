// What is found when the file is opened: the small records and the outline of the log, by queries that never walk over
// the entries, each record checked against its checksum. The entries in between are checked when they are read.
import type { Database } from "bun:sqlite";
import type { MemberKey, PlacedConfiguration } from "../../core/configuration.ts";
import type { Genesis } from "../../core/genesis.ts";
import type { LogIndex, LogPosition } from "../../core/log-position.ts";
import type { SnapshotRecord } from "../../core/snapshot-record.ts";
import type { SavedState } from "../../ports/log-store.ts";
import { type Chain, recordChecksum } from "./chain.ts";
import { activateKind, configurationKind, decodeActivated, decodeConfiguration, type EntryRow } from "./entry-row.ts";
import type { RecordTable } from "./schema.ts";
import { decodeActivation, decodePlaced } from "./snapshot-row.ts";
import { damaged, damagedEntry } from "./storage-errors.ts";
import { verifyRow } from "./verify-row.ts";
import type { Refill } from "../../core/state.ts";

/** Where the chain continues: a position, its checksum and its time. */
export interface ChainedPosition extends LogPosition {
  readonly chain: Chain;
  readonly stampMs: number;
}

export interface Found {
  readonly databaseId: string;
  readonly saved: SavedState;
  /** The position before the log's first entry. */
  readonly base: ChainedPosition;
  readonly tail: ChainedPosition;
}

interface IdentityRow {
  readonly incarnation: string;
  readonly database_id: string;
}

interface BaseRow {
  readonly idx: number;
  readonly term: number;
  readonly stamp_ms: number;
  readonly chain: Chain;
  readonly configuration: string | null;
  readonly activation: string | null;
}

/** Throws `GraftError("storage")` when something does not match its checksum or the records contradict each other. */
export function readSavedState(db: Database, file: string): Found {
  const { incarnation, database_id: databaseId } = readRecord<IdentityRow>(db, file, "identity", [
    "incarnation",
    "database_id",
  ]);
  const vote = readRecord<{ current_term: number; voted_for: string | null }>(db, file, "vote", [
    "current_term",
    "voted_for",
  ]);
  const baseRow = readRecord<BaseRow>(db, file, "base", [
    "idx",
    "term",
    "stamp_ms",
    "chain",
    "configuration",
    "activation",
  ]);
  const genesis = readOptional(db, file, "genesis");
  const base = { index: baseRow.idx, term: baseRow.term, chain: baseRow.chain, stampMs: baseRow.stamp_ms };
  const tail = readTail(db, file, base);
  const saved: SavedState = {
    incarnation,
    genesis,
    currentTerm: vote.current_term,
    votedFor: vote.voted_for as MemberKey | null,
    base: { index: base.index, term: base.term },
    baseConfiguration: baseRow.configuration === null ? null : decodePlaced(baseRow.configuration),
    baseActivation: baseRow.activation === null ? null : decodeActivation(baseRow.activation),
    snapshot: readSnapshot(db, file, base, tail),
    last: { index: tail.index, term: tail.term },
    lastStampMs: tail.index === 0 ? (genesis?.foundedAtMs ?? 0) : tail.stampMs,
    termStarts: readTermStarts(db, file, base, tail),
    configurations: readConfigurations(db, file, base),
    activations: readActivations(db, file, base),
    removed: readOptional(db, file, "removed"),
    refill: readOptional(db, file, "refill"),
  };
  return { databaseId, saved, base, tail };
}

/** The single row of a table, as its checksum says it was written. */
function readRecord<Row>(db: Database, file: string, table: string, columns: (keyof Row & string)[]): Row {
  type Field = string | number | null;
  const row = db.query(`SELECT * FROM ${table}`).get() as (Row & { checksum: number }) | null;
  if (row === null) throw damaged(file, `the record "${table}"`, "it is missing");
  const found = recordChecksum(table, ...columns.map((column) => row[column] as Field));
  if (found === row.checksum) return row;
  throw damaged(file, `the record "${table}"`, `its checksum is ${found}, and ${row.checksum} was expected`);
}

/** The type of the record in each table. */
interface Recorded {
  readonly genesis: Genesis;
  readonly removed: PlacedConfiguration;
  readonly refill: Refill;
  readonly snapshot: SnapshotRecord;
}

/** Null: there is nothing to record. */
function readOptional<Table extends RecordTable>(db: Database, file: string, table: Table): Recorded[Table] | null {
  return JSON.parse(readRecord<{ record: string }>(db, file, table, ["record"]).record) as Recorded[Table] | null;
}

/** The record of the latest snapshot, which reaches from the base or beyond it to an entry of the log (P29). */
function readSnapshot(db: Database, file: string, base: ChainedPosition, tail: ChainedPosition): SnapshotRecord | null {
  const snapshot = readOptional(db, file, "snapshot");
  if (snapshot === null && base.index === 0) return null;
  if (snapshot === null)
    throw damaged(file, `the record "snapshot"`, `it names none, and the log begins after ${base.index}`);
  const { index } = snapshot.position;
  if (index < base.index || index > tail.index) {
    throw damaged(
      file,
      `the record "snapshot"`,
      `it ends at ${index}, the log goes from ${base.index} to ${tail.index}`,
    );
  }
  const chain = chainAt(db, base, index);
  if (chain === snapshot.chain) return snapshot;
  throw damagedEntry(
    file,
    index,
    `its checksum is ${chain}, and that of the snapshot that ends there ${snapshot.chain}`,
  );
}

function readTail(db: Database, file: string, base: ChainedPosition): ChainedPosition {
  const last = db.query("SELECT * FROM log WHERE idx > ? ORDER BY idx DESC LIMIT 1");
  const row = last.get(base.index) as EntryRow | null;
  if (row === null) return base;
  verifyAlone(db, file, base, row);
  return { index: row.idx, term: row.term, chain: row.chain, stampMs: row.stamp_ms };
}

/** Checks one entry against its predecessor's checksum. */
function verifyAlone(db: Database, file: string, base: ChainedPosition, row: EntryRow): void {
  const before = chainAt(db, base, row.idx - 1);
  if (before === null) throw damagedEntry(file, row.idx - 1, "it is missing");
  verifyRow(file, before, row);
}

function chainAt(db: Database, base: ChainedPosition, index: LogIndex): Chain | null {
  if (index === base.index) return base.chain;
  const row = db.query("SELECT chain FROM log WHERE idx = ?").get(index) as { chain: Chain } | null;
  return row?.chain ?? null;
}

function readTermStarts(db: Database, file: string, base: ChainedPosition, tail: ChainedPosition): LogPosition[] {
  const starts = db.query("SELECT idx AS 'index', term FROM term_starts ORDER BY term").all() as LogPosition[];
  const rowTerm = db.query("SELECT term FROM log WHERE idx = ?");
  const termAt = (index: LogIndex): number | undefined => (rowTerm.get(index) as { term: number } | null)?.term;
  let previous: LogPosition = { index: base.index, term: 0 };
  for (const start of starts) {
    const isFirst = previous.term === 0;
    const follows = isFirst ? start.index === base.index + 1 : termAt(start.index - 1) === previous.term;
    if (!follows || termAt(start.index) !== start.term || start.index <= previous.index) {
      throw damagedEntry(file, start.index, `term ${start.term} is recorded to begin there, and the entries disagree`);
    }
    previous = start;
  }
  if (previous.term !== (tail.index === base.index ? 0 : tail.term)) {
    throw damagedEntry(file, tail.index, `it is of term ${tail.term}, and no record says where that term begins`);
  }
  return starts;
}

function readConfigurations(db: Database, file: string, base: ChainedPosition): SavedState["configurations"] {
  return readListed(db, file, base, { table: "configurations", kind: configurationKind, name: "a configuration" }).map(
    ({ position, payload }) => ({ position, configuration: decodeConfiguration(payload) }),
  );
}

function readActivations(db: Database, file: string, base: ChainedPosition): SavedState["activations"] {
  return readListed(db, file, base, { table: "activations", kind: activateKind, name: "an activation" }).map(
    ({ position, payload }) => ({ position, ...decodeActivated(payload) }),
  );
}

interface Listed {
  readonly table: "configurations" | "activations";
  readonly kind: number;
  /** For people. */
  readonly name: string;
}

/** The entries of one kind, which a table lists. */
function readListed(db: Database, file: string, base: ChainedPosition, { table, kind, name }: Listed) {
  const rows = db
    .query(`SELECT c.idx AS at, l.* FROM ${table} c LEFT JOIN log l ON l.idx = c.idx ORDER BY c.idx`)
    .all() as ({ at: number } & EntryRow)[];
  return rows.map((row) => {
    if (row.at <= base.index)
      throw damagedEntry(file, row.at, `${name} is recorded there, and the log begins after ${base.index}`);
    if (row.kind !== kind) throw damagedEntry(file, row.at, `${name} was expected there`);
    verifyAlone(db, file, base, row);
    return { position: { index: row.idx, term: row.term }, payload: row.payload };
  });
}
