// The thesis on elections, a sentence a test: §3.3 terms, §3.4 election, §3.6.1 restriction, §3.8 persistent state,
// §4.2.3 disruptive servers, §4.3 joint majorities, §6.2 step-down, §9.6 pre-vote. The tables behind them are test/core.
import { describe, expect, test } from "bun:test";
import { restore } from "../../src/core/restore.ts";
import { asCandidate, asFollower, asking, asLeader, candidate, effectsOf, follower } from "../core/build.ts";
import { leader, linesOf, play, preCandidate, saved, starting, take } from "../core/build.ts";
import { accepted, append, at, commands, from, n1, n2, n3, n4, n5, persisted } from "../core/say.ts";
import { preVote, preVoteReply, propose, requestVote, tick, voteReply } from "../core/say.ts";

const all = [n1, n2, n3, n4, n5];

describe("§3.3 Raft basics: terms", () => {
  test("§3.3: terms act as a logical clock: each server stores a current term, which increases monotonically", () => {
    let state = follower({ log: [1] });
    const terms: number[] = [];
    for (const term of [4, 2, 9, 9, 1]) {
      state = play(state, from(n2, append({ term, prev: at(1, 1) })));
      terms.push(state.currentTerm);
    }
    expect(terms).toEqual([4, 4, 9, 9, 9]);
  });

  test("§3.3: if one server's current term is smaller than the other's, it updates its current term to the larger value", () => {
    const messages = [requestVote(7, at(0, 0)), append({ term: 7 }), voteReply(7, false), accepted(7, 0)];
    for (const message of messages) expect(play(follower({ log: [1] }), from(n2, message)).currentTerm).toBe(7);
  });

  test("§3.3: if a candidate or leader discovers that its term is out of date, it immediately reverts to follower state", () => {
    for (const state of [asking({ log: [1] }), leader({ log: [1] })]) {
      for (const message of [append({ term: 7 }), voteReply(7, false), accepted(7, 0)]) {
        expect(play(state, from(n2, message)).role.kind).toBe("follower");
      }
    }
  });

  test("§3.3: if a server receives a request with a stale term number, it rejects the request", () => {
    const state = follower({ log: [1], term: 5 });
    expect(linesOf(state, from(n2, requestVote(4, at(9, 4))))).toEqual(["to n2: RequestVoteReply term 5: refused"]);
    expect(linesOf(state, from(n2, append({ term: 4, entries: commands([4]) })))[0]).toContain("term 5: refused");
    expect(play(state, from(n2, append({ term: 4, entries: commands([4]) }))).log).toEqual(state.log);
  });
});

describe("§3.4 Leader election", () => {
  test("§3.4: when servers start up, they begin as followers", () => {
    expect(restore(saved({ log: [1], votedFor: n1 }), starting()).role.kind).toBe("follower");
  });

  test("§3.4: a server remains in follower state as long as it receives valid RPCs from a leader", () => {
    let state = follower({ log: [1], leader: n2 });
    for (let nowMs = 50; nowMs < 5000; nowMs += 50) {
      state = take(state, from(n2, append({ term: 1, prev: at(1, 1) })), nowMs)[0];
      state = take(state, tick, nowMs)[0];
      expect(state.role.kind).toBe("follower");
    }
  });

  test("§3.4: leaders send periodic heartbeats (AppendEntries RPCs that carry no log entries) to all followers", () => {
    const [, effects] = take(
      leader({
        log: [1],
        matched: [
          [n2, 2],
          [n3, 2],
        ],
      }),
      tick,
      850,
    );
    expect(effectsOf(effects, "sendEntries").map(({ to, prev, through }) => [to, through.index - prev.index])).toEqual([
      [n2, 0],
      [n3, 0],
    ]);
  });

  test("§3.4: if a follower receives no communication over the election timeout, it begins an election", () => {
    expect(take(follower({ log: [1] }), tick, 800)[0].role.kind).toBe("preCandidate");
  });

  test("§3.4: to begin an election, it increments its current term, votes for itself and issues RequestVote RPCs", () => {
    const state = candidate({ log: [1] });
    expect(state).toMatchObject({ currentTerm: 2, votedFor: n1 });
    expect(effectsOf(take(state, persisted(1))[1], "send").map(({ message }) => message)).toEqual([
      requestVote(2, at(1, 1)),
      requestVote(2, at(1, 1)),
    ]);
  });

  test("§3.4: a candidate wins if it receives votes from a majority of the servers in the full cluster for the same term", () => {
    const state = play(asking({ members: all, log: [1] }), from(n2, voteReply(2, true)));
    expect(state.role.kind).toBe("candidate");
    expect(play(state, from(n5, voteReply(2, true))).role.kind).toBe("leader");
  });

  test("§3.4: each server will vote for at most one candidate in a given term, on a first-come-first-served basis", () => {
    const state = play(follower({ log: [1] }), from(n2, requestVote(2, at(1, 1))), from(n3, requestVote(2, at(9, 1))));
    expect(state.votedFor).toBe(n2);
  });

  test("§3.4: once a candidate wins, it sends messages to all of the other servers to establish its authority", () => {
    const [, effects] = take(asking({ members: [n1, n2, n3], log: [1] }), from(n2, voteReply(2, true)));
    expect(effectsOf(effects, "sendEntries").map(({ to }) => to)).toEqual([n2, n3]);
  });

  test("§3.4: a candidate that hears from a leader with a term at least as large recognizes it and returns to follower", () => {
    for (const term of [2, 3]) {
      const state = play(asking({ log: [1] }), from(n2, append({ term, prev: at(1, 1) })));
      expect(asFollower(state).leader).toBe(n2);
    }
  });

  test("§3.4: if the term in the RPC is smaller, the candidate rejects it and continues in candidate state", () => {
    const state = asking({ log: [1] });
    const [after, effects] = take(state, from(n2, append({ term: 1, prev: at(1, 1) })));
    expect(after).toEqual(state);
    expect(effectsOf(effects, "send")[0]?.message).toMatchObject({ term: 2, outcome: { kind: "refused" } });
  });

  test("§3.4: a candidate that neither wins nor loses times out and starts a new election", () => {
    const state = asking({ log: [1] });
    expect(take(state, tick, asCandidate(state).electionDueMs)[0].role.kind).toBe("preCandidate");
  });

  test("§3.4: election timeouts are chosen randomly from a fixed interval; each candidate restarts its own at the start of an election", () => {
    const waits = [1, 2, 3, 4, 5].map(
      (seed) => asFollower(restore(saved(), starting({ seed: [seed, 0, 0, 0] }))).electionDueMs,
    );
    expect(new Set(waits).size).toBe(5);
    for (const wait of waits) expect(wait >= 500 && wait < 1000).toBe(true);
    expect(asCandidate(candidate()).electionDueMs).toBeGreaterThanOrEqual(800 + 500);
  });
});

describe("§3.6.1 Election restriction", () => {
  test("§3.6.1: the voter denies its vote if its own log is more up-to-date than that of the candidate", () => {
    expect(play(follower({ log: [1, 1] }), from(n2, requestVote(2, at(1, 1)))).votedFor).toBeNull();
  });

  test("§3.6.1: if the logs have last entries with different terms, then the log with the later term is more up-to-date", () => {
    expect(play(follower({ log: [1, 1, 1] }), from(n2, requestVote(3, at(1, 2)))).votedFor).toBe(n2);
    expect(play(follower({ log: [2] }), from(n2, requestVote(3, at(9, 1)))).votedFor).toBeNull();
  });

  test("§3.6.1: if the logs end with the same term, then whichever log is longer is more up-to-date", () => {
    expect(play(follower({ log: [1, 1] }), from(n2, requestVote(2, at(3, 1)))).votedFor).toBe(n2);
    expect(play(follower({ log: [1, 1] }), from(n2, requestVote(2, at(1, 1)))).votedFor).toBeNull();
  });
});

describe("§3.8 Persisted state and server restarts", () => {
  test("§3.8: a server persists its current term and vote before it answers, which prevents it from voting twice", () => {
    const [state, effects] = take(follower({ log: [1] }), from(n2, requestVote(2, at(1, 1))));
    expect(effects.map(({ kind }) => kind)).toEqual(["writeVote", "writeVote"]);
    expect(linesOf(state, persisted(2))).toEqual(["to n2: RequestVoteReply term 2: granted"]);
    const restarted = restore({ ...saved({ log: [1], term: 2, votedFor: n2 }) }, starting());
    expect(play(restarted, from(n3, requestVote(2, at(9, 1)))).votedFor).toBe(n2);
  });

  test("§3.8: each server also persists new log entries before they are counted towards their commitment", () => {
    const entries = commands([1], 2);
    const [state, effects] = take(
      follower({ log: [1], leader: n2 }),
      from(n2, append({ term: 1, prev: at(1, 1), entries })),
    );
    expect(effects.map(({ kind }) => kind)).toEqual(["appendLog"]);
    expect(linesOf(state, persisted(1))).toEqual(["to n2: AppendEntriesReply term 1: matches through 2"]);
  });

  test("§3.8: the commit index can safely be reinitialized on a restart; it is brought up to date by the leader's next commit", () => {
    const restarted = restore(saved({ log: [1, 1] }), starting());
    expect(restarted.commitIndex).toBe(0);
    expect(play(restarted, from(n2, append({ term: 1, prev: at(2, 1), commit: 2 }))).commitIndex).toBe(2);
  });
});

describe("§4.2.3 Disruptive servers", () => {
  const request = requestVote(9, at(9, 8));

  test("§4.2.3: a server that receives a RequestVote within the minimum election timeout of hearing from a current leader does not update its term or grant its vote", () => {
    const state = follower({ log: [1], leader: n3 });
    expect(take(state, from(n2, request), 499)).toEqual([{ ...state, nowMs: 499 }, []]);
    expect(take(state, from(n2, request), 500)[0]).toMatchObject({ currentTerm: 9, votedFor: n2 });
  });

  test("§4.2.3: a leader that can get heartbeats to its cluster is not deposed by larger term numbers", () => {
    const state = play({ ...leader({ log: [1] }), nowMs: 1200 }, from(n2, accepted(2, 2)));
    const [after, effects] = take(state, from(n5, request));
    expect(effects).toEqual([]);
    expect(after).toMatchObject({ currentTerm: state.currentTerm, votedFor: n1, role: { kind: "leader" } });
  });

  test("§4.2.3: RequestVote messages of a leadership transfer carry a flag: 'I have permission to disrupt the leader'", () => {
    const state = follower({ log: [1], leader: n3 });
    expect(play(state, from(n2, requestVote(2, at(1, 1), true)))).toMatchObject({ currentTerm: 2, votedFor: n2 });
  });
});

describe("§4.3 Joint consensus, as far as counting goes", () => {
  const joint = { members: all, log: [1], configuration: { voters: [n1, n2, n3], outgoing: [n1, n4, n5] } };

  test("§4.3: agreement for elections requires majorities from both the old and new configurations", () => {
    const half = play(asking(joint), from(n2, voteReply(2, true)), from(n3, voteReply(2, true)));
    expect(half.role.kind).toBe("candidate");
    expect(play(half, from(n5, voteReply(2, true))).role.kind).toBe("leader");
  });

  test("§4.3: agreement for entry commitment requires majorities from both", () => {
    const half = play(leader(joint), from(n2, accepted(2, 2)), from(n3, accepted(2, 2)));
    expect(half.commitIndex).toBe(0);
    expect(play(half, from(n4, accepted(2, 2))).commitIndex).toBe(2);
  });

  test("§4.3: log entries are replicated to all servers in both configurations", () => {
    expect([...asLeader(leader(joint)).progress.keys()]).toEqual([n2, n3, n4, n5]);
  });

  test("§4.3: any server from either configuration may serve as leader", () => {
    for (const self of [n2, n4])
      expect(take(follower({ ...joint, self }), tick, 800)[0].role.kind).toBe("preCandidate");
  });
});

describe("§6.2 Leaders without a quorum", () => {
  test("§6.2: a leader steps down if an election timeout elapses without a successful round of heartbeats to a majority", () => {
    expect(take(leader({ log: [1] }), tick, 1300)[0].role.kind).toBe("follower");
    const answered = take(leader({ log: [1] }), from(n2, accepted(2, 2)), 1000)[0];
    expect(take(answered, tick, 1499)[0].role.kind).toBe("leader");
    expect(take(answered, tick, 1500)[0].role.kind).toBe("follower");
  });

  test("§6.2: this allows clients to retry their requests with another server", () => {
    const down = take(leader({ log: [1] }), tick, 1300)[0];
    expect(linesOf(down, propose(4))).toEqual(["refuse 1, leader unknown"]);
  });
});

describe("§9.6 Preventing disruptions when a server rejoins the cluster", () => {
  test("§9.6: in the Pre-Vote algorithm, a candidate only increments its term if it first learns from a majority that they would grant their votes", () => {
    const state = preCandidate({ members: all, log: [1] });
    expect(play(state, from(n2, preVoteReply(2, 1, true))).currentTerm).toBe(1);
    expect(play(state, from(n2, preVoteReply(2, 1, true)), from(n3, preVoteReply(2, 1, true))).currentTerm).toBe(2);
  });

  test("§9.6: they would if the candidate's log is up-to-date and they have not received heartbeats from a valid leader for a baseline election timeout", () => {
    const ask = (last: ReturnType<typeof at>) => from(n2, preVote(2, last));
    expect(linesOf(follower({ log: [1, 1] }), ask(at(2, 1)))[0]).toContain("granted");
    expect(linesOf(follower({ log: [1, 1] }), ask(at(1, 1)))[0]).toContain("refused");
    expect(linesOf(follower({ log: [1, 1], leader: n3 }), ask(at(2, 1)), 499)[0]).toContain("refused");
    expect(linesOf(follower({ log: [1, 1], leader: n3 }), ask(at(2, 1)), 500)[0]).toContain("granted");
  });

  test("§9.6: a partitioned server cannot increase its term, since it cannot get permission from a majority", () => {
    let state = follower({ log: [1] });
    for (let count = 0; count < 20; count++) {
      const dueMs = state.role.kind === "leader" ? 0 : state.role.electionDueMs;
      state = take(state, tick, dueMs)[0];
    }
    expect(state).toMatchObject({ currentTerm: 1, role: { kind: "preCandidate" } });
  });

  test("§9.6: when it rejoins, the others are receiving heartbeats, and it returns to follower when it hears from the leader", () => {
    const returning = preCandidate({ log: [1] });
    const refused = play(returning, from(n2, preVoteReply(2, 1, false)), from(n3, preVoteReply(2, 1, false)));
    expect(refused.role.kind).toBe("preCandidate");
    expect(play(refused, from(n2, append({ term: 1, prev: at(1, 1) }))).role).toMatchObject({
      kind: "follower",
      leader: n2,
    });
  });
});
