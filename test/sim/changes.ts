// Which change does an administrator ask for? Any kind, at random: nodes come, go, are promoted, demoted, preferred, moved
// and replaced, several of them at once. Whether the cluster could bear it is administrator.ts.
import type { Configuration, MemberKey } from "../../src/core/configuration.ts";
import { nodeIdOf } from "../../src/core/configuration.ts";
import { type Addition, type MembershipChange, noChange } from "../../src/core/membership-change.ts";
import type { Chance } from "../../src/sim/chance.ts";

const weights = {
  add: 4,
  remove: 3,
  demote: 1.5,
  promote: 2,
  replace: 3,
  prioritize: 1.5,
  move: 0.5,
  mixed: 3,
} as const;

/** `spares` are nodes that run and are no members with the disk they have. */
export function drawChange(current: Configuration, spares: readonly MemberKey[], chance: Chance): MembershipChange {
  const { voters, members } = current;
  const learners = members.map(({ key }) => key).filter((key) => !voters.includes(key));
  const some = (keys: readonly MemberKey[], max: number): string[] =>
    chance
      .shuffled(keys)
      .slice(0, chance.below(max + 1))
      .map(nodeIdOf);
  const one = (keys: readonly MemberKey[]): string[] => (keys.length === 0 ? [] : [nodeIdOf(chance.pick(keys))]);
  const newcomers = (count: number): Addition[] =>
    chance
      .shuffled(spares)
      .slice(0, count)
      .map((key) => addition(key, chance));
  const all = members.map(({ key }) => key);
  if (current.pending.length > 0 && chance.happens(0.5)) return drawUndoing(current, chance);
  switch (chance.weighted(weights)) {
    case "add":
      return { ...noChange, add: newcomers(1 + chance.below(2)) };
    case "remove":
      return { ...noChange, remove: one(all) };
    case "demote":
      return { ...noChange, demote: one(chance.happens(0.8) ? voters : learners) };
    case "promote":
      return { ...noChange, promote: one(chance.happens(0.9) ? learners : voters) };
    case "replace":
      return { ...noChange, add: newcomers(1), remove: one(voters) };
    case "prioritize":
      return { ...noChange, prioritize: one(all).map((name) => ({ name, priority: chance.below(4) })) };
    case "move": {
      const moved = chance.pick(members);
      return { ...noChange, add: [{ ...addition(moved.key, chance), address: `moved${chance.below(1e6)}:7400` }] };
    }
    case "mixed": {
      const remove = some(all, 2);
      const demote = some(voters, 1).filter((id) => !remove.includes(id));
      const promote = some(learners, 2).filter((id) => !remove.includes(id));
      return { ...noChange, add: newcomers(chance.below(3)), remove, demote, promote };
    }
  }
}

/** Something else is to become of a node for which another change waits, or which is to go by it. */
function drawUndoing({ pending, voters }: Configuration, chance: Chance): MembershipChange {
  const leaving = pending.flatMap(({ remove }) => remove);
  const named = pending.flatMap(({ promote, demote }) => [...promote, ...demote, ...leaving]);
  const name = chance.pick(leaving.length > 0 && chance.happens(0.7) ? leaving : named);
  const isToVote = !voters.includes(name) && chance.happens(0.7);
  return isToVote ? { ...noChange, promote: [name] } : { ...noChange, demote: [name] };
}

const addition = (key: MemberKey, chance: Chance): Addition => ({
  key,
  address: `${nodeIdOf(key)}:7400`,
  priority: chance.happens(0.3) ? chance.below(3) : null,
  voter: chance.happens(0.8),
});
