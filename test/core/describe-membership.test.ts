// Changes of the membership in words: each kind of refusal and each outcome has its own, for people who administer.
import { expect, test } from "bun:test";
import { describeChange, describeChangeOutcome } from "../../src/core/describe-membership.ts";
import { describeEffect, describeEvent, describeState } from "../../src/core/describe.ts";
import { genesisConfiguration } from "../../src/core/genesis.ts";
import type { ChangeOutcome, ChangeRefusal } from "../../src/core/membership-change.ts";
import { follower } from "./build.ts";
import { at, change, genesisOf, learner, n1, n2, n4, n5, voter } from "./say.ts";

const configuration = genesisConfiguration(genesisOf(n1, n2));

test("changes, and the events that ask for them", () => {
  const part = {
    add: [voter(n4), learner(n5)],
    promote: ["n6"],
    demote: ["n2"],
    remove: ["n3"],
    prioritize: [{ name: "n1", priority: 2 }],
  };
  const words = "add n4 as a voter, add n5 as a learner, promote n6, demote n2, remove n3, priority 2 for n1";
  expect(describeChange(part)).toBe(words);
  expect(describeEvent({ ...change(part, 7), nowMs: 0 })).toBe(`change 1: ${words} if the configuration stands at 7`);
  expect(describeEvent({ ...change({}), nowMs: 0 })).toBe("change 1: nothing");
});

const refusals: readonly (readonly [ChangeRefusal, string])[] = [
  [{ kind: "unknownMember", name: "n9" }, "n9 is not a member"],
  [{ kind: "contradiction", name: "n3" }, "two changes of n3 exclude each other"],
  [{ kind: "alreadyVoter", name: "n3" }, "n3 is a voter already"],
  [{ kind: "alreadyLearner", name: "n4" }, "n4 is a learner already"],
  [{ kind: "nothingToDo" }, "everything is so already"],
  [{ kind: "lastVoter" }, "no voter would be left"],
  [
    { kind: "removedBefore", key: n4 },
    "n4 has been removed and does not come back with its old data: it needs an empty data directory",
  ],
  [
    { kind: "addressTaken", address: "a:1", by: "n2" },
    "n2 has the address a:1; if n2 has moved as well, name both in one change with --also n2=HOST:PORT; if n2 is gone, add --replace n2",
  ],
  [{ kind: "tooManyMembers", max: 128 }, "a cluster has at most 128 members"],
  [{ kind: "tooManyChanges", max: 64 }, "64 changes are waiting already"],
  [{ kind: "withdrawn", id: "n4" }, "n4 was removed or demoted again before it could become a voter"],
];
const outcomes: readonly (readonly [ChangeOutcome, string])[] = [
  [{ kind: "done", index: 7 }, "done, the configuration stands at 7"],
  [{ kind: "notLeader", leader: null }, "this node does not lead"],
  [{ kind: "notLeader", leader: n2 }, "this node does not lead, n2 does"],
  [{ kind: "conflict", index: 7 }, "the configuration has changed: it stands at 7"],
  [{ kind: "unknown" }, "this node has stopped leading: the change may be completed by others, or never have happened"],
  ...refusals.map(([reason, words]) => [{ kind: "refused", reason }, `refused: ${words}`] as const),
];
for (const [outcome, words] of outcomes) {
  test(words, () => {
    expect(describeChangeOutcome(outcome)).toBe(words);
    expect(describeEffect({ kind: "changeSettled", ref: 3, outcome })).toBe(`change 3: ${words}`);
  });
}

test("a removal", () => {
  const by = { position: at(7, 2), configuration };
  expect(describeEffect({ kind: "writeRemoved", ticket: 4, ...by })).toBe("write that 7.2 has removed this node [4]");
  expect(describeEffect({ kind: "removed", ...by })).toBe("removed by 7.2");
  expect(describeState({ ...follower({ log: [1] }), removed: { ...by, ticket: 4 } })).toBe(
    "n1 removed term 1, log 1.1, commit 0",
  );
});
