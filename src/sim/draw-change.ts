// Which change of the membership does the administrator of a simulation ask for? Any kind, at random: nodes come, go, are promoted,
// demoted, preferred, told of at another address and replaced, several of them at once. Whether the cluster could bear it is standing.ts.
import { type Configuration, type MemberKey, nodeIdOf } from "../core/configuration.ts";
import { type Addition, type MembershipChange, noChange } from "../core/membership-change.ts";
import type { Chance } from "./chance.ts";

const weights = { add: 4, remove: 3, demote: 1.5, promote: 2, replace: 3, prioritize: 3, move: 2, mixed: 3 } as const;

/** A node that runs, and where it is. */
export interface Candidate {
  readonly key: MemberKey;
  readonly address: string;
}

export interface Nodes {
  /** All nodes that run, members or not, with the data that they have. */
  readonly running: readonly Candidate[];
  /** Those that do not answer. */
  readonly silent: readonly MemberKey[];
  /** Those that copy the log that they have lost. */
  readonly copying: readonly MemberKey[];
}

/** How often a change that waits is answered by another one of the same nodes. */
const undoOften = 0.8;
/** How often a member that does not answer or has lost its log is removed rather than another one, and preferred. */
const ailingGoOften = 0.7;
const ailingLeadOften = 0.5;
/** How often something becomes of a member that copies its log, rather than of another one. The copy is soon whole, and changes are far apart. */
const copyingOften = 0.7;

export function drawChange(
  current: Configuration,
  { running, silent, copying }: Nodes,
  chance: Chance,
): MembershipChange {
  const { voters, members } = current;
  const all = members.map(({ key }) => key);
  const learners = all.filter((key) => !voters.includes(key));
  const spares = running.filter(({ key }) => !all.includes(key));
  const moved = running.filter(({ key, address }) =>
    members.some((member) => member.key === key && member.address !== address),
  );
  const some = (keys: readonly MemberKey[], max: number): string[] =>
    chance
      .shuffled(keys)
      .slice(0, chance.below(max + 1))
      .map(nodeIdOf);
  const one = (keys: readonly MemberKey[]): string[] => (keys.length === 0 ? [] : [nodeIdOf(chance.pick(keys))]);
  const goer = (keys: readonly MemberKey[]): string[] => {
    const first = keys.filter((key) => silent.includes(key) || copying.includes(key));
    return one(first.length > 0 && chance.happens(ailingGoOften) ? first : keys);
  };
  const leader = (): string[] => {
    const first = voters.filter((key) => copying.includes(key));
    return one(first.length > 0 && chance.happens(ailingLeadOften) ? first : all);
  };
  const newcomers = (count: number): Addition[] =>
    chance
      .shuffled(spares)
      .slice(0, count)
      .map((each) => addition(each, chance));
  if (current.pending.length > 0 && chance.happens(undoOften)) return drawUndoing(current, chance);
  const lost = all.filter((key) => copying.includes(key));
  if (lost.length > 0 && chance.happens(copyingOften)) {
    const [name = ""] = one(lost);
    return chance.happens(0.5) ? { ...noChange, remove: [name] } : { ...noChange, prioritize: [{ name, priority: 3 }] };
  }
  switch (chance.weighted(weights)) {
    case "add":
      return { ...noChange, add: newcomers(1 + chance.below(2)) };
    case "remove":
      return { ...noChange, remove: goer(all) };
    case "demote":
      return { ...noChange, demote: one(chance.happens(0.8) ? voters : learners) };
    case "promote":
      return { ...noChange, promote: one(chance.happens(0.9) ? learners : voters) };
    case "replace":
      return { ...noChange, add: newcomers(1), remove: goer(voters) };
    case "prioritize":
      return { ...noChange, prioritize: leader().map((name) => ({ name, priority: chance.below(4) })) };
    case "move":
      return { ...noChange, add: moved.map((each) => addition(each, chance)) };
    case "mixed": {
      const remove = some(all, 2);
      const demote = some(voters, 1).filter((id) => !remove.includes(id));
      const promote = some(learners, 2).filter((id) => !remove.includes(id));
      return { ...noChange, add: newcomers(chance.below(3)), remove, demote, promote };
    }
  }
}

/** Something else is to become of a node for which another change waits, or which is to go by it. Some change must wait. */
export function drawUndoing({ pending, voters }: Configuration, chance: Chance): MembershipChange {
  const leaving = pending.flatMap(({ remove }) => remove);
  const named = pending.flatMap(({ promote, demote }) => [...promote, ...demote, ...leaving]);
  const name = chance.pick(leaving.length > 0 && chance.happens(0.7) ? leaving : named);
  const isToVote = !voters.includes(name) && chance.happens(0.7);
  return isToVote ? { ...noChange, promote: [name] } : { ...noChange, demote: [name] };
}

const addition = ({ key, address }: Candidate, chance: Chance): Addition => ({
  key,
  address,
  priority: chance.happens(0.3) ? chance.below(3) : null,
  voter: chance.happens(0.8),
});
