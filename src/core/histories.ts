// Where do two logs last share a position, and is it the same history there? (§3.5, Log Matching) Index and term alone do not
// tell: two leaders of one term, or a disk that came back changed, make entries that differ under equal index and term. The
// chained checksum tells. The core cannot compute one: the node works out the comparison and hands it over with the message.
import type { Entry } from "./entry.ts";
import type { LogIndex, LogPosition } from "./log-position.ts";
import { type LogTerms, termAt } from "./log-terms.ts";
import type { AppendEntries, InstallSnapshot, Message, SharedPosition } from "./messages.ts";

/** The chained checksums of a node's own log. */
export interface Chains {
  chainAt(index: LogIndex): number;
  /** Pure: the checksum after `entry`, when `before` is the one of the entry before it. */
  chainAfter(before: number, entry: Entry): number;
}

/** Whether the histories are one as far as this comparison goes. */
export const areOne = ({ chain, leaderChain }: SharedPosition): boolean => chain === leaderChain;

/**
 * The last position that this log and the message share, or the first one at which their checksums differ. Null when they
 * share none, and for messages that show nothing of a leader's log.
 */
export function sharedPosition(log: LogTerms, message: Message, chains: Chains): SharedPosition | null {
  if (message.kind === "appendEntries") return sharedWithEntries(log, message, chains);
  return message.kind === "installSnapshot" ? sharedWithSnapshot(log, message, chains) : null;
}

function sharedWithSnapshot(log: LogTerms, { snapshot }: InstallSnapshot, chains: Chains): SharedPosition | null {
  const { position: at, chain: leaderChain } = snapshot;
  return holds(log, at) ? { at, chain: chains.chainAt(at.index), leaderChain } : null;
}

/** Entries that are here already are compared as well: they would be taken for the same by index and term alone. */
function sharedWithEntries(log: LogTerms, message: AppendEntries, chains: Chains): SharedPosition | null {
  const { prev, prevChain: leaderChain } = message;
  let shared = holds(log, prev) ? { at: prev, chain: chains.chainAt(prev.index), leaderChain } : null;
  let before = leaderChain;
  for (const entry of message.entries) {
    if (entry.index > log.last.index || (shared !== null && !areOne(shared))) break;
    before = chains.chainAfter(before, entry);
    if (entry.index < log.base.index) continue;
    if (!holds(log, entry)) break;
    const at = { index: entry.index, term: entry.term };
    shared = { at, chain: chains.chainAt(entry.index), leaderChain: before };
  }
  return shared;
}

/** Whether this log holds the position, or begins right after it. */
const holds = (log: LogTerms, { index, term }: LogPosition): boolean =>
  index >= log.base.index && index <= log.last.index && termAt(log, index) === term;
