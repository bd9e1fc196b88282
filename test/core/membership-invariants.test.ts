// Each rule about members is shown to fire: a table of corruptions of sound states. The last test counts them against the
// rules in the source.
import { describe, expect, test } from "bun:test";
import type { Configuration } from "../../src/core/configuration.ts";
import { checkState } from "../../src/core/invariants.ts";
import type { Administration } from "../../src/core/roles.ts";
import type { State } from "../../src/core/state.ts";
import { asLeader, follower, leader, play } from "./build.ts";
import { at, change, genesisOf, n1, n2, n3, n4, n5, voter } from "./say.ts";

const following = follower({ log: [1, 1, 2], leader: n3, commitIndex: 2 });
/** n1 leads term 2; n4 is to vote when it has caught up. */
const leading = play(leader({ log: [1], matched: [[n2, 2]] }), change({ add: [voter(n4)] }));
const current = following.log.configurations[0]!.configuration;
const joint: Partial<Configuration> = { voters: [n1, n2], outgoing: [n1, n2, n3], leaving: [n3] };

/** A follower in whose log these configurations stand, one entry each. */
const withConfigurations = (...parts: readonly Partial<Configuration>[]): State => ({
  ...following,
  log: {
    ...following.log,
    configurations: parts.map((part, index) => ({ position: at(index, 1), configuration: { ...current, ...part } })),
  },
});
const withAdministration = (part: Partial<Administration>): State => {
  const role = asLeader(leading);
  return { ...leading, role: { ...role, administration: { ...role.administration, ...part } } };
};
const withProgressOf = (keys: readonly (typeof n1)[]): State => {
  const role = asLeader(leading);
  const progress = new Map(keys.map((key) => [key, role.progress.get(n2)!] as const));
  return { ...leading, role: { ...role, progress } };
};
const removedBy = (configuration: Configuration) => ({ position: at(1, 1), configuration, ticket: 1 });
const others: Configuration = { ...current, members: genesisOf(n2, n3).members, voters: [n2, n3] };
const farewell = { through: 1, toldAfterRound: null };
const round = { through: 1, sinceMs: 0, afterRound: 0, hasCaughtUp: false };

const corruptions: readonly (readonly [rule: string, state: State])[] = [
  ["no member is there twice", withConfigurations({ members: genesisOf(n1, n2, n3, n3).members })],
  ["somebody votes", withConfigurations({ voters: [] })],
  ["voters are members, each once", withConfigurations({ voters: [n1, n4] })],
  ["voters are members, each once", withConfigurations({ voters: [n1, n1] })],
  ["who voted before is a member until the joint phase is over", withConfigurations({ outgoing: [n1, n4] })],
  [
    "only who voted before and will not vote leaves with a joint configuration",
    withConfigurations({ ...joint, leaving: [n1] }),
  ],
  ["only who voted before and will not vote leaves with a joint configuration", withConfigurations({ leaving: [n3] })],
  [
    "nobody waits twice to be promoted",
    withConfigurations({
      voters: [n1, n2],
      pending: [
        { promote: [n3], demote: [], remove: [] },
        { promote: [n3], demote: [], remove: [] },
      ],
    }),
  ],
  [
    "nobody waits to vote and to leave",
    withConfigurations({
      voters: [n1],
      pending: [
        { promote: [n2], demote: [], remove: [n3] },
        { promote: [n3], demote: [], remove: [] },
      ],
    }),
  ],
  ["a step waits for somebody", withConfigurations({ pending: [{ promote: [], demote: [], remove: [n1] }] })],
  ["learners wait to be promoted", withConfigurations({ pending: [{ promote: [n3], demote: [], remove: [] }] })],
  [
    "voters wait to leave",
    withConfigurations({ voters: [n1, n2], pending: [{ promote: [n3], demote: [n4], remove: [] }] }),
  ],
  [
    "a configuration goes with its entry (§4.1)",
    { ...following, log: { ...following.log, configurations: [{ position: at(4, 2), configuration: current }] } },
  ],
  ["one configuration leads to the next", withConfigurations({}, { voters: [n1, n2] })],
  ["one configuration leads to the next", withConfigurations(joint, joint)],
  ["one configuration leads to the next", withConfigurations(joint, {})],
  ["one configuration leads to the next", withConfigurations({}, { ...joint, outgoing: [n1, n3], leaving: [n3] })],
  ["who has been removed does not stand for election", { ...leading, removed: removedBy(others) }],
  ["who has been removed is no member", { ...following, removed: removedBy(current) }],
  ["only a member can be removed", { ...following, wasMember: false, removed: removedBy(others) }],
  ["progress is kept for members and for those that have left", withProgressOf([n2, n3, n4, n5])],
  ["progress is kept for every member", withProgressOf([n2, n3])],
  ["only who has left is bidden farewell", withAdministration({ farewells: new Map([[n2, farewell]]) })],
  ["rounds are kept for who is to be promoted", withAdministration({ rounds: new Map([[n2, round]]) })],
  [
    "a change is queued or begun, once",
    withAdministration({
      begun: [
        { ref: 1, awaits: [] },
        { ref: 1, awaits: [] },
      ],
    }),
  ],
  [
    "no configuration is added before the term's first entry is committed",
    { ...leading, commitIndex: 1, appliedIndex: 1 },
  ],
  [
    "a leader adds a configuration only when the one before is committed",
    {
      ...leading,
      log: {
        ...leading.log,
        last: at(4, 2),
        segments: [{ through: 4, bytes: 1 }],
        configurations: [...leading.log.configurations, { ...leading.log.configurations[1]!, position: at(4, 2) }],
      },
    },
  ],
];

test("the states that the corruptions begin with are sound", () => {
  for (const state of [following, leading, withConfigurations({}, joint)])
    expect(() => checkState(state)).not.toThrow();
});

describe("a state is refused", () => {
  for (const [rule, state] of corruptions) {
    test(`that breaks: ${rule}`, () => expect(() => checkState(state)).toThrow(`invariant broken: ${rule}`));
  }
});

test("every rule in the source has its corruption here", async () => {
  const files = ["membership-invariants", "configuration-invariants"];
  const read = (name: string) => Bun.file(new URL(`../../src/core/${name}.ts`, import.meta.url)).text();
  const source = (await Promise.all(files.map(read))).join("");
  // A rule ends a call of must, or a row of the table that one call goes through.
  const asserted = [...source.matchAll(/"([^"]+)",?\s*\);/g)].map(([, rule]) => rule!);
  const listed = [...source.matchAll(/,\s*"([^"]+)",?\s*\],/g)].map(([, rule]) => rule!);
  const rules = [...asserted, ...listed].filter((rule) => rule !== "");
  const covered = new Set(corruptions.map(([rule]) => rule));
  expect(asserted.length).toBe(source.match(/\bmust\(/g)!.length - 1);
  expect(listed.length).toBe(10);
  expect(rules.filter((rule) => !covered.has(rule))).toEqual([]);
});
