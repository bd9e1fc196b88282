// What a majority is: of odd and even sizes, of both halves of a joint configuration, and never of learners.
import { describe, expect, test } from "bun:test";
import type { Configuration, MemberKey } from "../../src/core/configuration.ts";
import { genesisConfiguration } from "../../src/core/genesis.ts";
import { isQuorum, reachedByQuorum } from "../../src/core/quorum.ts";
import { genesisOf, n1, n2, n3, n4, n5, wiped } from "./say.ts";

const all = [n1, n2, n3, n4, n5];
const of = (voters: readonly MemberKey[], outgoing: readonly MemberKey[] = []): Configuration => ({
  ...genesisConfiguration(genesisOf(...all)),
  voters,
  outgoing,
});

describe("the index that a quorum has reached", () => {
  const cases: readonly (readonly [readonly number[], number])[] = [
    [[7], 7],
    [[7, 3], 3],
    [[7, 3, 5], 5],
    [[9, 1, 1], 1],
    // P15: of four, three are a majority; the second highest would be two of four.
    [[9, 7, 5, 3], 5],
    [[9, 9, 3, 3], 3],
    [[1, 9, 5, 3, 7], 5],
    [[1, 1, 1, 9, 9], 1],
  ];
  for (const [reached, quorum] of cases) {
    test(`P15: of ${reached.join(", ")} it is ${quorum}, in whatever order they stand`, () => {
      const voters = all.slice(0, reached.length);
      for (const order of [voters, [...voters].reverse()]) {
        expect(reachedByQuorum(of(order), (key) => reached[voters.indexOf(key)]!)).toBe(quorum);
      }
    });
  }

  test("P15: numbers are sorted as numbers: 10 is above 9", () => {
    const reached = new Map([
      [n1, 10],
      [n2, 9],
      [n3, 8],
    ]);
    expect(reachedByQuorum(of([n1, n2, n3]), (key) => reached.get(key)!)).toBe(9);
  });

  test("of a joint configuration it is the lower of the two (§4.3)", () => {
    const reached = new Map([
      [n1, 9],
      [n2, 9],
      [n3, 2],
      [n4, 4],
      [n5, 3],
    ]);
    const valueOf = (key: MemberKey): number => reached.get(key)!;
    expect(reachedByQuorum(of([n1, n2, n3], [n3, n4, n5]), valueOf)).toBe(3);
    expect(reachedByQuorum(of([n3, n4, n5], [n1, n2, n3]), valueOf)).toBe(3);
  });

  test("of nobody it is nothing: an empty configuration decides nothing", () => {
    expect(reachedByQuorum(of([]), () => 9)).toBe(Number.NEGATIVE_INFINITY);
    expect(isQuorum(of([]), all)).toBe(false);
  });
});

describe("whether these are a quorum", () => {
  const cases: readonly {
    readonly title: string;
    readonly voters: readonly MemberKey[];
    readonly outgoing?: readonly MemberKey[];
    readonly granted: readonly MemberKey[];
    readonly quorum: boolean;
  }[] = [
    { title: "one of one", voters: [n1], granted: [n1], quorum: true },
    { title: "one of two", voters: [n1, n2], granted: [n1], quorum: false },
    { title: "two of two", voters: [n1, n2], granted: [n1, n2], quorum: true },
    { title: "two of three", voters: [n1, n2, n3], granted: [n3, n1], quorum: true },
    { title: "two of four", voters: [n1, n2, n3, n4], granted: [n1, n2], quorum: false },
    { title: "three of four", voters: [n1, n2, n3, n4], granted: [n1, n2, n4], quorum: true },
    { title: "two of five", voters: all, granted: [n1, n2], quorum: false },
    { title: "nobody of three", voters: [n1, n2, n3], granted: [], quorum: false },
    { title: "learners do not count", voters: [n1, n2, n3], granted: [n1, n4, n5], quorum: false },
    { title: "another incarnation does not count", voters: [n1, n2, n3], granted: [n1, wiped(n2)], quorum: false },
    {
      title: "joint: the new half alone",
      voters: [n1, n2, n3],
      outgoing: [n3, n4, n5],
      granted: [n1, n2],
      quorum: false,
    },
    {
      title: "joint: the old half alone",
      voters: [n1, n2, n3],
      outgoing: [n3, n4, n5],
      granted: [n4, n5],
      quorum: false,
    },
    { title: "joint: both halves", voters: [n1, n2, n3], outgoing: [n3, n4, n5], granted: [n1, n3, n5], quorum: true },
    {
      title: "joint: three of the five of the union, but one half short",
      voters: [n1, n2, n3],
      outgoing: [n3, n4, n5],
      granted: [n1, n2, n4],
      quorum: false,
    },
  ];
  for (const { title, voters, outgoing, granted, quorum } of cases) {
    test(`${title}: ${quorum ? "yes" : "no"}`, () => expect(isQuorum(of(voters, outgoing), granted)).toBe(quorum));
  }
});
