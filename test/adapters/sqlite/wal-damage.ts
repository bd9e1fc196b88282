// Random damage to the WAL of a store that real writes have filled and that a kill has ended: is everything confirmed still
// there, or is the loss noticed? For the test and the bench, which say how often.
import { Database } from "bun:sqlite";
import { randomBytes } from "node:crypto";
import { copyFileSync, cpSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { openSqliteLogStore } from "../../../src/adapters/sqlite/log-store.ts";
import { GraftError } from "../../../src/errors.ts";
import type { LogStore } from "../../../src/ports/log-store.ts";
import { damageBytes } from "../../../bench/live-damage/damage-bytes.ts";
import { command } from "../../contracts/log-entries.ts";
import { type Draw, drawFrom, randomWrites, type Written } from "./random-writes.ts";

export interface DamageFigures {
  runs: number;
  /** Everything that was confirmed is there. */
  kept: number;
  /** The node sets the files aside, with the term and the vote that it had promised. */
  refills: number;
  /** Something is missing, and nothing says so. */
  silent: number;
  /** Of these SQLite alone would have said nothing and lost confirmed entries or the vote. */
  lostBySqlite: number;
  /** Of those the most entries. */
  lostEntriesMax: number;
  /** What was wrong, for those that are not as they must be. */
  readonly wrong: string[];
}

/** How often one filled store is damaged, each time from its copy. */
const damagesPerStore = 10;

const writer = Bun.fileURLToPath(import.meta.resolve("./random-writer.ts"));

export async function damageWals(seed: number, runs: number): Promise<DamageFigures> {
  const figures = { runs: 0, kept: 0, refills: 0, silent: 0, lostBySqlite: 0, lostEntriesMax: 0, wrong: [] };
  const draw = drawFrom(seed);
  while (figures.runs < runs) {
    const folder = mkdtempSync(join(tmpdir(), "graft-damage-"));
    try {
      const filled = await fillAndKill(join(folder, "filled"), draw);
      const count = Math.min(damagesPerStore, runs - figures.runs);
      for (let at = 0; at < count; at++) damageOnce(folder, filled, draw, figures);
    } finally {
      rmSync(folder, { recursive: true });
    }
  }
  return figures;
}

interface Filled {
  readonly dataDir: string;
  /** What had been confirmed before the kill, and what may have been written besides. */
  readonly confirmed: Written;
  readonly next: Written;
}

/** A few lives, each ended by SIGKILL; the WAL holds what the last one has written. */
async function fillAndKill(dataDir: string, draw: Draw): Promise<Filled> {
  const seed = draw(2 ** 31);
  let confirmed = 0;
  for (let lives = 1 + draw(3); lives > 0; lives--) {
    // The write after the last confirmed one may be there.
    const present = confirmed === 0 ? 0 : writesPresent(dataDir, seed, confirmed);
    confirmed = await writeUntilKilled(dataDir, { seed, skip: present, until: present + 3 + draw(700) });
  }
  return { dataDir, confirmed: stateAfter(seed, confirmed), next: stateAfter(seed, confirmed + 1) };
}

function writesPresent(dataDir: string, seed: number, confirmed: number): number {
  const store = openSqliteLogStore({ dataDir, randomBytes });
  try {
    return differences(store, stateAfter(seed, confirmed)) === null ? confirmed : confirmed + 1;
  } finally {
    store.close();
  }
}

interface Life {
  readonly seed: number;
  readonly skip: number;
  readonly until: number;
}

/** Returns the number of the last write that was confirmed. */
async function writeUntilKilled(dataDir: string, { seed, skip, until }: Life): Promise<number> {
  const child = Bun.spawn([process.execPath, writer, dataDir, String(seed), String(skip)], {
    stdout: "pipe",
    stderr: "inherit",
  });
  let output = "";
  const decoder = new TextDecoder();
  for await (const chunk of child.stdout) {
    output += decoder.decode(chunk, { stream: true });
    if (output.split("\n").length > until - skip) child.kill("SIGKILL");
  }
  await child.exited;
  if (child.signalCode !== "SIGKILL") throw new Error(`the writer has ended by itself: ${child.exitCode}`);
  return Number(output.slice(0, output.lastIndexOf("\n")).split("\n").at(-1));
}

function stateAfter(seed: number, count: number): Written {
  let at = 0;
  for (const { after } of randomWrites(seed)) if (++at === count) return after;
  throw new Error("there are always more writes");
}

function damageOnce(folder: string, { dataDir, confirmed, next }: Filled, draw: Draw, figures: DamageFigures): void {
  const damagedDir = join(folder, "damaged");
  rmSync(damagedDir, { recursive: true, force: true });
  cpSync(dataDir, damagedDir, { recursive: true });
  const wal = join(damagedDir, "graft.sqlite-wal");
  const bytes = readFileSync(wal);
  const { what, changed } = damageBytes(bytes, draw);
  writeFileSync(wal, changed);
  figures.runs++;
  const lost = lostBySqlite(damagedDir, folder, confirmed);
  if (lost !== null) figures.lostBySqlite++;
  figures.lostEntriesMax = Math.max(figures.lostEntriesMax, lost ?? 0);
  const outcome = outcomeOf(damagedDir, [confirmed, next]);
  if (outcome === "kept") figures.kept++;
  else if (outcome === "refills") figures.refills++;
  else {
    figures.silent++;
    figures.wrong.push(`${what} of ${bytes.length} bytes: ${outcome}`);
  }
}

/** How many confirmed entries SQLite would have dropped without a word; null: it loses nothing, or says so. */
function lostBySqlite(dataDir: string, folder: string, { entries, currentTerm, votedFor }: Written): number | null {
  const file = join(folder, "alone.sqlite");
  for (const end of ["", "-wal"]) copyFileSync(join(dataDir, `graft.sqlite${end}`), `${file}${end}`);
  try {
    using db = new Database(file);
    const { last } = db.query("SELECT max(idx) AS last FROM log").get() as { last: number | null };
    const vote = db.query("SELECT current_term, voted_for FROM vote").get() as {
      current_term: number;
      voted_for: string | null;
    };
    const lost = entries.length - (last ?? 0);
    const hasVote =
      vote.current_term > currentTerm || (vote.current_term === currentTerm && vote.voted_for === votedFor);
    return lost <= 0 && hasVote ? null : Math.max(lost, 0);
  } catch (error) {
    if (error instanceof Error && error.name === "SQLiteError") return null;
    throw error;
  }
}

/** `kept`, `refills`, or in words what is wrong. */
function outcomeOf(dataDir: string, written: readonly [confirmed: Written, next: Written]): string {
  let store: LogStore;
  try {
    store = openSqliteLogStore({ dataDir, randomBytes });
  } catch (error) {
    if (error instanceof GraftError) return `it does not start: ${error.message}`;
    throw error;
  }
  try {
    const { refill, currentTerm, votedFor } = store.saved;
    if (refill !== null) {
      const isPromised = written.some((state) => state.currentTerm === currentTerm && state.votedFor === votedFor);
      return isPromised ? "refills" : `it refills with term ${currentTerm} and the vote ${votedFor}`;
    }
    const found = written.map((state) => differences(store, state));
    return found.includes(null) ? "kept" : (found[0] ?? "kept");
  } finally {
    store.close();
  }
}

/** What differs between the store and what was written; null: nothing. */
function differences(store: LogStore, { currentTerm, votedFor, entries }: Written): string | null {
  const { saved } = store;
  if (saved.currentTerm !== currentTerm || saved.votedFor !== votedFor) {
    return `term ${saved.currentTerm} and vote ${saved.votedFor} instead of ${currentTerm} and ${votedFor}`;
  }
  if (saved.last.index !== entries.length) return `the log ends at ${saved.last.index} instead of ${entries.length}`;
  const held = entries.length === 0 ? [] : store.read(1, entries.length, Number.MAX_SAFE_INTEGER);
  const wrong = held.find((entry, at) => {
    const expected = command(at + 1, entries[at]!.term, entries[at]!.bytes);
    return !Bun.deepEquals(entry, expected);
  });
  return wrong === undefined ? null : `entry ${wrong.index} is not what was written`;
}
