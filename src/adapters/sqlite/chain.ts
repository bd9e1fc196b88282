// How damage is noticed: each entry carries a checksum that continues its predecessor's, so that a changed, missing or
// foreign entry breaks the chain at its place. It guards against rot, not against an attacker.
// When the chain is followed is log-store.ts and saved-state.ts.
import type { LogIndex, Term } from "../../core/log-position.ts";

/**
 * A 53-bit checksum, a safe integer: SQLite hands numbers of 64 bits over as bigint only when asked to, and then all of
 * them; the eleven bits are not worth that.
 */
export type Chain = number;

/** The chain at index 0, before the first entry. */
export const chainStart: Chain = 0;

export interface ChainLink {
  readonly index: LogIndex;
  readonly term: Term;
  readonly stampMs: number;
  /** The kind as it is stored, see entry-row.ts. */
  readonly kindNumber: number;
  readonly payload: Uint8Array;
  /** What an entry says of a session, 0 where it says nothing: no session has the number 0. */
  readonly session: number;
  readonly sequence: number;
  readonly answeredBelow: number;
  /** Whose session it is; empty where the entry says nothing of one. */
  readonly client: string;
}

// One buffer for all calls: this runs for every entry that is written or read, and nothing in it waits.
const head = new Float64Array(10);
const headBytes = new Uint8Array(head.buffer);
/** The whole hashes of the payload and of the client's name. As seeds they would lose half: Bun uses only 32 bits of a seed. */
const hashes = new BigUint64Array(head.buffer, 8 * Float64Array.BYTES_PER_ELEMENT);

const to53Bits = (hash: bigint): number => Number(hash >> 11n);

/** The checksum of an entry whose predecessor's is `before`. Everything that the entry says goes into it. */
export function nextChain(before: Chain, link: ChainLink): Chain {
  head[0] = before;
  head[1] = link.index;
  head[2] = link.term;
  head[3] = link.stampMs;
  head[4] = link.kindNumber;
  head[5] = link.session;
  head[6] = link.sequence;
  head[7] = link.answeredBelow;
  hashes[0] = Bun.hash.xxHash3(link.payload);
  hashes[1] = link.client === "" ? 0n : Bun.hash.xxHash3(link.client);
  return to53Bits(Bun.hash.xxHash3(headBytes));
}

/** The checksum of the single record of a table. The table is part of it: a page may have been written to the place of another one. */
export function recordChecksum(table: string, ...fields: readonly (string | number | null)[]): number {
  return to53Bits(Bun.hash.xxHash3(JSON.stringify([table, ...fields])));
}
