// The thesis on the log, a sentence a test: §3.5 replication, §3.6.2 commitment, §3.10 transfer, §6.4 the no-op,
// §10.2.1 writing in parallel and pipelining. The tables behind them are test/core, figure 3.7 whole is test/scenarios.
import { describe, expect, test } from "bun:test";
import {
  asLeader,
  effectsOf,
  follower,
  leader,
  linesOf,
  play,
  preCandidate,
  probingOf,
  replicatingOf,
  take,
} from "../core/build.ts";
import { accepted, append, at, commands, from, n1, n2, n3, n4, n5, noop, persisted, preVote } from "../core/say.ts";
import { propose, refused, requestVote, tick, timeoutNow, transferTo } from "../core/say.ts";

const all = [n1, n2, n3, n4, n5];
const inStep = () =>
  leader({
    log: [1],
    matched: [
      [n2, 2],
      [n3, 2],
    ],
  });

describe("§3.5 Log replication", () => {
  test("§3.5: the leader appends the command to its log, then issues AppendEntries RPCs in parallel to each of the others", () => {
    const [, effects] = take(inStep(), propose(4));
    expect(effects.map(({ kind }) => kind)).toEqual(["appendLog", "proposalsAccepted", "sendEntries", "sendEntries"]);
  });

  test("§3.5: a log entry is committed once the leader that created it has replicated it on a majority of the servers", () => {
    const state = play(inStep(), propose(4));
    expect(play(state, from(n2, accepted(2, 3))).commitIndex).toBe(2);
    expect(play(state, from(n2, accepted(2, 3)), from(n3, accepted(2, 3))).commitIndex).toBe(3);
  });

  test("§3.5: this also commits all preceding entries in the leader's log, including entries created by previous leaders", () => {
    expect(linesOf(leader({ log: [1, 1, 1] }), from(n2, accepted(2, 4)))).toContain("apply 1 through 4");
  });

  test("§3.5: the leader includes the highest committed index in future AppendEntries RPCs, heartbeats among them", () => {
    const [, effects] = take(inStep(), tick, 850);
    expect(effectsOf(effects, "sendEntries").map(({ leaderCommit }) => leaderCommit)).toEqual([2, 2]);
  });

  test("§3.5: once a follower learns that a log entry is committed, it applies the entry, in log order", () => {
    const state = follower({ log: [1, 1], leader: n2 });
    expect(linesOf(state, from(n2, append({ term: 1, prev: at(2, 1), commit: 2 })))[0]).toBe("apply 1 through 2");
  });

  test("§3.5: if followers crash or run slowly, or if packets are lost, the leader retries AppendEntries RPCs indefinitely", () => {
    let state = leader({ log: [1], matched: [[n3, 2]] });
    let tries = 0;
    for (let nowMs = 850; nowMs < 20_000; nowMs += 50) {
      state = play(state, from(n3, accepted(2, 2)));
      const [after, effects] = take(state, tick, nowMs);
      tries += effectsOf(effects, "sendEntries").filter(({ to, through }) => to === n2 && through.index === 2).length;
      state = after;
    }
    expect(tries).toBeGreaterThan(30);
  });

  test("§3.5: if the follower does not find an entry with the same index and term as prevLog, it refuses the new entries", () => {
    const state = follower({ log: [1, 1], term: 2, leader: n2 });
    for (const prev of [at(3, 1), at(2, 2)]) {
      const after = play(state, from(n2, append({ term: 2, prev, entries: commands([2], prev.index + 1) })));
      expect(after.log).toEqual(state.log);
    }
  });

  test("§3.5: conflicting entries in follower logs will be overwritten with entries from the leader's log", () => {
    const state = follower({ log: [1, 2, 2, 2], term: 3, leader: n2 });
    const entries = commands([3], 2);
    expect(linesOf(state, from(n2, append({ term: 3, prev: at(1, 1), entries })))).toEqual([
      "truncate after 1 [1]",
      "append 2.3 [2]",
    ]);
  });

  test("§3.5: when a leader first comes to power, it initializes all nextIndex values to the index just after the last one in its log", () => {
    const state = leader({ log: [1, 1, 1] });
    for (const key of [n2, n3]) expect(probingOf(state, key)).toMatchObject({ nextIndex: 4, matchIndex: 0 });
  });

  test("§3.5: after a rejection, the leader decrements nextIndex and retries; eventually nextIndex reaches a point where the logs match", () => {
    const state = play(
      leader({ log: [1, 1, 1] }),
      from(n2, refused(2, { prevIndex: 3, conflict: at(2, 0), lastIndex: 1 })),
    );
    expect(probingOf(state, n2).nextIndex).toBe(2);
    expect(replicatingOf(play(state, from(n2, accepted(2, 4))), n2).matchIndex).toBe(4);
  });

  test("§3.5: the follower can include the term of the conflicting entry and the first index it stores for that term", () => {
    const state = follower({ log: [1, 2, 2, 2], term: 4, leader: n2 });
    const [, effects] = take(state, from(n2, append({ term: 4, prev: at(4, 3) })));
    expect(effectsOf(effects, "send")[0]?.message).toMatchObject({ outcome: { kind: "refused", conflict: at(2, 2) } });
  });

  test("§3.5: one RPC is then required for each term with conflicting entries, rather than one per entry", () => {
    // 100 entries of term 3 here, where the leader has 100 of term 5: one question more and they agree.
    const state = leader({ log: [1, ...Array.from({ length: 100 }, () => 5)] });
    const after = play(state, from(n2, refused(6, { prevIndex: 101, conflict: at(2, 3), lastIndex: 101 })));
    expect(probingOf(after, n2).nextIndex).toBe(2);
  });

  test("§3.5: a leader never overwrites or deletes entries in its own log", () => {
    const state = inStep();
    const events = [propose(4), tick, from(n2, refused(2, { prevIndex: 2, conflict: at(1, 0), lastIndex: 0 }))];
    for (const event of events) expect(effectsOf(take(state, event)[1], "truncateLog")).toEqual([]);
  });

  test("§3.5: the extra entries of an RPC that arrives twice or late are ignored: AppendEntries is idempotent", () => {
    const request = from(n2, append({ term: 1, prev: at(1, 1), entries: commands([1, 1], 2) }));
    const once = play(follower({ log: [1], leader: n2 }), request, persisted(1));
    expect(play(once, request).log).toEqual(once.log);
    expect(effectsOf(take(once, request)[1], "appendLog")).toEqual([]);
  });
});

describe("§3.6.2 Committing entries from previous terms", () => {
  test("§3.6.2: a leader cannot conclude that an entry from a previous term is committed once it is stored on a majority", () => {
    // Figure 3.7 (c): S1 leads term 4, its entry of term 2 is on S1, S2 and S3 of five.
    const state = leader({ members: all, log: [1, 2], term: 3 });
    const majority = play(state, from(n2, accepted(4, 2)), from(n3, accepted(4, 2)));
    expect(majority.commitIndex).toBe(0);
  });

  test("§3.6.2, figure 3.7 (d): such an entry can still be overwritten by a leader with a later last term", () => {
    const state = follower({ self: n3, members: all, log: [1, 2], term: 4 });
    const voted = play(state, from(n5, requestVote(5, at(2, 3))));
    expect(voted.votedFor).toBe(n5);
    const overwritten = play(voted, from(n5, append({ term: 5, prev: at(1, 1), entries: commands([3], 2) })));
    expect(overwritten.log.last).toEqual(at(2, 3));
  });

  test("§3.6.2, figure 3.7 (e): once an entry of the current term is on a majority, all prior entries are committed indirectly", () => {
    const state = leader({ members: all, log: [1, 2], term: 3 });
    const majority = play(state, from(n2, accepted(4, 3)), from(n3, accepted(4, 3)));
    expect(majority.commitIndex).toBe(3);
    const voter = follower({ self: n3, members: all, log: [1, 2, 4] });
    expect(play(voter, from(n5, requestVote(5, at(2, 3)))).votedFor).toBeNull();
  });

  test("§3.6.3, figure 3.8: a majority that stored an entry and a majority that votes share a voter, who refuses a leader without it", () => {
    // Every majority of five that holds the entry meets every majority that could elect a node without it.
    const majorities = subsetsOf(all).filter((some) => some.length === 3);
    for (const holders of majorities) {
      for (const voters of majorities) {
        const shared = voters.filter((key) => holders.includes(key));
        expect(shared.length).toBeGreaterThan(0);
      }
    }
    const voter = follower({ members: all, log: [1, 2] });
    expect(play(voter, from(n5, requestVote(3, at(1, 1)))).votedFor).toBeNull();
  });

  test("§3.6.2: log entries retain their original term numbers when a leader replicates entries from previous terms", () => {
    const state = leader({ log: [1, 2], term: 3 });
    const [, effects] = take(state, from(n2, refused(4, { prevIndex: 2, conflict: at(1, 0), lastIndex: 0 })));
    expect(effectsOf(effects, "sendEntries")[0]).toMatchObject({ term: 4, prev: at(0, 0), through: at(3, 4) });
    expect(state.log.termStarts).toEqual([at(1, 1), at(2, 2), at(3, 4)]);
  });
});

function subsetsOf<T>(items: readonly T[]): readonly (readonly T[])[] {
  return items.reduce<readonly (readonly T[])[]>((some, one) => [...some, ...some.map((each) => [...each, one])], [[]]);
}

describe("§6.4 The start of a term", () => {
  test("§6.4: each leader commits a blank no-op entry at the start of its term", () => {
    const state = leader({ log: [1] });
    expect(asLeader(state).termStartIndex).toBe(2);
    expect(state.log.last).toEqual(at(2, 2));
  });

  test("P22: §6.4: as soon as this no-op entry is committed, the leader's commit index is at least as large as any other's", () => {
    const before = leader({ log: [1, 1] });
    expect(before.commitIndex).toBe(0);
    expect(play(before, from(n2, accepted(2, 3))).commitIndex).toBe(3);
  });
});

describe("§3.10 Leadership transfer extension", () => {
  test("§3.10: the prior leader stops accepting new client requests", () => {
    expect(take(play(inStep(), transferTo("n2")), propose(4))[1]).toEqual([]);
  });

  test("§3.10: the prior leader fully updates the target server's log to match its own, then sends a TimeoutNow request", () => {
    const state = play(leader({ log: [1] }), transferTo("n2"));
    expect(linesOf(state, from(n2, accepted(2, 1)))).not.toContain("to n2: TimeoutNow term 2");
    expect(linesOf(state, from(n2, accepted(2, 2)))).toContain("to n2: TimeoutNow term 2");
  });

  test("§3.10: TimeoutNow has the same effect as the target server's election timer firing: it starts a new election", () => {
    const target = play(follower({ self: n2, log: [2], leader: n1 }), from(n1, timeoutNow(2)));
    expect(target.role).toMatchObject({ kind: "preCandidate", transfer: true });
  });

  test("§3.10: the target's request includes its new term number, causing the prior leader to step down", () => {
    const prior = play(inStep(), transferTo("n2"));
    expect(play(prior, from(n2, requestVote(3, at(2, 2), true)))).toMatchObject({
      currentTerm: 3,
      role: { kind: "follower" },
    });
  });

  test("§3.10: if transfer does not complete after about an election timeout, the prior leader aborts and resumes accepting requests", () => {
    const state = take(play(inStep(), transferTo("n2")), from(n3, accepted(2, 2)), 1000)[0];
    const resumed = take(state, tick, 1300)[0];
    expect(asLeader(resumed).transfer).toBeNull();
    expect(linesOf(resumed, propose(4))).toContain("accept 1 from 3.2");
  });

  test("§3.10, Deviation: the target asks for pre-votes first, so that one that cannot win deposes nobody", () => {
    const target = play(follower({ self: n2, log: [2], leader: n1 }), from(n1, timeoutNow(2)));
    expect(target).toMatchObject({ currentTerm: 2, votedFor: null });
    expect(
      take(follower({ log: [2], leader: n1, self: n3 }), from(n2, preVote(3, at(1, 2), true)))[0].currentTerm,
    ).toBe(2);
  });
});

describe("§10.2.1 Writing to the leader's disk in parallel, and pipelining", () => {
  test("§10.2.1: the leader can write to its disk in parallel with replicating to the followers", () => {
    const [state, effects] = take(inStep(), propose(4));
    expect(effectsOf(effects, "sendEntries")).toHaveLength(2);
    expect(state.durability.persistedIndex).toBe(2);
    expect(state.log.last.index).toBe(3);
  });

  test("§10.2.1: if it has not been written to the leader's disk, it is committed once a majority of the followers have it", () => {
    const state = play(inStep(), propose(4), from(n2, accepted(2, 3)));
    expect(state.commitIndex).toBe(2);
    expect(play(state, from(n3, accepted(2, 3))).commitIndex).toBe(3);
    expect(play(state, persisted(state.durability.issued)).commitIndex).toBe(3);
  });

  test("§10.2.2: the leader updates nextIndex optimistically as soon as it has sent, and does not wait for the reply", () => {
    const state = play(inStep(), propose(4), propose(4));
    expect(replicatingOf(state, n2)).toMatchObject({ nextIndex: 5, matchIndex: 2 });
  });

  test("§10.2.2: pipelining is not used before the first request has succeeded: one at a time until nextIndex is known", () => {
    const [, effects] = take(leader({ log: [1] }), propose(4));
    expect(effectsOf(effects, "sendEntries")).toEqual([]);
  });

  test("§10.2.2: if an RPC is lost, later ones fail the consistency check, and the leader goes back to nextIndex", () => {
    const late = from(n2, append({ term: 2, prev: at(3, 2), entries: [noop(4, 2)] }));
    expect(linesOf(follower({ log: [1, 2], leader: n2 }), late)[0]).toContain("refused after 3");
    const state = play(inStep(), propose(4), propose(4));
    const back = play(state, from(n2, refused(2, { prevIndex: 3, conflict: at(3, 0), lastIndex: 2 })));
    expect(probingOf(back, n2).nextIndex).toBe(3);
  });

  test("§10.2.2: batching: entries that have collected by the time of a request go in one", () => {
    const [, effects] = take(inStep(), propose(4, 4, 4));
    expect(effectsOf(effects, "sendEntries").map(({ prev, through }) => through.index - prev.index)).toEqual([3, 3]);
  });
});

test("§3.4: a node that only asks is no leader of anything: what clients bring it is refused", () => {
  expect(linesOf(preCandidate(), propose(4))).toEqual(["refuse 1, leader unknown"]);
});
