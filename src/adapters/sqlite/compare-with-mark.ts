// Does the database hold everything that the mark says it held? A log that ends before the mark has lost its end, and so has
// an older data directory under a newer mark. A vote that is older than the mark's would be cast twice.
import type { Database } from "bun:sqlite";
import { hasOtherVoters, type MemberKey } from "../../core/configuration.ts";
import { genesisConfiguration } from "../../core/genesis.ts";
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
});

/** Without a configuration there may be others: this node waits to be added to them. */
function mayHaveOtherVoters({ incarnation, genesis, baseConfiguration, configurations }: SavedState): boolean {
  const latest = configurations.at(-1) ?? baseConfiguration;
  const configuration = latest?.configuration ?? (genesis === null ? null : genesisConfiguration(genesis));
  return configuration === null || hasOtherVoters(configuration, incarnation);
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

const lostEntries = (end: number, confirmed: number): string =>
  `the log ends at entry ${end}, and this node had confirmed entries through ${confirmed}: entries ${end + 1} to ${confirmed} are lost here`;
