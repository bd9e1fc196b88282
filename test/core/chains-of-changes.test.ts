// Whatever administrators ask for, one thing after the other and half of it undone again: every configuration that comes of
// it is one that a leader may append. Pure, so that it can be asked thousands of times.
import { expect, test } from "bun:test";
import { type Configuration, isJoint, type MemberKey, nodeIdOf, toMemberKey } from "../../src/core/configuration.ts";
import { checkConfiguration, mayFollow } from "../../src/core/configuration-invariants.ts";
import { genesisConfiguration } from "../../src/core/genesis.ts";
import type { MembershipChange } from "../../src/core/membership-change.ts";
import { finalConfiguration, nextConfiguration, promotionsOf } from "../../src/core/next-configuration.ts";
import { Chance } from "../../src/sim/chance.ts";
import { genesisOf, n1, n2, n3 } from "./say.ts";

const chains = 6000;
const changesPerChain = 12;

function drawChange({ members }: Configuration, chance: Chance): MembershipChange {
  const some = (probability: number): readonly string[] =>
    members.filter(() => chance.happens(probability)).map(({ key }) => (chance.happens(0.8) ? nodeIdOf(key) : key));
  const newcomer = toMemberKey(`n${1 + chance.below(6)}`, chance.happens(0.5) ? "a" : "b");
  const voter = chance.happens(0.8);
  const add = chance.happens(0.4)
    ? [{ key: newcomer, address: `at${chance.below(1e6)}:1`, priority: null, voter }]
    : [];
  return { add, promote: some(0.15), demote: some(0.12), remove: some(0.1), prioritize: [] };
}

/** What a leader appends next, of its own or because it is asked; null: nothing. */
function successorOf(current: Configuration, chance: Chance): Configuration | null {
  if (isJoint(current)) return finalConfiguration(current);
  const ready = new Set<MemberKey>(current.members.map(({ key }) => key).filter(() => chance.happens(0.6)));
  if (chance.happens(0.35)) return promotionsOf(current, (key) => ready.has(key));
  const decision = nextConfiguration(current, drawChange(current, chance), []);
  return decision.kind === "append" ? decision.configuration : null;
}

test(`${chains} chains of changes lead to nothing that may not be`, () => {
  const chance = new Chance(1);
  let appended = 0;
  for (let chain = 0; chain < chains; chain++) {
    let current = genesisConfiguration(genesisOf(n1, n2, n3));
    for (let change = 0; change < changesPerChain; change++) {
      const next = successorOf(current, chance);
      if (next === null) continue;
      checkConfiguration(next);
      expect(mayFollow(current, next)).toBe(true);
      current = next;
      appended++;
    }
  }
  expect(appended).toBeGreaterThan(chains);
});
