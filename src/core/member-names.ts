// Which members does a change mean? Names become keys, and what cannot be meant is refused in words that name it.
// What the change then makes of the configuration is next-configuration.ts.
import { type Configuration, isMember, type Member, type MemberKey, nodeIdOf } from "./configuration.ts";
import type { ChangeRefusal, MemberName, MembershipChange } from "./membership-change.ts";

/** A change in keys. A key is in one of these lists at most, and in it once. */
export interface Named {
  readonly kind: "named";
  /** New members and learners that are to vote. */
  readonly promote: readonly MemberKey[];
  /** Voters that are to learn, and learners that are no longer to wait for their promotion. */
  readonly demote: readonly MemberKey[];
  /** Members that are to leave: named, or replaced by another incarnation of their id. */
  readonly remove: readonly MemberKey[];
}

type Refused = { readonly kind: "refused"; readonly reason: ChangeRefusal };

export function nameMembers(current: Configuration, change: MembershipChange): Named | Refused {
  const unknown = [
    ...change.promote,
    ...change.demote,
    ...change.remove,
    ...change.prioritize.map(({ name }) => name),
  ].find((name) => membersCalled(current, name).length === 0);
  if (unknown !== undefined) return refused({ kind: "unknownMember", name: unknown });
  const isVoting = ({ key }: Member): boolean => current.voters.includes(key);
  const isWaiting = ({ key }: Member): boolean => current.pending.some(({ promote }) => promote.includes(key));
  const promoted = resolve(current, change.promote, [(member) => !isVoting(member)]);
  if (typeof promoted === "string") return refused({ kind: "alreadyVoter", name: promoted });
  const demoted = resolve(current, change.demote, [isVoting, isWaiting]);
  if (typeof demoted === "string") return refused({ kind: "alreadyLearner", name: demoted });

  const added = change.add.map(({ key }) => key);
  const toVote = change.add.filter(({ key, voter }) => voter && !current.voters.includes(key)).map(({ key }) => key);
  // A new incarnation may come and the old one go under one name, and be asked for again when both are there.
  const removed = change.remove.flatMap((name) =>
    membersCalled(current, name)
      .map(({ key }) => key)
      .filter((key) => key === name || !added.includes(key)),
  );
  const replaced = current.members.map(({ key }) => key).filter((key) => isReplaced(key, added));
  const named = {
    promote: unique([...toVote, ...promoted]),
    demote: unique(demoted),
    remove: unique([...removed, ...replaced]),
  };
  const clash = contradiction(named, added);
  return clash === null ? { kind: "named", ...named } : refused({ kind: "contradiction", name: clash });
}

/** Another incarnation of the id comes, and this one does not. */
const isReplaced = (key: MemberKey, added: readonly MemberKey[]): boolean =>
  !added.includes(key) && added.some((other) => nodeIdOf(other) === nodeIdOf(key));

export const membersCalled = ({ members }: Configuration, name: MemberName): readonly Member[] =>
  members.filter(({ key }) => key === name || nodeIdOf(key) === name);

/** For each name the first member called so for whom it makes sense, most of all the first sense; or the name that has none. */
function resolve(
  current: Configuration,
  names: readonly MemberName[],
  senses: readonly ((member: Member) => boolean)[],
): readonly MemberKey[] | MemberName {
  const keys: MemberKey[] = [];
  for (const name of names) {
    const called = membersCalled(current, name);
    const meant = senses.flatMap((makesSense) => called.filter(makesSense))[0];
    if (meant === undefined) return name;
    keys.push(meant.key);
  }
  return keys;
}

/** The id of a node of which two things are asked that exclude each other. */
function contradiction(named: Omit<Named, "kind">, added: readonly MemberKey[]): MemberName | null {
  const ids = added.map(nodeIdOf);
  const addedTwice = ids.find((id, at) => ids.indexOf(id) !== at);
  if (addedTwice !== undefined) return addedTwice;
  const asked = [...named.promote, ...named.demote, ...named.remove];
  const twice = asked.find((key, at) => asked.indexOf(key) !== at);
  const comesAndGoes = added.find((key) => named.remove.includes(key));
  const key = twice ?? comesAndGoes ?? null;
  return key === null ? null : nodeIdOf(key);
}

const unique = (keys: readonly MemberKey[]): readonly MemberKey[] => [...new Set(keys)];
const refused = (reason: ChangeRefusal): Refused => ({ kind: "refused", reason });

/** Why the additions cannot stand beside the members that stay; null when they can. */
export function faultOfAdditions(
  current: Configuration,
  change: MembershipChange,
  { remove }: Named,
  former: readonly MemberKey[],
): ChangeRefusal | null {
  for (const [at, { key, address }] of change.add.entries()) {
    if (former.includes(key) && !isMember(current, key)) return { kind: "removedBefore", key };
    const others = [...current.members.filter((member) => !remove.includes(member.key)), ...change.add.slice(0, at)];
    const holder = others.find((other) => other.address === address && other.key !== key);
    // Whoever is moved by the same change leaves its address to others.
    const isMoved =
      holder !== undefined && change.add.some((each) => each.key === holder.key && each.address !== address);
    if (holder !== undefined && !isMoved) return { kind: "addressTaken", address, by: nodeIdOf(holder.key) };
  }
  return null;
}
