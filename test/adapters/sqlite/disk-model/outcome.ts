// What does a start make of a disk? Everything that the rest of the node can see of it, as one text: SQLite and the model of the disk
// say the same with the same text. Checksums and the words of a finding are their own.
import { GraftError } from "../../../../src/errors.ts";
import type { LogStore } from "../../../../src/ports/log-store.ts";

/** Opens the store, reads all of it, and closes it. Where reading finds damage, the next start is part of the outcome. */
export function outcomeOf(open: () => LogStore): string {
  let store: LogStore;
  try {
    store = open();
  } catch (error) {
    return refusalWords(error);
  }
  try {
    const read = readWords(store);
    if (read !== null) return `${stateWords(store.saved)}, ${read}`;
  } finally {
    store.close();
  }
  return `its log cannot be read, and then: ${outcomeOf(open)}`;
}

function stateWords(saved: LogStore["saved"]): string {
  const { genesis, refill, currentTerm, votedFor, base, last, snapshot, incarnation: _, ...rest } = saved;
  const range = `entries ${base.index} (term ${base.term}) to ${last.index} (term ${last.term})`;
  const ofSnapshot = snapshot === null ? "no snapshot" : `a snapshot ${hashOf({ ...snapshot, chain: 0 })}`;
  const told = refill === null ? "whole" : `to be refilled by ${refill.clusterUuid}`;
  return `${told}: of ${genesis?.clusterUuid ?? "no cluster"}, term ${currentTerm}, vote ${votedFor}, ${range}, ${ofSnapshot}, rest ${hashOf(rest)}`;
}

const hashOf = (value: unknown): string => Bun.hash(JSON.stringify(value, shortened)).toString(36);

/** Null: what is read is damaged, and the store has been told. */
function readWords(store: LogStore): string | null {
  const { base, last } = store.saved;
  if (base.index === last.index) return "none";
  try {
    const entries = store.read(base.index + 1, last.index, Number.MAX_SAFE_INTEGER);
    return hashOf(entries);
  } catch (error) {
    if (!(error instanceof GraftError && error.code === "damaged")) throw error;
    store.keepDamage(error.message);
    return null;
  }
}

const shortened = (_: string, value: unknown): unknown =>
  value instanceof Uint8Array ? Bun.hash(value).toString(36) : inOrder(value);

const inOrder = (value: unknown): unknown =>
  value === null || typeof value !== "object" || Array.isArray(value)
    ? value
    : Object.fromEntries(Object.entries(value).sort(([a], [b]) => (a < b ? -1 : 1)));

const refusals: readonly (readonly [string, RegExp])[] = [
  ["it is the only voter", /only voter\b.*Nothing was changed/],
  // Without its mark a database that was being created is not even known to be Graft's.
  ["its mark is gone", /mark is (missing|damaged)|is damaged as well|but not one of Graft's|only just begun/i],
  ["an administrator has to decide", /administrator has (to decide|decided)/],
];

function refusalWords(error: unknown): string {
  if (!(error instanceof GraftError)) throw error;
  const found = refusals.find(([, words]) => words.test(error.message));
  if (found === undefined) throw error;
  return `it does not start: ${found[0]}`;
}
