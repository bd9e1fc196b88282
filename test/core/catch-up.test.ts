// When a learner has caught up: rounds that are short enough, answered by a learner that is there.
import { expect, test } from "bun:test";
import { hasCaughtUp } from "../../src/core/catch-up.ts";
import { latestConfiguration } from "../../src/core/log-terms.ts";
import type { State } from "../../src/core/state.ts";
import { asLeader, leader, play, take } from "./build.ts";
import { accepted, at, change, from, n2, n3, n4, persisted, propose, refused, tick, voter } from "./say.ts";

/** n1 leads; n4 is to vote when it has caught up with a log of 3. The change is not committed, so that nothing follows. */
const waiting = (): State => play(leader({ log: [1], matched: [[n2, 2]] }), change({ add: [voter(n4)] }));

const answer = (state: State, matchIndex: number, nowMs: number): State =>
  take(state, from(n4, accepted(2, matchIndex, asLeader(state).round)), nowMs)[0];
const isReady = (state: State): boolean => hasCaughtUp(state, asLeader(state), n4);
const roundOf = (state: State) => asLeader(state).administration.rounds.get(n4)!;

test("§4.2.1: a round that takes less than an election timeout is short enough", () => {
  const state = waiting();
  expect(roundOf(state)).toMatchObject({ through: 3, hasCaughtUp: false });
  expect(isReady(state)).toBe(false);
  const nowMs = state.nowMs + 499;
  expect(isReady(answer(state, 3, nowMs))).toBe(true);
});

test("§4.2.1: a longer one is not, and another round begins, with what has come meanwhile", () => {
  const state = play(waiting(), propose(4, 4));
  const after = answer(state, 3, state.nowMs + 900);
  expect(isReady(after)).toBe(false);
  expect(roundOf(after)).toMatchObject({ through: 5, sinceMs: state.nowMs + 900 });
  const [asked] = take(play(after, from(n2, accepted(2, 2))), tick, after.nowMs + 50);
  expect(isReady(answer(asked, 5, after.nowMs + 100))).toBe(true);
});

test("part of the way is no round", () => {
  const state = waiting();
  expect(roundOf(answer(state, 2, state.nowMs + 10))).toBe(roundOf(state));
});

test("an answer to what was sent before the round began does not end it", () => {
  const state = answer(waiting(), 3, waiting().nowMs + 10);
  const late = take(state, from(n4, accepted(2, 3, roundOf(state).afterRound)), state.nowMs + 10)[0];
  expect(roundOf(late)).toEqual(roundOf(state));
});

test("a learner that goes silent is not promoted for what it once was", () => {
  const state = answer(waiting(), 3, waiting().nowMs + 10);
  expect(isReady(state)).toBe(true);
  expect(isReady({ ...state, nowMs: state.nowMs + 500 })).toBe(false);
});

test("a learner that has lost data since is not promoted for what it once held", () => {
  const state = answer(waiting(), 3, waiting().nowMs + 10);
  expect(isReady(state)).toBe(true);
  const reply = refused(2, { prevIndex: 3, conflict: at(1, 0), lastIndex: 0 }, asLeader(state).round);
  const damaged = play(state, from(n4, { ...reply, refill: 77 } as typeof reply));
  expect(isReady(damaged)).toBe(false);
});

test("a committed change promotes it as soon as it is ready, by whoever leads", () => {
  const state = answer(waiting(), 3, waiting().nowMs + 10);
  const promoted = play(state, persisted(state.durability.issued), from(n3, accepted(2, 3)));
  expect(latestConfiguration(promoted.log)).toMatchObject({ voters: [expect.anything(), n2, n3, n4], pending: [] });
  expect(asLeader(promoted).administration.rounds.size).toBe(0);
});

test("nobody's rounds are kept but those of learners that wait", () => {
  const state = leader({ log: [1], matched: [[n2, 2]] });
  expect(asLeader(play(state, tick)).administration.rounds.size).toBe(0);
});
