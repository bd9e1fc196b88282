// Carries durable effects into SQLite, inside a transaction that log-store.ts begins and commits. Whether they fit has
// been decided before (log-outline.ts).
import type { Database } from "bun:sqlite";
import type { DurableEffect, WriteRemoved, WriteSnapshot, WriteVote } from "../../core/effects.ts";
import type { Entry } from "../../core/entry.ts";
import type { Genesis } from "../../core/genesis.ts";
import type { LogIndex } from "../../core/log-position.ts";
import { type Chain, nextChain, recordChecksum } from "./chain.ts";
import { activateKind, configurationKind, type EntryRow, toLink } from "./entry-row.ts";
import { beginsTerm } from "./log-outline.ts";
import type { ChainedPosition } from "./saved-state.ts";
import { nothing, type RecordTable } from "./schema.ts";
import { encodeActivation, encodePlaced, encodeSnapshot } from "./snapshot-row.ts";
import { damagedEntry } from "./storage-errors.ts";
import { verifyRow } from "./verify-row.ts";

/** What a row weighs in the file beside its payload, roughly. */
const rowOverheadBytes = 40;

export class EntryWriter {
  readonly #file: string;
  readonly #statements: ReturnType<typeof prepareStatements>;
  #base: ChainedPosition;
  #tail: ChainedPosition;
  #bytesWritten = 0;

  constructor(db: Database, { file, base, tail }: { file: string; base: ChainedPosition; tail: ChainedPosition }) {
    this.#file = file;
    this.#base = base;
    this.#tail = tail;
    this.#statements = prepareStatements(db);
  }

  /** Bytes of entries since the start, roughly. */
  get bytesWritten(): number {
    return this.#bytesWritten;
  }

  /** Where the log ends, with this transaction. */
  get tail(): ChainedPosition {
    return this.#tail;
  }

  /** Throws what SQLite throws; the transaction is then to be given up, and this writer with it. */
  apply(effect: DurableEffect): void {
    switch (effect.kind) {
      case "writeVote":
        return this.#writeVote(effect);
      case "writeGenesis":
        return this.#writeGenesis(effect.genesis);
      case "writeRemoved":
        return this.#writeRemoved(effect);
      case "writeRefilled":
        return this.#record("refill", nothing);
      case "truncateLog":
        return this.#truncate(effect.through);
      case "appendLog":
        for (const entry of effect.entries) this.#append(entry);
        return;
      case "writeSnapshot":
        return this.#writeSnapshot(effect);
    }
  }

  /**
   * The checksum and the term at an index of the log or at the position before it. The entry is compared with its checksum,
   * since what comes after it rests on it. Throws `GraftError("damaged")` when it is another one.
   */
  positionAt(index: LogIndex): ChainedPosition {
    if (index === this.#tail.index) return this.#tail;
    if (index === this.#base.index) return this.#base;
    const row = this.#statements.entry.get(index);
    if (row === null) throw damagedEntry(this.#file, index, "it is missing");
    verifyRow(this.#file, this.chainAt(index - 1), row);
    return { index, term: row.term, chain: row.chain, stampMs: row.stamp_ms };
  }

  /** The checksum as it stands there, which that of the next entry confirms. */
  chainAt(index: LogIndex): Chain {
    if (index === this.#tail.index) return this.#tail.chain;
    if (index === this.#base.index) return this.#base.chain;
    const row = this.#statements.chain.get(index);
    if (row === null) throw damagedEntry(this.#file, index, "it is missing");
    return row.chain;
  }

  #writeVote({ currentTerm, votedFor }: WriteVote): void {
    this.#statements.vote.run(currentTerm, votedFor, recordChecksum("vote", currentTerm, votedFor));
  }

  #writeGenesis({ clusterUuid, members, foundedAtMs }: Genesis): void {
    const ordered = members.map(({ key, address, priority }) => ({ key, address, priority }));
    this.#record("genesis", JSON.stringify({ clusterUuid, members: ordered, foundedAtMs }));
  }

  #writeRemoved({ position, configuration }: WriteRemoved): void {
    this.#record("removed", encodePlaced({ position, configuration }));
  }

  #record(table: RecordTable, record: string): void {
    this.#statements[table].run(record, recordChecksum(table, record));
  }

  /** What now lies at or below the base stays in the file until space.ts removes it: nothing waits for that. */
  #writeSnapshot({ snapshot, base, baseConfiguration, baseActivation, discardsLog }: WriteSnapshot): void {
    const { position, stampMs, chain } = snapshot;
    const begin = discardsLog ? { ...position, stampMs, chain } : this.positionAt(base.index);
    if (!discardsLog) this.#compareChains(this.positionAt(position.index), chain);
    this.#record("snapshot", encodeSnapshot(snapshot));
    // What this log believed to come after the snapshot's end goes at once: its places are needed (P31, P34).
    if (discardsLog) this.#cutAfter(begin);
    const activation = baseActivation === null ? null : encodeActivation(baseActivation);
    this.#moveBase(begin, encodePlaced(baseConfiguration), activation);
  }

  #moveBase(base: ChainedPosition, configuration: string, activation: string | null): void {
    const { index, term, stampMs, chain } = base;
    const first = index < this.#tail.index ? this.positionAt(index + 1) : null;
    const checksum = recordChecksum("base", index, term, stampMs, chain, configuration, activation);
    this.#statements.base.run(index, term, stampMs, chain, configuration, activation, checksum);
    // The term of the first entry that is left begins with it, as far as this log shows.
    if (first !== null) this.#statements.moveTermStart.run(first.index, first.term);
    this.#statements.dropTermStarts.run(index);
    this.#statements.dropConfigurations.run(index);
    this.#statements.dropActivations.run(index);
    this.#base = base;
  }

  #compareChains(end: ChainedPosition, chain: Chain): void {
    if (end.chain === chain) return;
    const finding = `its checksum is ${end.chain}, and that of the snapshot that ends there ${chain}`;
    throw damagedEntry(this.#file, end.index, finding);
  }

  #truncate(through: LogIndex): void {
    this.#cutAfter(this.positionAt(through));
  }

  #cutAfter(end: ChainedPosition): void {
    this.#tail = end;
    this.#statements.cutLog.run(end.index);
    this.#statements.cutTermStarts.run(end.index);
    this.#statements.cutConfigurations.run(end.index);
    this.#statements.cutActivations.run(end.index);
  }

  #append(entry: Entry): void {
    const link = toLink(entry);
    const { index, term, stampMs, kindNumber, payload } = link;
    const chain = nextChain(this.#tail.chain, link);
    // NULL takes no room in a row.
    const session = link.session === 0 ? null : link.session;
    const sequence = link.sequence === 0 ? null : link.sequence;
    const answeredBelow = link.answeredBelow === 0 ? null : link.answeredBelow;
    const client = link.client === "" ? null : link.client;
    this.#statements.append.run(
      index,
      term,
      kindNumber,
      stampMs,
      chain,
      payload,
      session,
      sequence,
      answeredBelow,
      client,
    );
    if (beginsTerm(entry, this.#tail, this.#base)) this.#statements.termStart.run(term, index);
    if (kindNumber === configurationKind) this.#statements.configuration.run(index);
    if (kindNumber === activateKind) this.#statements.activation.run(index);
    this.#tail = { index, term, chain, stampMs };
    this.#bytesWritten += rowOverheadBytes + link.client.length + payload.byteLength;
  }
}

const prepareRecord = (db: Database, table: RecordTable) =>
  db.prepare<never, [string, number]>(`UPDATE ${table} SET record = ?, checksum = ? WHERE only = 1`);

function prepareStatements(db: Database) {
  return {
    vote: db.prepare<never, [number, string | null, number]>(
      "UPDATE vote SET current_term = ?, voted_for = ?, checksum = ? WHERE only = 1",
    ),
    genesis: prepareRecord(db, "genesis"),
    removed: prepareRecord(db, "removed"),
    refill: prepareRecord(db, "refill"),
    snapshot: prepareRecord(db, "snapshot"),
    append: db.prepare<
      never,
      [number, number, number, number, number, Uint8Array, number | null, number | null, number | null, string | null]
    >(
      `INSERT INTO log (idx, term, kind, stamp_ms, chain, payload, session, sequence, answered_below, client)
       VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?)`,
    ),
    termStart: db.prepare<never, [number, number]>("INSERT INTO term_starts VALUES (?, ?)"),
    configuration: db.prepare<never, [number]>("INSERT INTO configurations VALUES (?)"),
    activation: db.prepare<never, [number]>("INSERT INTO activations VALUES (?)"),
    cutLog: db.prepare<never, [number]>("DELETE FROM log WHERE idx > ?"),
    cutTermStarts: db.prepare<never, [number]>("DELETE FROM term_starts WHERE idx > ?"),
    cutConfigurations: db.prepare<never, [number]>("DELETE FROM configurations WHERE idx > ?"),
    cutActivations: db.prepare<never, [number]>("DELETE FROM activations WHERE idx > ?"),
    base: db.prepare<never, [number, number, number, number, string, string | null, number]>(
      "UPDATE base SET idx = ?, term = ?, stamp_ms = ?, chain = ?, configuration = ?, activation = ?, checksum = ? WHERE only = 1",
    ),
    moveTermStart: db.prepare<never, [number, number]>("UPDATE term_starts SET idx = ? WHERE term = ?"),
    dropTermStarts: db.prepare<never, [number]>("DELETE FROM term_starts WHERE idx <= ?"),
    dropConfigurations: db.prepare<never, [number]>("DELETE FROM configurations WHERE idx <= ?"),
    dropActivations: db.prepare<never, [number]>("DELETE FROM activations WHERE idx <= ?"),
    entry: db.prepare<EntryRow, [number]>("SELECT * FROM log WHERE idx = ?"),
    chain: db.prepare<{ chain: Chain }, [number]>("SELECT chain FROM log WHERE idx = ?"),
  };
}
