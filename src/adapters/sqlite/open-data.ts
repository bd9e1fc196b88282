// What does a node do with the data directory that it finds at its start? The mark says what must be there; this file compares,
// and leads from any state, also one that a crash has left, to a database in use: as it is, newly created, or created in the
// place of damaged files that have been set aside. It refuses where going on could break a promise.
import { type Database, SQLiteError } from "bun:sqlite";
import { existsSync, statSync } from "node:fs";
import { dirname } from "node:path";
import { logStart } from "../../core/log-position.ts";
import { GraftError } from "../../errors.ts";
import { chainStart } from "./chain.ts";
import { promisesOf, whatIsMissing } from "./compare-with-mark.ts";
import {
  loneVoterDamaged,
  markDamagedToo,
  markMissing,
  markOfAnotherNode,
  markOfOtherFormat,
  markWords,
  refillWords,
  startsAnewWords,
  walFinding,
  withoutStop,
} from "./damage-words.ts";
import { createPrivateFile } from "./data-directory.ts";
import { closeOrGiveUp } from "./give-up.ts";
import { firstPromises, hasPromised, type Mark, type MarkState } from "./mark.ts";
import { MarkFile, markFile, readMark } from "./mark-file.ts";
import { openDatabase, refuseOtherFormat } from "./open-database.ts";
import { lookAtStopped, type StoppedLog } from "./open-stopped.ts";
import { type Found, readSavedState } from "./saved-state.ts";
import { type Beginning, formatVersion, hasItsTables } from "./schema.ts";
import { freeFolderName, setAside } from "./set-aside.ts";
import { damaged, failedOperation, isSqliteError, reasonOf } from "./storage-errors.ts";
import { examineWal } from "./wal-examination.ts";

export interface OpenData {
  readonly db: Database;
  readonly found: Found;
  readonly mark: MarkFile;
}

export interface OpenDataOptions {
  readonly file: string;
  /** Random. */
  readonly newId: () => string;
  /** Told what was found when files have been set aside. */
  readonly onDamage: (finding: string) => void;
}

/** Of the database and what was read from it; null: the mark has moved on to its next state. */
type Opened = Omit<OpenData, "mark"> | null;

/** A start passes through a few states of the mark. More means that the disk does not keep what is written. */
const passesMax = 8;

/** The caller holds the directory's lock. Throws `GraftError` of code `storage` or `damaged`. */
export function openData(options: OpenDataOptions): OpenData {
  const { mark, isNewest } = openMark(options);
  try {
    return new Opening(options, mark, isNewest).toItsEnd();
  } catch (error) {
    mark.close();
    throw error;
  }
}

function openMark({ file, newId }: OpenDataOptions): { readonly mark: MarkFile; readonly isNewest: boolean } {
  const path = markFile(dirname(file));
  const found = readMark(path);
  if (found.kind === "mark") return { mark: MarkFile.open(path, found), isNewest: found.isNewest };
  if (found.kind === "otherFormat") throw markOfOtherFormat(path, found.format, formatVersion);
  const data = [file, `${file}-wal`].find((each) => sizeOf(each) > 0);
  if (data !== undefined) {
    if (data === file) refuseOtherFormat(file);
    throw markMissing(path, data, found.kind);
  }
  // A mark that cannot be read belonged to data, and that data is gone.
  if (found.kind === "unreadable") throw markDamagedToo(path, absence(file));
  const promises = firstPromises(newId(), newId());
  return { mark: MarkFile.create(path, { ...promises, state: { kind: "creating", refill: null } }), isNewest: true };
}

/** Of a file that is not there 0. A start that died early leaves an empty file, in which nothing can be lost. */
const sizeOf = (path: string): number => statSync(path, { throwIfNoEntry: false })?.size ?? 0;
const absence = (file: string): string => `${file} is ${existsSync(file) ? "empty" : "missing"}`;

class Opening {
  readonly #file: string;
  readonly #mark: MarkFile;
  readonly #isNewest: boolean;
  readonly #newId: () => string;
  readonly #onDamage: (finding: string) => void;

  constructor({ file, newId, onDamage }: OpenDataOptions, mark: MarkFile, isNewest: boolean) {
    this.#file = file;
    this.#mark = mark;
    this.#isNewest = isNewest;
    this.#newId = newId;
    this.#onDamage = onDamage;
  }

  /** Each pass opens the database, or moves the mark on to its next state, durably. */
  toItsEnd(): OpenData {
    for (let pass = 0; pass < passesMax; pass++) {
      const opened = this.#pass(this.#mark.mark.state);
      if (opened === null) continue;
      this.#mark.writeSynced({ ...promisesOf(opened.found), state: { kind: "inUse" } });
      return { ...opened, mark: this.#mark };
    }
    throw new GraftError("storage", `${this.#file} is damaged again as soon as it is created. Replace the disk.`);
  }

  #pass(state: MarkState): Opened {
    switch (state.kind) {
      case "inUse":
        return this.#openExisting();
      case "creating":
        return this.#create(state);
      case "damaged":
        return this.#setAside(state);
      case "recovering":
        return this.#afterRecovery(state);
    }
  }

  #openExisting(): Opened {
    const finding = this.#finding();
    return finding === null ? this.#open(null, (log) => this.#lackIn(log)) : this.#declareDamaged(finding);
  }

  /** What the database lacks, in words, or null. */
  #lackIn({ db, file }: StoppedLog): string | null {
    if (!hasItsTables(db)) throw damaged(file, "its tables", "they are not those that Graft has made");
    const missing = whatIsMissing(db, readSavedState(db, file), this.#mark.mark);
    return missing === null ? null : `${file} is not all that this node has written: ${missing}`;
  }

  /** What the files show before the database is opened, with the range that is lost as far as that is known. */
  #finding(): string | null {
    if (sizeOf(this.#file) === 0) return `${absence(this.#file)}; by the mark ${markWords(this.#mark.mark)}`;
    const wal = `${this.#file}-wal`;
    const damage = examineWal(wal);
    const findings = [damage === null ? null : walFinding(wal, damage), this.#findingInside()];
    const found = findings.filter((finding) => finding !== null);
    return found.length === 0 ? null : found.join("; ");
  }

  /**
   * What reading the database shows. It is read without a trace first, because opening it carries the WAL over: what is found
   * damaged is set aside, or left, as it was found.
   */
  #findingInside(): string | null {
    try {
      return lookAtStopped(dirname(this.#file), (log) => this.#lackIn(log));
    } catch (error) {
      const failure = error instanceof GraftError ? error : unreadable(this.#file, error);
      if (failure.code === "damaged") return withoutStop(failure.message);
      // A lock, a foreign format, a failing disk: the opening that follows says what it means here.
      return null;
    }
  }

  #create({ refill }: MarkState & { readonly kind: "creating" }): Opened {
    createPrivateFile(this.#file);
    const opened = this.#open({ ...this.#mark.mark, refill }, () => null);
    if (opened === null || isAsCreated(opened.found, this.#mark.mark)) return opened;
    closeOrGiveUp(opened.db, this.#file);
    throw this.#isNewest
      ? markOfAnotherNode(this.#mark.path, this.#file)
      : markMissing(this.#mark.path, this.#file, "unreadable");
  }

  /** Opens the database. Damage, or something that it lacks, moves the mark on. */
  #open(beginning: Beginning | null, lackIn: (log: StoppedLog) => string | null): Opened {
    let db: Database | null = null;
    try {
      db = openDatabase(this.#file, beginning);
      const lack = lackIn({ db, file: this.#file });
      if (lack !== null) throw new GraftError("damaged", lack);
      return { db, found: readSavedState(db, this.#file) };
    } catch (error) {
      if (db !== null) closeOrGiveUp(db, this.#file);
      const failure = error instanceof GraftError ? error : unreadable(this.#file, error);
      if (failure.code !== "damaged") throw failure;
      return this.#declareDamaged(failure.message);
    }
  }

  /** The first step of setting aside: from here on the files are not opened again. */
  #declareDamaged(finding: string): null {
    const { state, ...promises } = this.#mark.mark;
    // First, because an older mark may also name other voters than there are.
    if (!this.#isNewest) throw markDamagedToo(this.#mark.path, finding);
    if (!promises.hasOtherVoters) throw loneVoterDamaged(dirname(this.#file), finding);
    const first = state.kind === "creating" && state.refill !== null ? state.refill.finding : finding;
    const folder = freeFolderName(dirname(this.#file));
    this.#mark.writeSynced({ ...promises, state: { kind: "damaged", finding: first, folder } });
    return null;
  }

  #setAside({ finding, folder }: MarkState & { readonly kind: "damaged" }): null {
    const { state: _, ...promises } = this.#mark.mark;
    if (!promises.hasOtherVoters) throw loneVoterDamaged(dirname(this.#file), finding);
    const path = setAside(this.#file, folder);
    const told = hasPromised(promises) ? refillWords(finding, promises, path) : startsAnewWords(finding, path);
    const refill = hasPromised(promises) ? { finding: told, clusterUuid: promises.clusterUuid } : null;
    const empty = { last: logStart, chain: chainStart, configuredAt: 0, activatedAt: 0, isRemoved: false };
    const anew = { ...promises, ...empty, databaseId: this.#newId() };
    this.#mark.writeSynced({ ...anew, state: { kind: "creating", refill } });
    this.#onDamage(told);
    return null;
  }

  /** Recovery commits the database first and tells the mark afterwards. */
  #afterRecovery({ to, before }: MarkState & { readonly kind: "recovering" }): Opened {
    const { state: _, ...promises } = this.#mark.mark;
    const database = openRecovered(this.#file, to);
    if (database === null) this.#mark.writeSynced({ ...promises, state: before });
    return database;
  }
}

/** Null: it is that of another incarnation, or damaged. */
function openRecovered(file: string, incarnation: string): Opened {
  if (examineWal(`${file}-wal`) !== null) return null;
  let db: Database | null = null;
  try {
    db = openDatabase(file, null);
    const found = readSavedState(db, file);
    if (found.saved.incarnation === incarnation) return { db, found };
    db.close();
    return null;
  } catch (error) {
    if (db !== null) closeOrGiveUp(db, file);
    if (error instanceof GraftError && error.code === "damaged") return null;
    throw error;
  }
}

/** Whether nothing has been confirmed since the database was created with these promises. */
function isAsCreated({ databaseId, saved }: Found, mark: Mark): boolean {
  const { incarnation, currentTerm, votedFor } = mark;
  const isBlank = saved.last.index === 0 && saved.genesis === null && saved.snapshot === null;
  const isOurs =
    saved.incarnation === incarnation && databaseId === mark.databaseId && saved.currentTerm === currentTerm;
  return isBlank && isOurs && saved.votedFor === votedFor;
}

/** A sound file answers every query of the start; only the disk itself can fail. */
function unreadable(file: string, error: unknown): GraftError {
  if (error instanceof SQLiteError && !isSqliteError(error, "SQLITE_ERROR")) {
    return failedOperation(file, "Reading what was saved", error);
  }
  return damaged(file, "the database itself", reasonOf(error));
}
