// Could an election be won? Asking before the term is raised, and the dead ends that others ran into.
import { describe, expect, test } from "bun:test";
import { defaultSettings } from "../../src/core/settings.ts";
import type { State } from "../../src/core/state.ts";
import { asFollower, asPreCandidate, asking, follower, leader, linesOf, play, preCandidate, take } from "./build.ts";
import { append, at, from, n1, n2, n3, n4, n5, preVote, preVoteReply, tick, wiped } from "./say.ts";

const { electionTimeoutMs, heartbeatIntervalMs } = defaultSettings;

describe("asking", () => {
  test("when the wait is over, for the next term, without touching the own one", () => {
    const before = follower({ log: [1, 1] });
    expect(linesOf(before, tick, 800)).toEqual([
      "to n2: RequestPreVote term 2, last 2.1",
      "to n3: RequestPreVote term 2, last 2.1",
    ]);
    const after = take(before, tick, 800)[0];
    expect(after).toMatchObject({ currentTerm: 1, votedFor: null, durability: before.durability });
    expect(asPreCandidate(after)).toMatchObject({ granted: [n1], transfer: false });
  });

  test("a tick before the wait is over changes nothing", () => {
    const [after, effects] = take(follower({ log: [1] }), tick, 799);
    expect(effects).toEqual([]);
    expect(after).toEqual({ ...follower({ log: [1] }), nowMs: 799 });
  });

  test("without an answer it asks again, after a new wait", () => {
    const state = preCandidate({ log: [1] });
    const { electionDueMs } = asPreCandidate(state);
    expect(electionDueMs).toBeGreaterThanOrEqual(800 + electionTimeoutMs);
    expect(electionDueMs).toBeLessThan(800 + 2 * electionTimeoutMs);
    const [after, effects] = take(state, tick, electionDueMs);
    expect(effects).toHaveLength(2);
    expect(asPreCandidate(after).granted).toEqual([n1]);
  });
});

describe("answering", () => {
  const cases = [
    { title: "a later term and as good a log", request: preVote(2, at(2, 1)), answer: "granted" },
    { title: "P5: a later last term", request: preVote(2, at(1, 2)), answer: "granted" },
    { title: "a worse log", request: preVote(2, at(1, 1)), answer: "refused, term 1" },
    { title: "this node's own term", request: preVote(1, at(2, 1)), answer: "refused, term 1" },
    { title: "a term long gone", request: preVote(0, at(2, 1)), answer: "refused, term 1" },
  ] as const;
  for (const { title, request, answer } of cases) {
    test(`${title}: ${answer}`, () => {
      const asked = request.kind === "requestPreVote" ? request.term : 0;
      const line = `to n2: RequestPreVoteReply for term ${asked}: ${answer}`;
      expect(linesOf(follower({ log: [1, 1] }), from(n2, request))).toEqual([line]);
    });
  }

  test("P8: being asked changes nothing on the voter, not even its timer, granted or not, in any role", () => {
    const voters: readonly State[] = [
      follower({ log: [1] }),
      follower({ log: [1], leader: n3 }),
      preCandidate({ log: [1] }),
      asking({ log: [1] }),
      leader({ log: [1] }),
    ];
    for (const voter of voters) {
      for (const request of [preVote(9, at(9, 8)), preVote(1, at(0, 0)), preVote(9, at(9, 8), true)]) {
        const [after, effects] = take(voter, from(n2, request));
        expect(after).toEqual(voter);
        expect(effects.map(({ kind }) => kind)).toEqual(["send"]);
      }
    }
  });

  test("any number of nodes may be encouraged for the same term", () => {
    const state = follower({ log: [1] });
    for (const key of [n2, n3, n2]) expect(linesOf(state, from(key, preVote(2, at(1, 1))))[0]).toContain("granted");
  });
});

describe("counting", () => {
  const five = { members: [n1, n2, n3, n4, n5], log: [1] };

  test("a majority of encouragements makes a candidate", () => {
    const two = play(preCandidate(five), from(n2, preVoteReply(2, 1, true)));
    expect(two.role.kind).toBe("preCandidate");
    expect(play(two, from(n3, preVoteReply(2, 1, true)))).toMatchObject({
      currentTerm: 2,
      role: { kind: "candidate" },
    });
  });

  const ignored = [
    { title: "P6: a duplicate", reply: from(n2, preVoteReply(2, 1, true)) },
    { title: "P6: an answer about another term", reply: from(n3, preVoteReply(1, 0, true)) },
    { title: "a refusal without a higher term", reply: from(n3, preVoteReply(2, 1, false)) },
    { title: "P42: another incarnation", reply: from(wiped(n3), preVoteReply(2, 1, true)) },
  ];
  for (const { title, reply } of ignored) {
    test(`${title} does not count`, () => {
      const state = play(preCandidate(five), from(n2, preVoteReply(2, 1, true)));
      expect(asPreCandidate(play(state, reply)).granted).toEqual([n1, n2]);
    });
  }

  test("P6: an answer that comes when the asking is over changes nothing", () => {
    for (const state of [follower({ log: [1] }), asking({ log: [1] }), leader({ log: [1] })]) {
      const late = play(state, from(n2, preVoteReply(state.currentTerm + 1, 9, false)));
      expect(late).toEqual(state);
    }
  });
});

describe("P7: dead ends", () => {
  test("P7: a node of a lower term is told the term by the refusal, and asks in the right one next time", () => {
    const behind = preCandidate({ log: [3], term: 3 });
    const [after] = take(behind, from(n2, preVoteReply(4, 7, false)));
    expect(after).toMatchObject({ currentTerm: 7, votedFor: null, role: { kind: "follower" } });
    expect(linesOf(after, tick, asFollower(after).electionDueMs)[0]).toBe("to n2: RequestPreVote term 8, last 1.3");
  });

  test("P7: a leader of a lower term learns of the higher one from the answer to its heartbeat, and steps down", () => {
    const [, effects] = take(follower({ self: n2, log: [1], term: 9 }), from(n1, append({ term: 2, prev: at(1, 1) })));
    const answer = effects[0]!;
    if (answer.kind !== "send") throw new Error("an answer is expected");
    const after = play(leader({ log: [1] }), from(n2, answer.message));
    expect(after).toMatchObject({ currentTerm: 9, role: { kind: "follower" } });
  });

  test("P7: mixed versions: there is no cluster without pre-vote; a plain RequestVote out of the blue is heard as well", () => {
    // What a node without pre-vote would send. Refused while the leader lives, granted when it has gone silent.
    const state = follower({ log: [1], leader: n3 });
    const request = { kind: "requestVote", term: 2, last: at(1, 1), transfer: false } as const;
    expect(take(state, from(n2, request), electionTimeoutMs - 1)[0].currentTerm).toBe(1);
    expect(take(state, from(n2, request), electionTimeoutMs)[0].votedFor).toBe(n2);
  });

  test("P7: a dead leader is not known for ever: one election timeout after its last word it binds nobody", () => {
    const state = follower({ log: [1], leader: n3 });
    const ask = from(n2, preVote(2, at(1, 1)));
    expect(linesOf(state, ask, electionTimeoutMs - 1)[0]).toContain("refused");
    expect(linesOf(state, ask, electionTimeoutMs)[0]).toContain("granted");
  });

  test("P7: a long log of an old term against a short log of a new one: the first learns, the second wins", () => {
    const long = preCandidate({ self: n1, log: [1, 1, 1, 1], term: 1 });
    const short = follower({ self: n2, log: [1, 3], term: 3 });
    const [, refusal] = take(short, from(n1, preVote(2, at(4, 1))));
    const answer = refusal[0]!;
    if (answer.kind !== "send") throw new Error("an answer is expected");
    const learned = play(long, from(n2, answer.message));
    expect(learned.currentTerm).toBe(3);
    expect(linesOf(learned, from(n2, preVote(4, at(2, 3))))[0]).toContain("granted");
  });

  test("P7: two followers that lost their leader at different times do not refuse each other in turns", () => {
    // Nothing but a leader's word renews stickiness: neither being asked, nor refusing, nor asking.
    let early = follower({ self: n1, log: [1], leader: n3 });
    let late = take(
      follower({ self: n2, log: [1], leader: n3 }),
      from(n3, append({ term: 1, prev: at(1, 1) })),
      490,
    )[0];
    early = take(early, tick, 800)[0];
    const [, first] = take(late, from(n1, preVote(2, at(1, 1))), 800);
    expect(first).toMatchObject([{ message: { granted: false } }]);
    late = take(late, from(n1, preVote(2, at(1, 1))), 800)[0];
    early = take(early, from(n2, preVoteReply(2, 1, false)), 801)[0];
    // Its next attempt, whenever it comes, finds the other free.
    const againMs = asPreCandidate(early).electionDueMs;
    expect(againMs).toBeGreaterThanOrEqual(490 + electionTimeoutMs);
    const [, second] = take(late, from(n1, preVote(2, at(1, 1))), againMs);
    expect(second).toMatchObject([{ message: { granted: true } }]);
  });
});

describe("P52: a node that was asleep", () => {
  test("P52: finds its timer long overdue and gives what is waiting to be read a moment", () => {
    const state = follower({ log: [1], leader: n3 });
    const [woken, effects] = take(state, tick, 60_000);
    expect(effects).toEqual([]);
    expect(asFollower(woken)).toMatchObject({ wokeLate: true, electionDueMs: 60_000 + heartbeatIntervalMs });
    const heard = take(woken, from(n3, append({ term: 1, prev: at(1, 1) })), 60_001)[0];
    expect(asFollower(heard)).toMatchObject({ wokeLate: false, leader: n3 });
    expect(take(heard, tick, 60_000 + heartbeatIntervalMs)[1]).toEqual([]);
  });

  test("P52: stands for election when nothing was waiting: the moment is given once", () => {
    const woken = take(follower({ log: [1], leader: n3 }), tick, 60_000)[0];
    expect(take(woken, tick, 60_000 + heartbeatIntervalMs)[0].role.kind).toBe("preCandidate");
    expect(take(woken, tick, 90_000)[0].role.kind).toBe("preCandidate");
  });

  test("P52: a timer that is late by less than a heartbeat is an ordinary one", () => {
    expect(take(follower({ log: [1] }), tick, 800 + heartbeatIntervalMs)[0].role.kind).toBe("preCandidate");
    expect(take(follower({ log: [1] }), tick, 801 + heartbeatIntervalMs)[0].role.kind).toBe("follower");
  });
});
