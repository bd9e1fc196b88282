// Who wins an election: standing, asking, giving one vote a term, counting.
import { describe, expect, test } from "bun:test";
import {
  asCandidate,
  asking,
  asLeader,
  candidate,
  effectsOf,
  follower,
  leader,
  linesOf,
  play,
  preCandidate,
  take,
} from "./build.ts";
import {
  append,
  at,
  from,
  n1,
  n2,
  n3,
  n4,
  n5,
  persisted,
  preVoteReply,
  requestVote,
  tick,
  voteReply,
  wiped,
} from "./say.ts";

describe("standing", () => {
  test("P3: a candidate asks nobody, and does not count itself, before its vote is durable", () => {
    const state = candidate({ log: [1, 1] });
    expect(state).toMatchObject({ currentTerm: 2, votedFor: n1 });
    expect(asCandidate(state)).toMatchObject({ granted: [], asked: false });
    expect(linesOf(state, persisted(1))).toEqual([
      "to n2: RequestVote term 2, last 2.1",
      "to n3: RequestVote term 2, last 2.1",
    ]);
    expect(asCandidate(play(state, persisted(1)))).toMatchObject({ granted: [n1], asked: true });
  });

  test("P3: a confirmation of something earlier sets nothing off", () => {
    const entries = append({ term: 1, prev: at(1, 1), entries: [{ kind: "noop", index: 2, term: 1, stampMs: 0 }] });
    let state = play(follower({ log: [1], leader: n3 }), from(n3, entries));
    state = take(state, tick, 5000)[0];
    state = take(state, tick, 6000)[0];
    for (const key of [n2, n3]) {
      if (state.role.kind === "preCandidate") {
        state = play(state, from(key, { kind: "requestPreVoteReply", askedTerm: 2, term: 1, granted: true }));
      }
    }
    expect(linesOf(state, persisted(1))).toEqual([]);
    expect(linesOf(state, persisted(2))).toHaveLength(2);
  });

  test("a candidate alone in its cluster leads as soon as its vote is durable", () => {
    const alone = take(follower({ members: [n1] }), tick, 800)[0];
    expect(alone.role.kind).toBe("candidate");
    expect(play(alone, persisted(1)).role.kind).toBe("leader");
  });

  test("an election without an end begins anew, with a pre-vote first", () => {
    const state = asking({ log: [1] });
    const [after, effects] = take(state, tick, asCandidate(state).electionDueMs);
    expect(after.role.kind).toBe("preCandidate");
    expect(after.currentTerm).toBe(2);
    expect(effectsOf(effects, "send")[0]?.message).toMatchObject({ kind: "requestPreVote", term: 3 });
  });

  test("its requests go to every member, learners as well, for a learner here may be a voter by now", () => {
    const state = candidate({ members: [n1, n2, n3, n4], configuration: { voters: [n1, n2, n3] } });
    expect(linesOf(state, persisted(1)).map((line) => line.slice(0, 5))).toEqual(["to n2", "to n3", "to n4"]);
  });
});

describe("giving a vote", () => {
  const cases = [
    { title: "a higher term and as good a log", request: requestVote(2, at(2, 1)), vote: n2, granted: true },
    { title: "P5: a shorter log of a later term", request: requestVote(3, at(1, 2)), vote: n2, granted: true },
    { title: "P5: a longer log of an earlier term", request: requestVote(2, at(9, 0)), vote: null, granted: false },
    { title: "a shorter log of the same term", request: requestVote(2, at(1, 1)), vote: null, granted: false },
    { title: "an earlier term", request: requestVote(0, at(9, 9)), vote: null, granted: false },
    { title: "the current term, vote not given yet", request: requestVote(1, at(2, 1)), vote: n2, granted: true },
  ] as const;
  for (const { title, request, vote, granted } of cases) {
    test(`${title}: ${granted ? "granted" : "refused"}, when term and vote are durable`, () => {
      const [state, effects] = take(follower({ log: [1, 1] }), from(n2, request));
      expect(state.votedFor).toBe(vote);
      const waits = effects.length > 0 && effects.every(({ kind }) => kind === "writeVote");
      const replies = waits ? take(state, persisted(state.durability.issued))[1] : effects;
      expect(effectsOf(replies, "send").map(({ message }) => message)).toEqual([voteReply(state.currentTerm, granted)]);
    });
  }

  test("P3: no answer leaves before term and vote are on disk", () => {
    const [state, effects] = take(follower({ log: [1] }), from(n2, requestVote(5, at(1, 1))));
    expect(effects.map(({ kind }) => kind)).toEqual(["writeVote", "writeVote"]);
    expect(linesOf(state, persisted(1))).toEqual([]);
    expect(linesOf(state, persisted(2))).toEqual(["to n2: RequestVoteReply term 5: granted"]);
  });

  test("P3: a repeated request is not answered faster than the disk either", () => {
    const state = play(follower({ log: [1] }), from(n2, requestVote(5, at(1, 1))));
    expect(linesOf(state, from(n2, requestVote(5, at(1, 1))))).toEqual([]);
    const both = play(state, from(n2, requestVote(5, at(1, 1))));
    expect(linesOf(both, persisted(2))).toHaveLength(1);
  });

  test("one vote a term, first come, first served; a repeated request of the same candidate gets it again", () => {
    const state = play(follower({ log: [1] }), from(n2, requestVote(5, at(1, 1))), persisted(2));
    expect(linesOf(state, from(n3, requestVote(5, at(9, 4))))).toEqual(["to n3: RequestVoteReply term 5: refused"]);
    expect(linesOf(state, from(n2, requestVote(5, at(1, 1))))).toEqual(["to n2: RequestVoteReply term 5: granted"]);
  });

  test("P4: stepping down within a term keeps the vote", () => {
    const asked = asking({ log: [1] });
    const down = play(asked, from(n2, append({ term: 2, prev: at(1, 1) })));
    expect(down).toMatchObject({ currentTerm: 2, votedFor: n1, role: { kind: "follower" } });
    expect(linesOf(down, from(n3, requestVote(2, at(9, 1))))).toEqual(["to n3: RequestVoteReply term 2: refused"]);
  });

  test("P4: a leader that loses its quorum keeps its vote", () => {
    const down = take(leader({ log: [1] }), tick, 1300)[0];
    expect(down).toMatchObject({ currentTerm: 2, votedFor: n1, role: { kind: "follower", leader: null } });
  });

  test("who grants a vote starts its wait anew; who refuses does not", () => {
    const state = follower({ log: [1, 1] });
    const granting = take(state, from(n2, requestVote(1, at(2, 1))), 700)[0];
    expect(granting.role).toMatchObject({ kind: "follower" });
    expect(granting.role.kind === "follower" && granting.role.electionDueMs).toBeGreaterThanOrEqual(700 + 500);
    const refusing = take(state, from(n2, requestVote(1, at(1, 1))), 700)[0];
    expect(refusing.role).toEqual(state.role);
  });

  test("P10: a learner votes when asked, and never stands", () => {
    const learner = follower({ log: [1], configuration: { voters: [n2, n3] } });
    expect(play(learner, from(n2, requestVote(2, at(1, 1)))).votedFor).toBe(n2);
    const [after, effects] = take(learner, tick, 800);
    expect(effects).toEqual([]);
    expect(after.role.kind === "follower" && after.role.electionDueMs).toBeGreaterThanOrEqual(800 + 500);
  });
});

describe("counting votes", () => {
  const five = { members: [n1, n2, n3, n4, n5], log: [1] };

  test("a majority wins, and not one vote less", () => {
    const two = play(asking(five), from(n2, voteReply(2, true)));
    expect(two.role.kind).toBe("candidate");
    expect(play(two, from(n3, voteReply(2, true))).role.kind).toBe("leader");
  });

  test("P15: of four voters three must vote", () => {
    const two = play(asking({ members: [n1, n2, n3, n4] }), from(n2, voteReply(1, true)));
    expect(two.role.kind).toBe("candidate");
    expect(play(two, from(n3, voteReply(1, true))).role.kind).toBe("leader");
  });

  const ignored = [
    { title: "P6: a duplicate", replies: [from(n2, voteReply(2, true)), from(n2, voteReply(2, true))] },
    { title: "P6: one of an earlier term", replies: [from(n2, voteReply(2, true)), from(n3, voteReply(1, true))] },
    { title: "a refusal", replies: [from(n2, voteReply(2, true)), from(n3, voteReply(2, false))] },
    {
      title: "P42: a wiped disk under an old name",
      replies: [from(n2, voteReply(2, true)), from(wiped(n3), voteReply(2, true))],
    },
    {
      title: "P42: the same name twice, old disk and new",
      replies: [from(n2, voteReply(2, true)), from(wiped(n2), voteReply(2, true))],
    },
  ];
  for (const { title, replies } of ignored) {
    test(`${title} does not count`, () => {
      const state = play(asking(five), ...replies);
      expect(asCandidate(state).granted).toEqual([n1, n2]);
    });
  }

  test("P3: a vote that nobody asked for yet does not count: it would elect a node that can forget its own", () => {
    const state = candidate(five);
    expect(
      play(state, from(n2, voteReply(2, true)), from(n3, voteReply(2, true)), from(n4, voteReply(2, true))),
    ).toEqual(state);
  });

  test("a learner's vote does not count", () => {
    const state = asking({ members: [n1, n2, n3, n4], configuration: { voters: [n1, n2, n3] } });
    expect(asCandidate(play(state, from(n4, voteReply(1, true)))).granted).toEqual([n1]);
  });

  test("P6: a late vote finds a leader, a follower or a candidate of the next term, and changes none of them", () => {
    const winner = leader({ log: [1] });
    expect(play(winner, from(n3, voteReply(2, true)))).toEqual(winner);
    const loser = play(asking(five), from(n2, append({ term: 2, prev: at(1, 1) })));
    expect(play(loser, from(n3, voteReply(2, true)))).toEqual(loser);
    const again = asking({ ...five, term: 2 });
    expect(play(again, from(n3, voteReply(2, true)))).toEqual(again);
  });

  test("a reply of a higher term ends the candidacy", () => {
    const [state, effects] = take(asking(five), from(n2, voteReply(9, false)));
    expect(state).toMatchObject({ currentTerm: 9, votedFor: null, role: { kind: "follower", leader: null } });
    expect(effects.map(({ kind }) => kind)).toEqual(["writeVote"]);
  });

  test("P39: in a joint configuration both majorities must vote", () => {
    const configuration = { voters: [n1, n2, n3], outgoing: [n1, n4, n5] };
    const state = play(asking({ ...five, configuration }), from(n2, voteReply(2, true)), from(n3, voteReply(2, true)));
    expect(state.role.kind).toBe("candidate");
    expect(play(state, from(n4, voteReply(2, true))).role.kind).toBe("leader");
  });
});

describe("winning", () => {
  test("a new leader appends a no-op of its term and shows it to all", () => {
    const [state, effects] = take(asking({ log: [1, 1] }), from(n2, voteReply(2, true)));
    expect(effects.map(({ kind }) => kind)).toEqual(["appendLog", "sendEntries", "sendEntries"]);
    expect(effectsOf(effects, "appendLog")[0]?.entries).toMatchObject([{ kind: "noop", index: 3, term: 2 }]);
    expect(asLeader(state)).toMatchObject({ termStartIndex: 3, sinceMs: 800, heartbeatDueMs: 850, transfer: null });
    expect([...asLeader(state).progress.keys()]).toEqual([n2, n3]);
  });

  test("a pre-candidate is no candidate: a vote for it does not exist", () => {
    const state = preCandidate({ log: [1] });
    expect(play(state, from(n2, voteReply(1, true)), from(n3, voteReply(1, true)))).toEqual(state);
  });
});

test("a pre-candidate that grants a vote stands no longer against the one it has voted for", () => {
  const state = preCandidate({ log: [1] });
  const voted = play(state, from(n3, requestVote(state.currentTerm, at(9, state.currentTerm))));
  expect(voted.votedFor).toBe(n3);
  const late = preVoteReply(state.currentTerm + 1, state.currentTerm, true);
  expect(play(voted, from(n2, late)).role.kind).toBe("follower");
});
