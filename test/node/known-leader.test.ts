// Whom a node calls the leader, and what a client hears from a node that does not lead.
import { expect, test } from "bun:test";
import { nodeIdOf } from "../../src/core/configuration.ts";
import { knownLeader, leaderHint, notLeader } from "../../src/node/known-leader.ts";
import { candidate, follower, leader, play, preCandidate } from "../core/build.ts";
import { at, crashed, n1, n2, n3, n4 } from "../core/say.ts";

const hint = (id: string) => ({ id, address: `${id}:7400` });

test("the leader is this node while it leads, the one that it follows, and otherwise unknown", () => {
  expect(knownLeader(leader())).toEqual(hint("n1"));
  expect(knownLeader(follower({ leader: n2 }))).toEqual(hint("n2"));
  for (const state of [follower(), preCandidate(), candidate()]) expect(knownLeader(state)).toBeNull();
});

test("one that has crashed is unknown until another one is heard", () => {
  const following = play(follower({ leader: n2 }), crashed(n3));
  expect(knownLeader(following)).toEqual(hint("n2"));
  expect(knownLeader(play(following, crashed(n2)))).toBeNull();
});

test("a hint names a member with its address, by name and incarnation", () => {
  const state = follower({ members: [n1, n2, n3] });
  expect(leaderHint(state, n3)).toEqual(hint("n3"));
  expect(leaderHint(state, n4)).toBeNull();
  expect(leaderHint(state, null)).toBeNull();
});

test("a hint is as the latest configuration has the leader, which may have moved, or have come by it", () => {
  const state = follower({ members: [n1, n2], leader: n2 });
  const [first] = state.log.configurations;
  const members = [n1, n2, n3].map((key) => ({ key, address: `${nodeIdOf(key)}.moved:1`, priority: 0 }));
  const later = { position: at(5, 1), configuration: { ...first!.configuration, members } };
  const since = { ...state, log: { ...state.log, configurations: [first!, later] } };
  expect(knownLeader(since)).toEqual({ id: "n2", address: "n2.moved:1" });
  expect(leaderHint(since, n3)).toEqual({ id: "n3", address: "n3.moved:1" });
});

test("a node that does not lead names the leader that it knows", () => {
  expect(notLeader(hint("n2"))).toEqual({
    code: "not-leader",
    message: "this node does not lead, n2 does",
    leader: hint("n2"),
  });
  expect(notLeader(null)).toEqual({
    code: "not-leader",
    message: "this node does not lead and knows no leader",
    leader: null,
  });
});
