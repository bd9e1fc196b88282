// What must hold of every configuration, and between one and the next? A leader asks before it appends one: a node that stops
// is a smaller harm than an entry that no other node takes.
import { type Configuration, isJoint, isMember, type MemberKey } from "./configuration.ts";
import { must } from "./must.ts";

/** Throws when no leader may ever append this configuration. */
export function checkConfiguration(configuration: Configuration): void {
  const broken = brokenRuleOf(configuration);
  must(broken === null, broken ?? "");
}

/** The first rule that this configuration breaks, in words; null when a leader may append it. */
export function brokenRuleOf(configuration: Configuration): string | null {
  const { members, voters, outgoing, leaving, pending } = configuration;
  const areMembers = (keys: readonly MemberKey[]): boolean => keys.every((key) => isMember(configuration, key));
  const waiting = pending.flatMap(({ promote }) => promote);
  const rules: readonly (readonly [holds: boolean, rule: string])[] = [
    [isSet(members.map(({ key }) => key)), "no member is there twice"],
    [voters.length > 0, "somebody votes"],
    [isSet(voters) && areMembers(voters), "voters are members, each once"],
    [isSet(outgoing) && areMembers(outgoing), "who voted before is a member until the joint phase is over"],
    [
      isSet(leaving) && leaving.every((key) => outgoing.includes(key) && !voters.includes(key)),
      "only who voted before and will not vote leaves with a joint configuration",
    ],
    [isSet(waiting), "nobody waits twice to be promoted"],
    [!pending.some(({ remove }) => remove.some((key) => waiting.includes(key))), "nobody waits to vote and to leave"],
    [pending.every(({ promote }) => promote.length > 0), "a step waits for somebody"],
    [areMembers(waiting) && !waiting.some((key) => voters.includes(key)), "learners wait to be promoted"],
    [
      pending.every(
        ({ demote, remove }) => areMembers([...demote, ...remove]) && demote.every((key) => voters.includes(key)),
      ),
      "voters wait to leave",
    ],
  ];
  return rules.find(([holds]) => !holds)?.[1] ?? null;
}

/** §4.3: voters change through a joint configuration and by nothing else. */
export function mayFollow(before: Configuration, after: Configuration): boolean {
  if (isJoint(before)) return !isJoint(after) && isSameSet(before.voters, after.voters);
  return isSameSet(before.voters, isJoint(after) ? after.outgoing : after.voters);
}

const isSet = (values: readonly (number | string)[]): boolean => new Set(values).size === values.length;
const isSameSet = (a: readonly MemberKey[], b: readonly MemberKey[]): boolean =>
  a.length === b.length && a.every((key) => b.includes(key));
