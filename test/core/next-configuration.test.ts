// Which configuration follows which: a table of changes, what each makes of a cluster of three with one learner, and
// every reason to refuse one.
import { describe, expect, test } from "bun:test";
import type { Configuration, Member, MemberKey } from "../../src/core/configuration.ts";
import { describeConfiguration } from "../../src/core/describe-membership.ts";
import { type MembershipChange, noChange } from "../../src/core/membership-change.ts";
import { finalConfiguration, membersMax, nextConfiguration, promotionsOf } from "../../src/core/next-configuration.ts";
import { genesisOf, learner, n1, n2, n3, n4, n5, voter, wiped } from "./say.ts";

const membersOf = (...keys: readonly MemberKey[]): readonly Member[] => genesisOf(...keys).members;
const configurationOf = (part: Partial<Configuration> = {}): Configuration => ({
  members: membersOf(n1, n2, n3, n4),
  voters: [n1, n2, n3],
  outgoing: [],
  leaving: [],
  pending: [],
  ...part,
});
const current = configurationOf();
const newN3 = wiped(n3);

const decide = (change: Partial<MembershipChange>, from = current, former: readonly MemberKey[] = []) =>
  nextConfiguration(from, { ...noChange, ...change }, former);

/** The configuration that the change leads to, in words. */
function after(change: Partial<MembershipChange>, from = current): string {
  const decision = decide(change, from);
  return decision.kind === "append" ? describeConfiguration(decision.configuration) : JSON.stringify(decision);
}

describe("a change at once", () => {
  const cases: readonly (readonly [string, Partial<MembershipChange>, string])[] = [
    ["a learner comes", { add: [learner(n5)] }, "voters n1 n2 n3; learners n4 n5"],
    ["a learner goes", { remove: ["n4"] }, "voters n1 n2 n3"],
    ["a voter goes", { remove: ["n3"] }, "voters n1 n2; were n1 n2 n3; leaving n3; learners n4"],
    ["a voter learns", { demote: ["n3"] }, "voters n1 n2; were n1 n2 n3; learners n4"],
    [
      "several things in one step",
      { add: [learner(n5)], remove: ["n1", "n4"], demote: ["n2"] },
      "voters n3; were n1 n2 n3; leaving n1; learners n5",
    ],
    [
      "a voter is replaced by a learner of the same name",
      { add: [learner(newN3)] },
      "voters n1 n2; were n1 n2 n3@disk3; leaving n3@disk3; learners n4 n3@disk3-new",
    ],
    ["one incarnation is named", { remove: [n3] }, "voters n1 n2; were n1 n2 n3; leaving n3; learners n4"],
  ];
  for (const [name, change, line] of cases) test(name, () => expect(after(change)).toBe(line));

  test("priorities and addresses change members as they are", () => {
    const add = [{ ...voter(n2, "elsewhere:1"), voter: false }];
    const decision = decide({ add, prioritize: [{ name: "n1", priority: 3 }] });
    expect(decision).toMatchObject({ kind: "append", awaits: [] });
    const { members, voters } = decision.kind === "append" ? decision.configuration : current;
    expect(members[0]).toEqual({ key: n1, address: "n1:7400", priority: 3 });
    expect(members[1]).toEqual({ key: n2, address: "elsewhere:1", priority: 0 });
    expect(voters).toEqual(current.voters);
  });

  test("two members may swap their addresses", () => {
    const add = [voter(n1, "n2:7400"), voter(n2, "n1:7400")];
    expect(decide({ add }).kind).toBe("append");
  });
});

describe("a change that waits for learners (§4.2.1)", () => {
  const cases: readonly (readonly [string, Partial<MembershipChange>, string])[] = [
    ["a new voter learns first", { add: [voter(n5)] }, "voters n1 n2 n3; learners n4 n5; n5 to vote when caught up"],
    ["a learner is promoted", { promote: ["n4"] }, "voters n1 n2 n3; learners n4; n4 to vote when caught up"],
    [
      "who makes room for it stays as long",
      { promote: ["n4"], remove: ["n3"], demote: ["n2"] },
      "voters n1 n2 n3; learners n4; n4 to vote when caught up and n2 learn, n3 leave then",
    ],
    [
      "a wiped node takes the place of what it was",
      { add: [voter(newN3)] },
      "voters n1 n2 n3@disk3; learners n4 n3@disk3-new; n3@disk3-new to vote when caught up and n3@disk3 leave then",
    ],
    [
      "the same in so many words",
      { add: [voter(newN3)], remove: ["n3"] },
      "voters n1 n2 n3@disk3; learners n4 n3@disk3-new; n3@disk3-new to vote when caught up and n3@disk3 leave then",
    ],
  ];
  for (const [name, change, line] of cases) test(name, () => expect(after(change)).toBe(line));

  const replacing = configurationOf({ pending: [{ promote: [n4], demote: [], remove: [n3] }] });

  test("asked for again it is under way, and not done at once", () => {
    expect(decide({ promote: ["n4"], remove: ["n3"] }, replacing)).toEqual({ kind: "underWay", awaits: [n4] });
    expect(decide({ promote: ["n4"] }, replacing)).toEqual({ kind: "underWay", awaits: [n4] });
  });

  test("enlarged it is one step still", () => {
    expect(after({ add: [voter(n5)], promote: ["n4"], remove: ["n2"] }, replacing)).toBe(
      "voters n1 n2 n3; learners n4 n5; n4 n5 to vote when caught up and n3 n2 leave then",
    );
  });

  test("it is withdrawn with the learner that it waits for, and nobody leaves for it", () => {
    expect(after({ remove: ["n4"] }, replacing)).toBe("voters n1 n2 n3");
    expect(after({ demote: ["n4"] }, replacing)).toBe("voters n1 n2 n3; learners n4");
  });

  test("who was to leave for it and is to vote again stays", () => {
    const demoted = { ...replacing, voters: [n1, n2] };
    expect(after({ promote: ["n3"] }, demoted)).toBe(
      "voters n1 n2; learners n3 n4; n4 to vote when caught up; n3 to vote when caught up",
    );
    const both = decide({ promote: ["n4", "n3"] }, demoted);
    if (both.kind !== "append") throw new Error(both.kind);
    expect(describeConfiguration(promotionsOf(both.configuration, () => true)!)).toBe("voters n1 n2 n4 n3; were n1 n2");
  });

  test("what happens to a voter now needs not happen again later", () => {
    expect(after({ remove: ["n3"] }, replacing)).toBe(
      "voters n1 n2; were n1 n2 n3; leaving n3; learners n4; n4 to vote when caught up",
    );
  });

  test("a third incarnation takes the place of both", () => {
    const waiting = configurationOf({
      members: membersOf(n1, n2, n3, newN3),
      pending: [{ promote: [newN3], demote: [], remove: [n3] }],
    });
    const third = wiped(newN3);
    const decision = decide({ add: [voter(third)] }, waiting);
    if (decision.kind !== "append") throw new Error(decision.kind);
    expect(decision.configuration.members.map(({ key }) => key)).toEqual([n1, n2, n3, third]);
    expect(decision.configuration.pending).toEqual([{ promote: [third], demote: [], remove: [n3] }]);
  });
});

describe("promotion", () => {
  const two = configurationOf({
    members: membersOf(n1, n2, n3, n4, n5),
    pending: [
      { promote: [n4], demote: [], remove: [n3] },
      { promote: [n5], demote: [n3, n2], remove: [] },
    ],
  });

  test("nobody is ready, one is, both are: in one joint step (§4.3)", () => {
    expect(promotionsOf(two, () => false)).toBeNull();
    expect(describeConfiguration(promotionsOf(two, (key) => key === n4)!)).toBe(
      "voters n1 n2 n4; were n1 n2 n3; leaving n3; learners n5; n5 to vote when caught up and n2 learn then",
    );
    expect(describeConfiguration(promotionsOf(two, () => true)!)).toBe("voters n1 n4 n5; were n1 n2 n3; leaving n3");
  });

  test("a step waits for all that it promotes", () => {
    const pending = [{ promote: [n4, n5], demote: [], remove: [] }];
    expect(promotionsOf(configurationOf({ members: two.members, pending }), (key) => key === n4)).toBeNull();
  });

  test("a joint configuration ends in the new voters and whoever does not leave", () => {
    const joint = promotionsOf(two, () => true)!;
    expect(describeConfiguration(finalConfiguration(joint))).toBe("voters n1 n4 n5; learners n2");
  });
});

describe("what is refused", () => {
  const cases: readonly (readonly [Partial<MembershipChange>, object])[] = [
    [{ remove: ["n9"] }, { kind: "unknownMember", name: "n9" }],
    [{ promote: [wiped(n4)] }, { kind: "unknownMember", name: wiped(n4) }],
    [{ prioritize: [{ name: "n9", priority: 1 }] }, { kind: "unknownMember", name: "n9" }],
    [{ promote: ["n3"] }, { kind: "alreadyVoter", name: "n3" }],
    [{ demote: ["n4"] }, { kind: "alreadyLearner", name: "n4" }],
    [
      { demote: ["n3"], remove: ["n3"] },
      { kind: "contradiction", name: "n3" },
    ],
    [
      { promote: ["n4"], remove: ["n4"] },
      { kind: "contradiction", name: "n4" },
    ],
    [{ add: [voter(n5), learner(wiped(n5))] }, { kind: "contradiction", name: "n5" }],
    [
      { add: [voter(n4)], remove: [n4] },
      { kind: "contradiction", name: "n4" },
    ],
    [{}, { kind: "nothingToDo" }],
    [{ add: [voter(n3)] }, { kind: "nothingToDo" }],
    [{ add: [learner(n3)] }, { kind: "alreadyVoter", name: "n3" }],
    [{ add: [learner(n4)], prioritize: [{ name: "n1", priority: 0 }] }, { kind: "nothingToDo" }],
    [{ remove: ["n1", "n2", "n3"] }, { kind: "lastVoter" }],
    [{ remove: ["n1", "n2"], demote: ["n3"], add: [learner(n5)] }, { kind: "lastVoter" }],
    [{ add: [voter(n5, "n2:7400")] }, { kind: "addressTaken", address: "n2:7400", by: "n2" }],
  ];
  for (const [change, reason] of cases) {
    test(JSON.stringify(reason), () => expect(decide(change)).toEqual({ kind: "refused", reason } as never));
  }

  test("P44: the last voter stays, whatever else would come", () => {
    const alone = configurationOf({ members: membersOf(n1), voters: [n1] });
    for (const change of [{ remove: ["n1"] }, { demote: ["n1"] }, { add: [learner(wiped(n1))] }]) {
      expect(decide(change, alone)).toEqual({ kind: "refused", reason: { kind: "lastVoter" } });
    }
    expect(decide({ add: [voter(n2)], remove: ["n1"] }, alone).kind).toBe("append");
  });

  test("an incarnation that has left does not come back; another one of its name does", () => {
    const reason = { kind: "removedBefore", key: n5 } as const;
    expect(decide({ add: [voter(n5)] }, current, [n5])).toEqual({ kind: "refused", reason });
    expect(decide({ add: [voter(wiped(n5))] }, current, [n5]).kind).toBe("append");
  });

  test("an address is free once its holder leaves by the same change", () => {
    expect(decide({ add: [voter(n5, "n3:7400")], remove: ["n3"] }).kind).toBe("append");
  });

  test("more members than the wire carries", () => {
    const many = Array.from({ length: membersMax }, (_, at) => `m${at}@d` as MemberKey);
    const full = configurationOf({ members: membersOf(...many), voters: many.slice(0, 3) });
    const reason = { kind: "tooManyMembers", max: membersMax } as const;
    expect(decide({ add: [learner(n5)] }, full)).toEqual({ kind: "refused", reason });
  });

  test("a joint configuration is not changed: its phase ends first", () => {
    expect(() => decide({ remove: ["n4"] }, configurationOf({ outgoing: [n1, n2, n3] }))).toThrow("joint");
  });
});
