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
 * What a node's hello says of its cluster: the genesis that it knows; or that it waits to found a cluster by its bootstrap table;
 * or that it founds none, and waits to be added or refilled.
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
