// The log, the vote and the genesis in one SQLite file: one transaction per write, and no life after a failed one.
// What is in the file is schema.ts; how it is opened, open-data.ts; what is remembered beside it, mark.ts.
import type { Database, Statement } from "bun:sqlite";
import { dirname } from "node:path";
import type { DurableEffect } from "../../core/effects.ts";
import type { Entry } from "../../core/entry.ts";
import { type LogIndex, logStart } from "../../core/log-position.ts";
import { GraftError } from "../../errors.ts";
import type { Finding, LogStore, SavedState } from "../../ports/log-store.ts";
import { type Chain, nextChain } from "./chain.ts";
import { promisesOf } from "./compare-with-mark.ts";
import { prepareDataDirectory } from "./data-directory.ts";
import { type DirectoryLock, lockDirectory } from "./directory-lock.ts";
import { prepareEntryReader, type ReadEntries } from "./entry-reader.ts";
import { toLink } from "./entry-row.ts";
import { EntryWriter } from "./entry-writer.ts";
import { mustHaveNoFinding, writeFinding } from "./finding-file.ts";
import { giveUp } from "./give-up.ts";
import { type LogOutline, outlineAfter } from "./log-outline.ts";
import { Marking } from "./marking.ts";
import { type OpenData, openData } from "./open-data.ts";
import type { CheckpointRow } from "./open-database.ts";
import { freeFolderName } from "./set-aside.ts";
import { readSavedState } from "./saved-state.ts";
import { Space } from "./space.ts";
import { failedOperation, isSqliteError, refused, stoppedByFailure, unusable } from "./storage-errors.ts";

/** How much may gather in the WAL before it is carried over into the database, bytes, roughly. */
const walBytesMax = 4 * 1024 * 1024;

/** What a transaction adds to the WAL beside its entries: the rest of the page that it shares with the one before. */
const transactionBytes = 4096;

/** Of an incarnation, and of a database. */
const idBytes = 16;

export interface SqliteLogStoreOptions {
  /** Created with mode 0700 when it is not there. The file in it is `graft.sqlite`. */
  readonly dataDir: string;
  /** Bytes nobody can predict: the incarnation of a new data directory and the id of each new database are made of them. */
  readonly randomBytes: (count: number) => Uint8Array;
  /** Told what was found, and where the files are now, when damaged data has been set aside. */
  readonly onDamage?: (finding: string) => void;
}

/**
 * Opens the log of one node, which no other process can open until `close`. The incarnation is on disk when this returns.
 * Writes are durable when `write` returns: `onDurable` is called from inside it, after COMMIT. Data that is damaged is set
 * aside, and the log begins empty with a `refill` to be done.
 * Throws `GraftError("storage")`: in use by another process, unknown format, any error of the disk; `GraftError("damaged")`:
 * damage where a refill is not possible, or a finding that an administrator has to decide on.
 */
export function openSqliteLogStore({ dataDir, randomBytes, onDamage = () => {} }: SqliteLogStoreOptions): LogStore {
  const file = prepareDataDirectory(dataDir);
  const lock = lockDirectory(dataDir);
  try {
    mustHaveNoFinding(dataDir);
    const newId = (): string => Buffer.from(randomBytes(idBytes)).toString("hex");
    return new SqliteLogStore(file, lock, openData({ file, newId, onDamage }));
  } catch (error) {
    lock.release();
    throw error instanceof GraftError ? error : unusable(dirname(file), error);
  }
}

function outlineOf({ base, last, termStarts, snapshot, genesis, removed }: SavedState): LogOutline {
  const records = { hasGenesis: genesis !== null, isRemoved: removed !== null };
  return { base, snapshot: snapshot?.position ?? logStart, last, termStarts, ...records };
}

class SqliteLogStore implements LogStore {
  readonly saved: SavedState;
  readonly #db: Database;
  readonly #file: string;
  readonly #lock: DirectoryLock;
  readonly #marking: Marking;
  #writer: EntryWriter;
  readonly #readEntries: ReadEntries;
  readonly #space: Space;
  readonly #begin: Statement<never, []>;
  readonly #commit: Statement<never, []>;
  readonly #rollback: Statement<never, []>;
  readonly #checkpoint: Statement<CheckpointRow, []>;
  #outline: LogOutline;
  #walBytes = 0;
  /** Since the last checkpoint. */
  #hasReclaimed = false;
  #failure: GraftError | null = null;
  /** Closing would try that write again; a failed read leaves nothing behind that closing could do harm to. */
  #hasFailedToWrite = false;
  #isOpen = true;

  constructor(file: string, lock: DirectoryLock, { db, mark, found }: OpenData) {
    const { saved, base, tail } = found;
    this.saved = saved;
    this.#db = db;
    this.#file = file;
    this.#lock = lock;
    this.#marking = new Marking(mark, saved, promisesOf(found));
    this.#writer = new EntryWriter(db, { file, base, tail });
    this.#readEntries = prepareEntryReader(db, file);
    this.#space = new Space(db);
    this.#begin = db.prepare("BEGIN");
    this.#commit = db.prepare("COMMIT");
    this.#checkpoint = db.prepare("PRAGMA wal_checkpoint(PASSIVE)");
    this.#rollback = db.prepare("ROLLBACK");
    this.#outline = outlineOf(saved);
  }

  write(effects: readonly DurableEffect[], onDurable: () => void): "written" | "noRoom" {
    this.#assertUsable();
    const outline = outlineAfter(this.#outline, effects);
    if (typeof outline === "string") throw refused(this.#file, outline);
    if (effects.length > 0 && !this.#commitEffects(effects)) return "noRoom";
    if (outline.base !== this.#outline.base) this.#space.look();
    this.#outline = outline;
    onDurable();
    if (this.#walBytes > walBytesMax) this.#emptyWal();
    return "written";
  }

  reopen(): SavedState {
    this.#assertUsable();
    return this.#orStop("Reading what was saved", () => {
      const { saved, base, tail } = readSavedState(this.#db, this.#file);
      this.#writer = new EntryWriter(this.#db, { file: this.#file, base, tail });
      this.#outline = outlineOf(saved);
      return saved;
    });
  }

  read(first: LogIndex, last: LogIndex, bytesMax: number): readonly Entry[] {
    this.#assertUsable();
    const { base, last: end } = this.#outline;
    if (!(first > base.index && first <= last && last <= end.index)) {
      const held = base.index === end.index ? "no entries" : `${base.index + 1} to ${end.index}`;
      throw refused(this.#file, `reading entries ${first} to ${last}, the log holds ${held}`);
    }
    return this.#orStop("Reading entries", () => {
      const before = this.#writer.chainAt(first - 1);
      return this.#readEntries(before, { first, last, bytesMax });
    });
  }

  chainAt(index: LogIndex): Chain {
    this.#assertUsable();
    const { base, last } = this.#outline;
    if (!(index >= base.index && index <= last.index)) {
      throw refused(this.#file, `the checksum at ${index}, the log goes from ${base.index} to ${last.index}`);
    }
    return this.#orStop("Reading a checksum", () => this.#writer.positionAt(index).chain);
  }

  reclaim(): boolean {
    this.#assertUsable();
    // Carrying over is a step of its own, and the last one: only then does the file become shorter.
    if (this.#walBytes > walBytesMax || (!this.#space.hasWork && this.#hasReclaimed)) {
      this.#emptyWal();
      this.#hasReclaimed = false;
    } else if (this.#space.hasWork) {
      this.#walBytes += this.#orGiveUp("Giving space back", () => this.#space.step(this.#outline.base.index));
      this.#hasReclaimed = true;
    }
    return this.#space.hasWork || this.#hasReclaimed;
  }

  chainAfter(before: number, entry: Entry): Chain {
    return nextChain(before, toLink(entry));
  }

  keepDamage(finding: string): void {
    this.#marking.damaged(finding, freeFolderName(dirname(this.#file)));
    this.#failure = new GraftError("damaged", finding);
  }

  keepFinding(finding: Finding): void {
    writeFinding(dirname(this.#file), finding);
  }

  close(): void {
    if (!this.#isOpen) return;
    this.#isOpen = false;
    try {
      this.#closeFiles();
    } finally {
      this.#marking.close();
      // After a failed write nobody may try again while the system may still hold what the disk has not.
      if (!this.#hasFailedToWrite || this.#failure?.code === "damaged") this.#lock.release();
    }
  }

  #closeFiles(): void {
    if (this.#hasFailedToWrite) return giveUp(this.#db, this.#file);
    try {
      this.#marking.sync();
      this.#db.close(true);
    } catch (cause) {
      giveUp(this.#db, this.#file);
      // After a failure nothing better can be said than what has been said already.
      if (this.#failure === null) throw failedOperation(this.#file, "Closing", cause);
    }
  }

  /** False: the disk was full before COMMIT. Nothing was promised then, and nothing is there. */
  #commitEffects(effects: readonly DurableEffect[]): boolean {
    const bytesBefore = this.#writer.bytesWritten;
    const fits = this.#orGiveUp("Writing", () => {
      this.#marking.before(effects, (index) => this.#writer.positionAt(index));
      this.#begin.run();
      if (!this.#fits(() => effects.forEach((effect) => this.#writer.apply(effect)))) {
        // SQLite may have rolled back by itself.
        if (this.#db.inTransaction) this.#rollback.run();
        return false;
      }
      this.#commit.run();
      this.#marking.after(effects, this.#writer.tail);
      return true;
    });
    if (fits) this.#walBytes += this.#writer.bytesWritten - bytesBefore + transactionBytes;
    return fits;
  }

  #fits(work: () => unknown): boolean {
    try {
      work();
      return true;
    } catch (error) {
      if (isSqliteError(error, "SQLITE_FULL")) return false;
      throw error;
    }
  }

  /** After this SQLite writes the WAL from its beginning again, so that it stays about this long. */
  #emptyWal(): void {
    const isEmpty = this.#orGiveUp("Carrying the WAL over into the database", () => {
      // What follows overwrites the WAL, which is the other witness of what was written.
      this.#marking.sync();
      let row: CheckpointRow | null = null;
      // On a full disk it all stays in the WAL, where it is durable, until there is room.
      if (!this.#fits(() => (row = this.#checkpoint.get()))) return false;
      mustBeWhole(row);
      return true;
    });
    if (!isEmpty) return;
    this.#walBytes = 0;
  }

  #orGiveUp<T>(doing: string, work: () => T): T {
    this.#hasFailedToWrite = true;
    const result = this.#orStop(doing, work);
    this.#hasFailedToWrite = false;
    return result;
  }

  /** SQLite reports a failed fsync once and then goes on as if nothing had happened: the first failure is the last. */
  #orStop<T>(doing: string, work: () => T): T {
    try {
      return work();
    } catch (cause) {
      const failure = cause instanceof GraftError ? cause : failedOperation(this.#file, doing, cause);
      this.#failure = failure;
      throw failure;
    }
  }

  #assertUsable(): void {
    if (this.#failure !== null) throw stoppedByFailure(this.#file, this.#failure);
    if (!this.#isOpen) throw new GraftError("storage", `The log in ${this.#file} has been closed.`);
  }
}

function mustBeWhole(row: CheckpointRow | null): void {
  if (row?.busy === 0 && row.log === row.checkpointed) return;
  throw new Error(`the checkpoint did not get through (${JSON.stringify(row)})`);
}
