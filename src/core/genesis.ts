// The record that founds a cluster: written once, durably, by every founding member before its first vote.
// Who may write one, and when, is founding.ts.
import type { Configuration, Member } from "./configuration.ts";

/** No cluster is founded later, ms since 1970: in the year 2109. */
export const foundedAtMsMax = 2 ** 42;

export interface Genesis {
  /** 32 hexadecimal digits, random; two clusters never share one. */
  readonly clusterUuid: string;
  /** The founding members with their incarnations, all of them voters. */
  readonly members: readonly Member[];
  /** Wall-clock milliseconds since 1970 at the founding: where replicated time starts. */
  readonly foundedAtMs: number;
}

/**
 * A node's cluster, as its hello names it. A genesis: the node belongs to this cluster. "founding": the node waits for the other founders
 * of its bootstrap table. "joining": the node founds no cluster. It waits until it is added, or until it has its data again.
 */
export type Affiliation = Genesis | "founding" | "joining";

/** The genesis in it; null: it knows none. */
export const genesisIn = (affiliation: Affiliation): Genesis | null =>
  typeof affiliation === "string" ? null : affiliation;

/** The configuration in force before the first configuration entry. */
export function genesisConfiguration(genesis: Genesis): Configuration {
  return {
    members: genesis.members,
    voters: genesis.members.map((member) => member.key),
    outgoing: [],
    leaving: [],
    pending: [],
  };
}
