// What the members say of themselves and of each other, against which of them is unfit and why.
import { describe, expect, test } from "bun:test";
import type { MemberKey } from "../../src/core/configuration.ts";
import { genesisConfiguration } from "../../src/core/genesis.ts";
import type { Impediment, Unfit } from "../../src/core/impediment.ts";
import { stopsThrough, unfitMembers } from "../../src/node/judge-fitness.ts";
import type { Condition } from "../../src/ports/node-messages.ts";
import { genesisOf, n1, n2, n3, n4, n5 } from "../core/say.ts";
import { soundCondition as fit } from "./sound-condition.ts";

const stopped = (through: number): Partial<Condition> => ({ stateMachine: { kind: "stopped", through } });
const passed = (through: number): Partial<Condition> => ({ stateMachine: { kind: "runs", passed: through } });
const low: Partial<Condition> = { space: "low" };
const expired: Partial<Condition> = { isCertificateExpired: true };
const deny = (...ids: readonly string[]): Partial<Condition> => ({ undialled: ids });

type Said = readonly (readonly [MemberKey, Partial<Condition>])[];
const known = (said: Said): ReadonlyMap<MemberKey, Condition> =>
  new Map(said.map(([key, part]) => [key, { ...fit, ...part }]));
const all = genesisConfiguration(genesisOf(n1, n2, n3));
const judged = (said: Said, { configuration = all, commitIndex = 9 } = {}): Unfit =>
  unfitMembers(configuration, known(said), commitIndex);
const unfit = (...each: readonly (readonly [MemberKey, Impediment])[]): Unfit => new Map(each);
const keysOf = (members: Unfit): readonly MemberKey[] => [...members.keys()];

describe("what a member says of itself", () => {
  const cases: readonly (readonly [string, Said, Unfit])[] = [
    ["nothing", [], unfit()],
    ["that all is well", [[n1, {}]], unfit()],
    ["that it has lost data, which is no impediment", [[n1, { isRefilling: true, problem: "it copies" }]], unfit()],
    ["that its disk is nearly full", [[n2, low]], unfit([n2, "space"])],
    ["that its certificate has expired", [[n2, expired]], unfit([n2, "certificate"])],
    ["both", [[n2, { ...low, ...expired }]], unfit([n2, "certificate"])],
    ["that its state machine hangs at a query", [[n2, stopped(0)]], unfit([n2, "stateMachine"])],
    ["that, before the other two", [[n2, { ...low, ...expired, ...stopped(0) }]], unfit([n2, "stateMachine"])],
  ];
  test.each(cases)("%s", (_, said, expected) => expect(judged(said)).toEqual(expected));
});

describe("P72: an entry at which a state machine has stopped", () => {
  test("is passed by those who say so, and by nobody else", () => {
    const said: Said = [
      [n1, stopped(7)],
      [n2, passed(7)],
      [n3, passed(6)],
    ];
    expect(judged(said)).toEqual(unfit([n1, "stateMachine"], [n3, "stateMachine"]));
    expect(judged(said.slice(0, 2))).toEqual(unfit([n1, "stateMachine"], [n3, "stateMachine"]));
  });

  test("is the last one of several, and none that is not committed", () => {
    const said: Said = [
      [n1, stopped(5)],
      [n2, stopped(8)],
      [n3, passed(5)],
    ];
    expect([4, 5, 7, 8].map((last) => stopsThrough(last, known(said)))).toEqual([0, 5, 5, 8]);
    expect(stopsThrough(9, known([[n3, passed(5)]]))).toBe(0);
    expect(judged(said, { commitIndex: 7 })).toEqual(unfit([n1, "stateMachine"], [n2, "stateMachine"]));
    expect(keysOf(judged(said, { commitIndex: 8 }))).toEqual([n1, n2, n3]);
  });

  test("is heard of a node that is no member any more", () => {
    expect(keysOf(judged([[n4, stopped(5)]]))).toEqual([n1, n2, n3]);
  });
});

describe("P71: a member that others cannot dial", () => {
  const five = genesisConfiguration(genesisOf(n1, n2, n3, n4, n5));
  const everyone: Said = [n1, n2, n3, n4, n5].map((key) => [key, {}]);
  const saying = (...said: Said): Said => [
    ...everyone.filter(([key]) => !said.some(([other]) => other === key)),
    ...said,
  ];

  test("is hidden when a majority of the voters denies it, and not when fewer do", () => {
    const two = saying([n1, deny("n5")], [n2, deny("n5", "n4")]);
    expect(judged(two, { configuration: five })).toEqual(unfit());
    const three = saying([n1, deny("n5")], [n2, deny("n5", "n4")], [n3, deny("n5")]);
    expect(judged(three, { configuration: five })).toEqual(unfit([n5, "hidden"]));
  });

  test("is hidden when all deny it who have said anything, however few they are", () => {
    expect(judged([[n1, deny("n3")]])).toEqual(unfit([n3, "hidden"]));
    expect(
      judged([
        [n1, deny("n3")],
        [n2, {}],
      ]),
    ).toEqual(unfit());
  });

  test("does not deny itself, and neither does a learner, nor a node whose certificate has expired", () => {
    expect(judged([[n3, deny("n3")]])).toEqual(unfit());
    const configuration = { ...all, voters: [n1, n2] };
    expect(judged([[n3, deny("n2")]], { configuration })).toEqual(unfit());
    expect(judged([[n1, { ...deny("n3"), ...expired }]])).toEqual(unfit([n1, "certificate"]));
    // Nor does what an expired one says count for it.
    expect(
      judged([
        [n1, deny("n3")],
        [n2, expired],
      ]),
    ).toEqual(unfit([n2, "certificate"], [n3, "hidden"]));
  });

  test("is that before all else, also as a learner", () => {
    const configuration = { ...all, voters: [n1, n2] };
    const said: Said = [
      [n1, deny("n3")],
      [n3, { ...low, ...expired, ...stopped(3) }],
    ];
    expect(judged(said, { configuration }).get(n3)).toBe("hidden");
  });
});
