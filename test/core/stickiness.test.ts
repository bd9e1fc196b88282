// Does a node still have a leader? Then it helps nobody to replace it.
import { describe, expect, test } from "bun:test";
import { defaultSettings } from "../../src/core/settings.ts";
import { isSticky } from "../../src/core/stickiness.ts";
import { asking, follower, leader, linesOf, play, preCandidate, take } from "./build.ts";
import { accepted, append, at, from, n2, n3, requestVote } from "./say.ts";

const { electionTimeoutMs } = defaultSettings;

describe("who is bound to a leader", () => {
  const heard = follower({ log: [1], leader: n3 });
  const led = leader({ log: [1] });
  const cases = [
    { title: "a follower that has heard its leader", state: heard, isBound: true },
    { title: "just within an election timeout", state: { ...heard, nowMs: electionTimeoutMs - 1 }, isBound: true },
    { title: "and no longer after it", state: { ...heard, nowMs: electionTimeoutMs }, isBound: false },
    { title: "a follower that has heard no leader, as after a restart", state: follower({ log: [1] }), isBound: false },
    { title: "a pre-candidate", state: preCandidate({ log: [1] }), isBound: false },
    { title: "a candidate", state: asking({ log: [1] }), isBound: false },
    { title: "a leader with a quorum behind it", state: led, isBound: true },
    {
      title: "a leader whose quorum has gone silent",
      state: { ...led, nowMs: 800 + electionTimeoutMs },
      isBound: false,
    },
  ];
  for (const { title, state, isBound } of cases) {
    test(`${title}: ${isBound ? "yes" : "no"}`, () => expect(isSticky(state)).toBe(isBound));
  }
});

test("P9: a bound node neither votes nor takes the term: the request might never have come", () => {
  for (const state of [follower({ log: [1], leader: n3 }), leader({ log: [1] })]) {
    expect(take(state, from(n2, requestVote(99, at(50, 98))))).toEqual([state, []]);
  }
});

test("a bound node that has this term itself already answers: the candidate learns that it lost", () => {
  const state = follower({ log: [1], term: 2, votedFor: n3, leader: n3 });
  expect(linesOf(state, from(n2, requestVote(2, at(1, 1))))).toEqual(["to n2: RequestVoteReply term 2: refused"]);
  expect(linesOf(state, from(n2, requestVote(1, at(1, 1))))).toEqual(["to n2: RequestVoteReply term 2: refused"]);
});

test("each word of the leader renews it, and nobody else's does", () => {
  const state = follower({ log: [1], leader: n3 });
  const renewed = take(state, from(n3, append({ term: 1, prev: at(1, 1) })), 400)[0];
  expect(isSticky({ ...renewed, nowMs: 899 })).toBe(true);
  const refused = take(state, from(n2, append({ term: 0, prev: at(1, 1) })), 400)[0];
  expect(isSticky({ ...refused, nowMs: 500 })).toBe(false);
});

test("a leader is bound by the answers of a quorum, itself one of them", () => {
  const state = play({ ...leader({ log: [1] }), nowMs: 1200 }, from(n2, accepted(2, 1)));
  expect(isSticky({ ...state, nowMs: 1200 + electionTimeoutMs - 1 })).toBe(true);
  expect(isSticky({ ...state, nowMs: 1200 + electionTimeoutMs })).toBe(false);
});
