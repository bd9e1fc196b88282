// Does the database hold everything that the mark says it held? A log that ends before the mark has lost its end, and so has
// an older data directory under a newer mark. A vote that is older than the mark's would be cast twice. With an older
// configuration the node would count the wrong majority, and without an activation it would apply entries with the wrong version. A
// single page of the database that has gone back is enough for that.
import type { Database } from "bun:sqlite";
import { hasOtherVoters, type MemberKey } from "../../core/configuration.ts";
import { genesisConfiguration } from "../../core/genesis.ts";
import type { LogIndex } from "../../core/log-position.ts";
import type { SavedState } from "../../ports/log-store.ts";
import type { Promises } from "./mark.ts";
import type { Found } from "./saved-state.ts";

/** What a node with this data has promised, as the next mark says it. */
export const promisesOf = ({ databaseId, saved, tail }: Found): Promises => ({
  incarnation: saved.incarnation,
  databaseId,
  clusterUuid: saved.genesis?.clusterUuid ?? saved.refill?.clusterUuid ?? null,
  currentTerm: saved.currentTerm,
  votedFor: saved.votedFor,
  last: saved.last,
  chain: tail.chain,
  hasOtherVoters: mayHaveOtherVoters(saved),
  configuredAt: configuredAt(saved, saved.last.index),
  activatedAt: activatedAt(saved, saved.last.index),
  isRemoved: saved.removed !== null,
});

/** Without a configuration there may be others: this node waits to be added to them. */
function mayHaveOtherVoters({ incarnation, genesis, baseConfiguration, configurations }: SavedState): boolean {
  const latest = configurations.at(-1) ?? baseConfiguration;
  const configuration = latest?.configuration ?? (genesis === null ? null : genesisConfiguration(genesis));
  return configuration === null || hasOtherVoters(configuration, incarnation);
}

/** Which entry holds the configuration that was in force at `index`, as far as the records say. */
function configuredAt({ baseConfiguration, configurations }: SavedState, index: LogIndex): LogIndex {
  const placed = configurations.findLast(({ position }) => position.index <= index) ?? baseConfiguration;
  return placed?.position.index ?? 0;
}

/** Which entry has made the version active that applies what comes after `index`. */
function activatedAt({ baseActivation, activations }: SavedState, index: LogIndex): LogIndex {
  const placed = activations.findLast(({ position }) => position.index <= index) ?? baseActivation;
  return placed?.position.index ?? 0;
}

/** In words what the database lacks of the promises; null: nothing. */
export function whatIsMissing(
  db: Database,
  { databaseId, saved, base, tail }: Found,
  promised: Promises,
): string | null {
  const { incarnation, clusterUuid } = promised;
  if (saved.incarnation !== incarnation) {
    return `it belongs to the incarnation ${saved.incarnation}, and this node's is ${incarnation}`;
  }
  // While a node is refilled its mark names little. A database that was set aside before would pass all that follows.
  if (databaseId !== promised.databaseId) {
    return `it is another database (${databaseId}) than the one that this node uses (${promised.databaseId})`;
  }
  const uuid = saved.genesis?.clusterUuid ?? saved.refill?.clusterUuid ?? null;
  if (clusterUuid !== null && uuid !== null && uuid !== clusterUuid) {
    return `it belongs to the cluster ${uuid}, and this node's is ${clusterUuid}`;
  }
  const missing = [
    clusterUuid !== null && uuid === null ? `it does not name this node's cluster ${clusterUuid}` : null,
    whatIsMissingOfVote(saved, promised),
    whatIsMissingOfLog(db, { base, tail }, promised),
    whatIsMissingOfConfiguration(saved, promised),
    whatIsMissingOfActivation(saved, promised),
    promised.isRemoved && saved.removed === null ? "it does not say that this node was removed from the cluster" : null,
  ];
  const words = missing.filter((each) => each !== null);
  return words.length === 0 ? null : words.join("; ");
}

function whatIsMissingOfVote(saved: SavedState, { currentTerm, votedFor }: Promises): string | null {
  if (saved.currentTerm < currentTerm) {
    return `its term is ${saved.currentTerm}, and this node was in term ${currentTerm} already`;
  }
  if (saved.currentTerm > currentTerm || votedFor === null || saved.votedFor === votedFor) return null;
  return `in term ${currentTerm} it holds ${voteWords(saved.votedFor)}, and this node voted for ${votedFor}`;
}

const voteWords = (votedFor: MemberKey | null): string => (votedFor === null ? "no vote" : `a vote for ${votedFor}`);

function whatIsMissingOfLog(db: Database, { base, tail }: Pick<Found, "base" | "tail">, { last, chain }: Promises) {
  // A snapshot covers what lies before the base: nothing is left to compare.
  if (last.index < base.index) return null;
  if (last.index > tail.index) return lostEntries(tail.index, last.index);
  const row =
    last.index === base.index
      ? base
      : (db.query("SELECT term, chain FROM log WHERE idx = ?").get(last.index) as {
          term: number;
          chain: number;
        } | null);
  if (row?.term === last.term && row.chain === chain) return null;
  const found = row === null ? "none" : `one of term ${row.term} with the checksum ${row.chain}`;
  return `at index ${last.index} this node held an entry of term ${last.term} with the checksum ${chain}, and the log holds ${found}`;
}

function whatIsMissingOfConfiguration(saved: SavedState, { last, configuredAt: index }: Promises): string | null {
  const found = configuredAt(saved, last.index);
  if (found === index || !isWithin(saved, last.index)) return null;
  const held = found === 0 ? "that of the genesis" : `that of entry ${found}`;
  return `at index ${last.index} the configuration of entry ${index} was in force, and the records name ${held}`;
}

function whatIsMissingOfActivation(saved: SavedState, { last, activatedAt: index }: Promises): string | null {
  const found = activatedAt(saved, last.index);
  if (found === index || !isWithin(saved, last.index)) return null;
  const held = found === 0 ? "none" : `that of entry ${found}`;
  return `at index ${last.index} the version that entry ${index} activates was active, and the records name ${held}`;
}

/** A lost end has been reported. What is in force at a base beyond the mark is newer than what the mark names. */
const isWithin = ({ base, last }: SavedState, index: LogIndex): boolean => index >= base.index && index <= last.index;

const lostEntries = (end: number, confirmed: number): string =>
  `the log ends at entry ${end}, and this node had confirmed entries through ${confirmed}: entries ${end + 1} to ${confirmed} are lost here`;
