// What a node says of its configuration: which members it has, what they are to become, and whether it is known to be committed.
import { expect, test } from "bun:test";
import { incarnationOf } from "../../src/core/configuration.ts";
import { describeConfiguration } from "../../src/node/status.ts";
import { follower } from "../core/build.ts";
import { n1, n2, n3, n4, wiped } from "../core/say.ts";

test("members with their incarnations and votes, and a name of two incarnations in full", () => {
  const again = wiped(n3);
  const state = follower({
    members: [n1, n2, n3, again],
    configuration: {
      voters: [n1, n2],
      outgoing: [n1, n3],
      leaving: [],
      pending: [{ promote: [again], demote: [n2], remove: [n3] }],
    },
  });
  const { members, pending, ...own } = describeConfiguration(state);
  expect(members.map(({ id, voter, outgoing }) => [id, voter, outgoing])).toEqual([
    ["n1", true, true],
    ["n2", true, false],
    ["n3", false, true],
    ["n3", false, false],
  ]);
  expect(members[0]).toMatchObject({ incarnation: incarnationOf(n1), address: "n1:7400", priority: 0 });
  expect(members.map(({ incarnation }) => incarnation)).toEqual([n1, n2, n3, again].map(incarnationOf));
  expect(own).toMatchObject({ node: "n1", incarnation: incarnationOf(n1), clusterUuid: state.genesis!.clusterUuid });
  expect(pending).toEqual([{ promote: [again], demote: ["n2"], remove: [n3] }]);
});

test("is committed as soon as the commit index has reached it, and once it has removed the node", () => {
  const state = follower({ log: [1, 1, 1] });
  const [{ configuration }] = state.log.configurations as [(typeof state.log.configurations)[number]];
  const placed = { position: { index: 2, term: 1 }, configuration };
  const at = (commitIndex: number) =>
    describeConfiguration({ ...state, commitIndex, log: { ...state.log, configurations: [placed] } });
  expect([at(1), at(2)].map(({ index, committed }) => [index, committed])).toEqual([
    [2, false],
    [2, true],
  ]);
  const removed = describeConfiguration({ ...state, self: n4, removed: { ...placed, ticket: 1 } });
  expect(removed).toMatchObject({ node: "n4", removed: true, committed: true, index: 2 });
});
