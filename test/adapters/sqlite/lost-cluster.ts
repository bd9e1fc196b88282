// The data directory of n1 out of three, whose cluster is lost: founded, with entries of two terms and an old change of members.
import { type Configuration, type MemberKey, toMemberKey } from "../../../src/core/configuration.ts";
import type { DurableEffect } from "../../../src/core/effects.ts";
import type { Genesis } from "../../../src/core/genesis.ts";
import { append, command, commands, found, ignoreDurable, keyOf, vote } from "../../contracts/log-entries.ts";
import type { DataDirectory } from "./data-directory.ts";

export const foundedAtMs = 1_700_000_000_000;
export const newCluster = {
  clusterUuid: "00000000000000000000000000000001",
  incarnation: "00000000000000000000000000000002",
  address: "elsewhere:1",
};

const memberOf = (key: MemberKey) => ({ key, address: `${key.slice(0, 2)}:7400`, priority: 7 });

export const votersOf = (...voters: MemberKey[]): Configuration => ({
  members: voters.map(memberOf),
  voters,
  outgoing: [],
  leaving: [],
  pending: [],
});

export const genesisOf = (...keys: MemberKey[]): Genesis => ({
  clusterUuid: "fedcba9876543210fedcba9876543210",
  members: keys.map(memberOf),
  foundedAtMs,
});

/** Entries 1 to 9: of term 1, a configuration of four at 5, of term 2; the vote of term 3. More is written after that. */
export function fillLostCluster(
  directory: DataDirectory,
  more: (self: MemberKey) => readonly DurableEffect[] = () => [],
) {
  const store = directory.open();
  const self = toMemberKey("n1", store.saved.incarnation);
  const members = [self, keyOf("n2"), keyOf("n3")];
  const change = { kind: "configuration", index: 5, term: 2, stampMs: foundedAtMs + 5 } as const;
  const entries = [...commands(1, 4, 1), { ...change, configuration: votersOf(...members) }, ...commands(6, 8, 2)];
  store.write([found(genesisOf(...members)), vote(3, "n2"), append(...entries, command(9, 2))], ignoreDurable);
  store.write(more(self), ignoreDurable);
  store.close();
  return self;
}
