// What a node does when it has evidence that its leader's process has ended: it stands soon, a few times, and helps others.
import { describe, expect, test } from "bun:test";
import { nextDeadlineMs } from "../../src/core/deadline.ts";
import { crashAttemptsMax } from "../../src/core/leader-crash.ts";
import { defaultSettings } from "../../src/core/settings.ts";
import type { State } from "../../src/core/state.ts";
import { isSticky } from "../../src/core/stickiness.ts";
import {
  asFollower,
  asCandidate,
  asking,
  candidate,
  follower,
  leader,
  linesOf,
  play,
  preCandidate,
  take,
} from "./build.ts";
import { append, at, crashed, from, n2, n3, persisted, preVote, preVoteReply, requestVote, tick } from "./say.ts";
import { timeoutNow, voteReply } from "./say.ts";

const { electionTimeoutMs, heartbeatIntervalMs } = defaultSettings;

/** n1 follows n3 in term 1, and n3 has crashed. */
const bereft = (): State => play(follower({ log: [1], leader: n3 }), crashed(n3));
const due = (state: State): State => take(state, tick, nextDeadlineMs(state))[0];

describe("a follower with evidence of its leader's crash", () => {
  test("stands within half a heartbeat interval, at a time drawn anew from its own chance", () => {
    const waits = new Set<number>();
    let state = follower({ log: [1], leader: n3 });
    for (let round = 0; round < 100; round += 1) {
      state = play(state, from(n3, append({ term: 1, prev: at(1, 1), round })));
      const waitMs = nextDeadlineMs(play(state, crashed(n3))) - state.nowMs;
      expect(waitMs).toBeGreaterThan(0);
      expect(waitMs).toBeLessThanOrEqual(heartbeatIntervalMs / 2);
      waits.add(waitMs);
    }
    expect(waits.size).toBe(100);
    expect(Math.max(...waits) - Math.min(...waits)).toBeGreaterThan(heartbeatIntervalMs / 3);
  });

  test("asks for pre-votes then, and keeps its ordinary wait beside", () => {
    const state = bereft();
    expect(linesOf(state, tick, nextDeadlineMs(state))).toEqual([
      "to n2: RequestPreVote term 2, last 1.1",
      "to n3: RequestPreVote term 2, last 1.1",
    ]);
    const asked = due(state);
    expect(asked.role.kind === "preCandidate" && asked.role.electionDueMs).toBeGreaterThan(electionTimeoutMs);
  });

  test("asks up to five times, and then waits as any node without a leader does", () => {
    let state = bereft();
    let beganMs = state.nowMs;
    for (let attempt = 1; attempt <= crashAttemptsMax; attempt += 1) {
      state = due(state);
      expect(state.role.kind).toBe("preCandidate");
      expect(state.nowMs - beganMs).toBeLessThanOrEqual(heartbeatIntervalMs);
      expect(state.crashedLeader?.attemptsLeft).toBe(crashAttemptsMax - attempt);
      beganMs = state.nowMs;
    }
    expect(nextDeadlineMs(state) - state.nowMs).toBeGreaterThanOrEqual(electionTimeoutMs);
    expect(due(state).crashedLeader?.attemptsLeft).toBe(0);
  });

  test("P7: a voter that refuses because it has no evidence yet is asked again, and a late answer counts", () => {
    let state = due(bereft());
    state = play(state, from(n2, preVoteReply(2, 1, false)));
    expect(state.role.kind).toBe("preCandidate");
    state = due(state);
    expect(state.role).toMatchObject({ kind: "preCandidate", granted: ["n1@disk1"] });
    expect(play(state, from(n2, preVoteReply(2, 1, true))).role.kind).toBe("candidate");
  });

  test("stands again soon when the vote was split, but not before its own vote is durable", () => {
    let state = play(due(bereft()), from(n2, preVoteReply(2, 1, true)));
    expect(asCandidate(state).asked).toBe(false);
    for (let wait = 0; wait < 3; wait += 1) {
      state = due(state);
      expect(asCandidate(state).asked).toBe(false);
    }
    expect(state.crashedLeader?.attemptsLeft).toBe(crashAttemptsMax - 1);
    state = play(state, persisted(state.durability.issued));
    expect(nextDeadlineMs(state) - state.nowMs).toBeGreaterThan(heartbeatIntervalMs);
    state = play(state, from(n2, voteReply(2, false)));
    state = due(state);
    expect(state).toMatchObject({ currentTerm: 2, role: { kind: "preCandidate" } });
    expect(state.nowMs).toBeLessThan(electionTimeoutMs);
  });

  test("wins, and forgets it", () => {
    let state = play(due(bereft()), from(n2, preVoteReply(2, 1, true)));
    state = play(state, persisted(state.durability.issued), from(n2, voteReply(2, true)));
    expect(state).toMatchObject({ crashedLeader: null, role: { kind: "leader" } });
  });
});

describe("stickiness", () => {
  test("ends with a node's own evidence, in pre-vote and vote alike", () => {
    const without = follower({ log: [1], leader: n3 });
    const request = from(n2, preVote(2, at(1, 1)));
    expect(isSticky(without)).toBe(true);
    expect(isSticky(bereft())).toBe(false);
    expect(linesOf(without, request)).toEqual(["to n2: RequestPreVoteReply for term 2: refused, term 1"]);
    expect(linesOf(bereft(), request)).toEqual(["to n2: RequestPreVoteReply for term 2: granted"]);
    const voted = play(bereft(), from(n2, requestVote(2, at(1, 1))));
    expect(voted).toMatchObject({ currentTerm: 2, votedFor: n2 });
  });

  test("P9: and not with a candidate's: what it asks carries no word of the evidence", () => {
    const without = follower({ log: [1], leader: n3 });
    expect(take(without, from(n2, requestVote(2, at(1, 1))))).toEqual([without, []]);
    const state = bereft();
    expect(linesOf(state, tick, nextDeadlineMs(state)).join()).not.toContain("(transfer)");
  });

  test("who has voted for another one stands no more itself", () => {
    const voted = play(bereft(), from(n2, requestVote(2, at(1, 1))));
    expect(voted.crashedLeader).toBeNull();
    expect(nextDeadlineMs(voted)).toBe(asFollower(voted).electionDueMs);
  });

  test("who has refused its vote stands itself soon: its log is the better one", () => {
    const state = play(follower({ log: [1, 1], leader: n3 }), crashed(n3), from(n2, requestVote(2, at(1, 1))));
    expect(state).toMatchObject({ currentTerm: 2, votedFor: null });
    expect(nextDeadlineMs(state) - state.nowMs).toBeLessThanOrEqual(heartbeatIntervalMs / 2);
    expect(linesOf(state, tick, nextDeadlineMs(state))[0]).toBe("to n2: RequestPreVote term 3, last 2.1");
  });
});

describe("evidence is void", () => {
  test("at the leader's next word", () => {
    const heard = play(bereft(), from(n3, append({ term: 1, prev: at(1, 1) })));
    expect(heard.crashedLeader).toBeNull();
    expect(isSticky(heard)).toBe(true);
    expect(nextDeadlineMs(heard)).toBe(asFollower(heard).electionDueMs);
  });

  test("at the word of a leader of its own term that comes while it stands already", () => {
    const heard = play(due(bereft()), from(n3, append({ term: 1, prev: at(1, 1) })));
    expect(heard).toMatchObject({ crashedLeader: null, role: { kind: "follower", leader: n3 } });
  });

  test("at the word of a new leader, but not at anything else that the old one's next process says", () => {
    const asked = play(bereft(), from(n3, preVote(2, at(1, 1))));
    expect(asked.crashedLeader).not.toBeNull();
    const heard = play(bereft(), from(n2, append({ term: 2, prev: at(1, 1) })));
    expect(heard).toMatchObject({ crashedLeader: null, role: { kind: "follower", leader: n2 } });
  });
});

describe("evidence that changes nothing", () => {
  const cases: readonly (readonly [string, State])[] = [
    ["about a node that does not lead", follower({ log: [1], leader: n2 })],
    ["when no leader is known", follower({ log: [1] })],
    ["on a leader", leader({ log: [1] })],
    ["on a node that stands already", preCandidate({ log: [1] })],
    ["on a candidate", asking({ log: [1] })],
    ["on a candidate whose vote is not durable", candidate({ log: [1] })],
    [
      "on a node that the leader has asked to take over",
      play(follower({ log: [1], leader: n3 }), from(n3, timeoutNow(1))),
    ],
    ["that comes again", bereft()],
  ];
  for (const [title, state] of cases) test(title, () => expect(take(state, crashed(n3))).toEqual([state, []]));

  test("about another incarnation of the leader", () => {
    const state = follower({ log: [1], leader: n3 });
    expect(take(state, crashed("n3@disk3-new" as typeof n3))).toEqual([state, []]);
  });
});

test("P10: a learner does not stand, but helps who does", () => {
  const learner = play(follower({ log: [1], leader: n3, configuration: { voters: [n2, n3] } }), crashed(n3));
  expect(linesOf(learner, from(n2, preVote(2, at(1, 1))))).toEqual(["to n2: RequestPreVoteReply for term 2: granted"]);
  const [after, effects] = take(learner, tick, nextDeadlineMs(learner));
  expect(effects).toEqual([]);
  expect(after.role.kind).toBe("follower");
  expect(nextDeadlineMs(after)).toBe(asFollower(after).electionDueMs);
});
