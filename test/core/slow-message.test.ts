// A message that takes longer than an election timeout to arrive deposes nobody.
import { describe, expect, test } from "bun:test";
import { defaultSettings } from "../../src/core/settings.ts";
import type { State } from "../../src/core/state.ts";
import { isSticky } from "../../src/core/stickiness.ts";
import { asFollower, asking, asLeader, follower, leader, linesOf, play, preCandidate, take } from "./build.ts";
import { accepted, append, arriving, at, commands, crashed, from, n2, n3, tick } from "./say.ts";

const { electionTimeoutMs, heartbeatIntervalMs } = defaultSettings;

/** n1 follows n3 in term 1, of which it has one entry. */
const following = (): State =>
  play(follower({ log: [1], leader: n3 }), from(n3, append({ term: 1, prev: at(1, 1), round: 7 })));

describe("P49: a follower to which its leader's message arrives slowly", () => {
  test("does not stand for election as long as something comes", () => {
    let state = following();
    for (let nowMs = 100; nowMs < 20 * electionTimeoutMs; nowMs += 100) {
      state = take(take(state, arriving(n3), nowMs)[0], tick, nowMs)[0];
      expect(state.role).toMatchObject({ kind: "follower", leader: n3 });
      expect(isSticky(state)).toBe(true);
    }
    expect(take(state, tick, asFollower(state).electionDueMs)[0].role.kind).toBe("preCandidate");
  });

  test("says so to the leader, with what it has acknowledged before and nothing more", () => {
    expect(linesOf(following(), arriving(n3), heartbeatIntervalMs)).toEqual([
      "to n3: AppendEntriesReply term 1: matches through 1",
    ]);
    const [, effects] = take(following(), arriving(n3), heartbeatIntervalMs);
    expect(effects[0]).toMatchObject({ message: { round: 7 } });
  });

  test("and not more often than a leader sends heartbeats", () => {
    const state = following();
    expect(take(state, arriving(n3), heartbeatIntervalMs - 1)).toEqual([
      { ...state, nowMs: heartbeatIntervalMs - 1 },
      [],
    ]);
  });
});

test("P49: a leader whose followers are all receiving does not step down, and neither commits nor sends again because of it", () => {
  let state = leader({
    log: [1],
    matched: [
      [n2, 2],
      [n3, 2],
    ],
  });
  const beganMs = state.nowMs;
  const { matchIndex, inFlight } = { inFlight: [], ...asLeader(state).progress.get(n2)! };
  for (let passedMs = 100; passedMs < 4 * electionTimeoutMs; passedMs += 100) {
    state = take(take(state, from(n2, accepted(2, 2)), beganMs + passedMs)[0], tick, beganMs + passedMs)[0];
    expect(state.role.kind).toBe("leader");
  }
  expect(asLeader(state).progress.get(n2)).toMatchObject({ matchIndex, inFlight });
});

describe("bytes that mean nothing", () => {
  const cases: readonly (readonly [string, State])[] = [
    ["of a node that is not the leader", follower({ log: [1], leader: n2 })],
    ["when no leader is known", follower({ log: [1] })],
    ["on a pre-candidate", preCandidate({ log: [1] })],
    ["on a candidate", asking({ log: [1] })],
    ["on a leader: its followers answer in single frames", leader({ log: [1] })],
    ["after evidence of the leader's crash: they may have been on the way", play(following(), crashed(n3))],
  ];
  for (const [title, state] of cases) {
    test(title, () =>
      expect(take(state, arriving(n3), state.nowMs + 1)).toEqual([{ ...state, nowMs: state.nowMs + 1 }, []]),
    );
  }
});

test("what is on its way to the disk is not acknowledged early by them", () => {
  const state = play(following(), from(n3, append({ term: 1, prev: at(1, 1), entries: commands([1], 2), round: 8 })));
  expect(linesOf(state, arriving(n3), heartbeatIntervalMs)).toEqual([
    "to n3: AppendEntriesReply term 1: matches through 1",
  ]);
});
