// Who decides? Which configuration is in force in a log, and whether nodes are a majority of it: worked out from entries
// alone, by another way than the core's, so that a core that counts wrongly is found.
import type { Configuration, MemberKey } from "../../src/core/configuration.ts";
import type { Entry } from "../../src/core/entry.ts";
import type { Genesis } from "../../src/core/genesis.ts";

/** The lists of which a decision needs a majority each: one, or while the configuration is joint both (§4.3). */
export type Deciders = readonly (readonly MemberKey[])[];

/** The configuration in force in the log as far as `through`: its latest one, or that of the genesis. */
export function inForce(genesis: Genesis | null, log: readonly Entry[], through: number): Configuration | null {
  for (let index = Math.min(through, log.length); index > 0; index--) {
    const entry = log[index - 1]!;
    if (entry.kind === "configuration") return entry.configuration;
  }
  if (genesis === null) return null;
  const voters = genesis.members.map(({ key }) => key);
  return { members: genesis.members, voters, outgoing: [], leaving: [], pending: [] };
}

export const decidersOf = ({ voters, outgoing }: Configuration): Deciders =>
  outgoing.length === 0 ? [voters] : [voters, outgoing];

/** Whether those for which `agrees` is true are more than half of each list. */
export const areEnough = (deciders: Deciders, agrees: (key: MemberKey) => boolean): boolean =>
  deciders.every((keys) => keys.filter(agrees).length * 2 > keys.length);
