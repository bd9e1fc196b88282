// How leadership moves on purpose: choosing the target, bringing it up to date, holding proposals, giving up.
import { describe, expect, test } from "bun:test";
import { clockMsOf } from "../../src/core/freshness.ts";
import { nextDeadlineMs } from "../../src/core/deadline.ts";
import { defaultSettings } from "../../src/core/settings.ts";
import type { State } from "../../src/core/state.ts";
import { asLeader, effectsOf, follower, leader, linesOf, play, preCandidate, take } from "./build.ts";
import {
  accepted,
  append,
  at,
  commands,
  fitness,
  from,
  n1,
  n2,
  n3,
  n4,
  persisted,
  preVote,
  preVoteReply,
} from "./say.ts";
import { propose, requestVote, tick, timeoutNow, transferTo, voteReply } from "./say.ts";

const { electionTimeoutMs, heartbeatIntervalMs } = defaultSettings;

/** n1 leads term 2 with a log of 2; n2 has all of it and n3 nothing. */
const leading = (more: Parameters<typeof leader>[0] = {}) => leader({ log: [1], matched: [[n2, 2]], ...more });

describe("who can be handed leadership", () => {
  const members = [n1, n2, n3, n4];
  const configuration = { voters: [n1, n2, n3] };
  const cases = [
    { title: "the leader itself: done already", to: "n1", line: "transfer: done" },
    { title: "a stranger", to: "n9", line: "transfer: n9 is not a voter of this cluster" },
    { title: "a learner", to: "n4", line: "transfer: n4 is not a voter of this cluster" },
    { title: "a voter that is up to date", to: "n2", line: "to n2: TimeoutNow term 2" },
    { title: "the best prepared", to: null, line: "to n2: TimeoutNow term 2" },
  ] as const;
  for (const { title, to, line } of cases) {
    test(title, () => expect(linesOf(leading({ members, configuration }), transferTo(to))).toEqual([line]));
  }

  test("nobody, when no other voter that could lead has answered lately, or there is none", () => {
    expect(linesOf(leading(), transferTo(null), 800 + electionTimeoutMs)).toEqual([
      "transfer: no other voter that could lead has answered lately",
    ]);
    expect(linesOf(leader({ members: [n1] }), transferTo(null))).toEqual([
      "transfer: no other voter that could lead has answered lately",
    ]);
  });

  test("the longest log wins, and among equals the preferred voter", () => {
    const preferring = { members: [n1, n2, n3].map((key) => ({ key, address: "", priority: key === n3 ? 5 : 0 })) };
    const matched = [[n2, 2]] as const;
    expect(linesOf(leading({ configuration: preferring }), transferTo(null))).toEqual(["to n2: TimeoutNow term 2"]);
    const equal = leading({ configuration: preferring, matched: [...matched, [n3, 2]] });
    expect(linesOf(equal, transferTo(null))).toEqual(["to n3: TimeoutNow term 2"]);
  });

  test("P71: never one that no other node can dial, by name or without", () => {
    const state = play(
      leading({
        matched: [
          [n2, 2],
          [n3, 1],
        ],
      }),
      fitness([n2, "hidden"]),
    );
    expect(linesOf(state, transferTo("n2"))).toEqual(["transfer: n2 cannot lead well: no other voter can dial it"]);
    expect(asLeader(play(state, transferTo(null))).transfer).toMatchObject({ target: n3 });
    const alone = play(leading(), fitness([n2, "hidden"], [n3, "hidden"]));
    expect(linesOf(alone, transferTo(null))).toEqual(["transfer: no other voter that could lead has answered lately"]);
    // Clients reach a leader whose state machine has stopped, and would not reach this one.
    const worse = play(leading(), fitness([n1, "stateMachine"], [n2, "hidden"]));
    expect(linesOf(worse, transferTo("n2"))).toEqual(["transfer: n2 cannot lead well: no other voter can dial it"]);
  });

  test("one that would lead worse only when it is not named and there is no other", () => {
    const state = play(
      leading({
        matched: [
          [n2, 2],
          [n3, 1],
        ],
      }),
      fitness([n2, "stateMachine"]),
    );
    expect(linesOf(state, transferTo("n2"))).toEqual([
      "transfer: n2 cannot lead well: its state machine has stopped or hangs, or it has not said yet that it got past the entry at which another one did",
    ]);
    expect(asLeader(play(state, transferTo(null))).transfer).toMatchObject({ target: n3 });
    const alone = play(state, fitness([n2, "stateMachine"], [n3, "stateMachine"]));
    expect(linesOf(alone, transferTo(null))).toEqual(["to n2: TimeoutNow term 2"]);
    const noWorse = play(leading(), fitness([n1, "space"], [n2, "space"]));
    expect(linesOf(noWorse, transferTo("n2"))).toEqual(["to n2: TimeoutNow term 2"]);
  });

  test("only a leader hands over; others say who leads", () => {
    expect(linesOf(follower({ leader: n3 }), transferTo("n2"))).toEqual(["transfer: this node does not lead, n3 does"]);
    expect(linesOf(preCandidate(), transferTo("n2"))).toEqual(["transfer: this node does not lead"]);
  });
});

describe("handing over", () => {
  test("a target that lags is brought up to date first, and told once", () => {
    const state = play(leading(), transferTo("n3"));
    expect(asLeader(state).transfer).toMatchObject({ target: n3, timeoutNowSent: false });
    expect(linesOf(state, from(n3, accepted(2, 1)))).not.toContain("to n3: TimeoutNow term 2");
    const [told, effects] = take(state, from(n3, accepted(2, 2)));
    expect(effectsOf(effects, "send").map(({ message }) => message)).toEqual([timeoutNow(2)]);
    expect(linesOf(told, from(n3, accepted(2, 2)))).toEqual([]);
  });

  test("the answers of others do not set it off", () => {
    const state = play(leader({ log: [1] }), transferTo("n3"));
    expect(linesOf(state, from(n2, accepted(2, 2)))).toEqual(["apply 1 through 2"]);
  });

  test("each answer names the request that it answers, in whichever order the answers come", () => {
    const state = play(leading(), transferTo("n3", 7));
    expect(effectsOf(take(state, transferTo("n2", 8))[1], "transferSettled")).toMatchObject([{ ref: 8 }]);
    const late = take(state, tick, asLeader(state).transfer!.dueMs)[1];
    expect(effectsOf(late, "transferSettled")).toMatchObject([{ ref: 7, outcome: { kind: "timedOut" } }]);
    const stood = play(leading(), transferTo("n2", 9), from(n2, requestVote(3, at(2, 2), true)));
    const over = take(stood, from(n2, append({ term: 3, prev: at(2, 2) })))[1];
    expect(effectsOf(over, "transferSettled")).toMatchObject([{ ref: 9, outcome: { kind: "done" } }]);
  });

  test("a second transfer is refused while one is under way, also to the same node", () => {
    const state = play(leading(), transferTo("n3"));
    for (const to of ["n2", "n3", null]) {
      expect(linesOf(state, transferTo(to))).toEqual(["transfer: another transfer is under way"]);
    }
    expect(linesOf(state, transferTo("n1"))).toEqual(["transfer: done"]);
  });

  test("proposals are held meanwhile: neither appended nor refused", () => {
    const [state, effects] = take(play(leading(), transferTo("n2")), propose(4, 4));
    expect(effects).toEqual([]);
    expect(asLeader(state).transfer?.held.map(({ ref }) => ref)).toEqual([1, 2]);
    expect(state.log.last).toEqual(at(2, 2));
  });

  test("when the target stands, what was held goes back with its name, and the transfer is not done yet", () => {
    const state = play(leading(), transferTo("n2"), propose(4));
    expect(linesOf(state, from(n2, requestVote(3, at(2, 2), true)))).toEqual([
      "refuse 1, leader n2",
      "write term 3, vote none [3]",
      "write term 3, vote n2 [4]",
    ]);
  });

  /** n2 has stood for election in term 3, and n1 has given it its vote. */
  const stood = () => play(leading(), transferTo("n2"), from(n2, requestVote(3, at(2, 2), true)));

  test("it is done when the target leads, and says who leads when another one does, or this node itself", () => {
    const heard = append({ term: 3, prev: at(2, 2) });
    expect(linesOf(stood(), from(n2, heard))).toContain("transfer: done");
    expect(linesOf(stood(), from(n3, append({ term: 4, prev: at(2, 2) })))).toContain("transfer: n3 leads instead");
    expect(linesOf(play(stood(), from(n2, heard)), from(n3, append({ term: 4, prev: at(2, 2) })))).not.toContain(
      "transfer: done",
    );
    const again = { ...leading(), handingOver: { ref: 1, target: n2, dueMs: 1e9 } };
    expect(linesOf(again, tick, again.nowMs + 1)).toContain("transfer: n1 leads instead");
    // A newer leader's first message may be what ends the leadership.
    const told = play(leading(), transferTo("n2"));
    expect(linesOf(told, from(n2, heard))).toContain("transfer: done");
    expect(linesOf(told, from(n3, append({ term: 3, prev: at(2, 2) })))).toContain("transfer: n3 leads instead");
  });

  test("any higher term does not make it done: without a leader it ends after two election timeouts, once", () => {
    const state = stood();
    const dueMs = state.nowMs + 2 * electionTimeoutMs;
    expect(nextDeadlineMs({ ...state, role: { ...state.role, electionDueMs: 1e9 } } as State)).toBe(dueMs);
    expect(linesOf(state, tick, dueMs - 1).filter((line) => line.startsWith("transfer"))).toEqual([]);
    const [late, effects] = take(state, tick, dueMs);
    expect(effectsOf(effects, "transferSettled")).toMatchObject([{ outcome: { kind: "timedOut" } }]);
    expect(linesOf(late, tick, dueMs + 1).filter((line) => line.startsWith("transfer"))).toEqual([]);
  });

  test("when the target does not take over in an election timeout, the leader takes what it held", () => {
    const state = play(
      leading({
        matched: [
          [n2, 2],
          [n3, 2],
        ],
      }),
      transferTo("n2"),
      propose(4),
    );
    const dueMs = asLeader(state).transfer!.dueMs;
    expect(dueMs).toBe(800 + electionTimeoutMs);
    const heard = take(state, from(n3, accepted(2, 2)), dueMs - 1)[0];
    const [after, effects] = take(heard, tick, dueMs);
    expect(effectsOf(effects, "transferSettled")).toEqual([
      { kind: "transferSettled", ref: 1, outcome: { kind: "timedOut" } },
    ]);
    expect(effectsOf(effects, "proposalsAccepted")).toEqual([
      { kind: "proposalsAccepted", refs: [1], first: at(3, 2) },
    ]);
    expect(asLeader(after).transfer).toBeNull();
    expect(linesOf(after, transferTo("n3"))).toEqual([]);
  });

  test("a leader that loses its quorum meanwhile has not handed over", () => {
    const state = play(take(leading(), transferTo("n2"), 850)[0], propose(4));
    expect(linesOf(state, tick, 800 + electionTimeoutMs)).toEqual([
      "refuse 1, leader n2",
      "transfer: this node does not lead",
    ]);
  });

  test("a higher term before the target was told is not a hand-over", () => {
    const state = play(leading(), transferTo("n3"), propose(4));
    expect(linesOf(state, from(n2, append({ term: 7, prev: at(2, 2) }))).slice(0, 2)).toEqual([
      "refuse 1, leader n2",
      "transfer: this node does not lead, n2 does",
    ]);
  });
});

describe("the target", () => {
  const target = () => follower({ self: n2, log: [1, 2], leader: n1 });

  test("stands at once, with a pre-vote that lifts stickiness", () => {
    expect(linesOf(target(), from(n1, timeoutNow(2)))).toEqual([
      "to n1: RequestPreVote term 3, last 2.2 (transfer)",
      "to n3: RequestPreVote term 3, last 2.2 (transfer)",
    ]);
  });

  test("carries the flag into its candidacy", () => {
    const state = play(target(), from(n1, timeoutNow(2)), from(n3, preVoteReply(3, 2, true)));
    expect(linesOf(state, persisted(1))).toEqual([
      "to n1: RequestVote term 3, last 2.2 (transfer)",
      "to n3: RequestVote term 3, last 2.2 (transfer)",
    ]);
  });

  test("a TimeoutNow of another term, or of another node than the leader, is ignored", () => {
    for (const [sender, term] of [
      [n1, 1],
      [n1, 3],
      [n3, 2],
    ] as const) {
      expect(take(target(), from(sender, timeoutNow(term)))).toEqual([target(), []]);
    }
    expect(linesOf(preCandidate({ self: n2, log: [2] }), from(n1, timeoutNow(2)))).toEqual([]);
  });

  test("a learner does not stand, asked or not", () => {
    const learner = follower({ self: n2, log: [2], leader: n1, configuration: { voters: [n1, n3] } });
    const [after, effects] = take(learner, from(n1, timeoutNow(2)));
    expect(effects).toEqual([]);
    expect(after.role.kind).toBe("follower");
  });

  test("a heartbeat of the leader that asked it does not call it back: it answers, claims nothing and stands on", () => {
    const standing = play(target(), from(n1, timeoutNow(2)));
    const [after, effects] = take(
      standing,
      from(n1, append({ term: 2, prev: at(2, 2), round: 8 })),
      heartbeatIntervalMs,
    );
    expect(after.role).toEqual(standing.role);
    expect(effectsOf(effects, "send").map(({ to, message }) => [to, message])).toEqual([
      [n1, accepted(2, 0, 8, clockMsOf(after))],
    ]);
    expect(play(after, from(n3, preVoteReply(3, 2, true))).role.kind).toBe("candidate");
  });

  test("entries of that leader do: it has given up handing over", () => {
    const standing = play(target(), from(n1, timeoutNow(2)));
    const after = play(standing, from(n1, append({ term: 2, prev: at(2, 2), entries: commands([2], 3) })));
    expect(after.role).toMatchObject({ kind: "follower", leader: n1 });
    expect(after.log.last).toEqual(at(3, 2));
  });

  test("its first wait over, it stands like any other: a second attempt lifts nothing", () => {
    const standing = play(target(), from(n1, timeoutNow(2)));
    const lines = linesOf(standing, tick, 2 * electionTimeoutMs);
    expect(lines).toEqual(["to n1: RequestPreVote term 3, last 2.2", "to n3: RequestPreVote term 3, last 2.2"]);
  });
});

describe("the others", () => {
  test("a pre-vote and a vote of a transfer are given although the leader lives", () => {
    const state = follower({ self: n3, log: [1, 2], leader: n1 });
    expect(linesOf(state, from(n2, preVote(3, at(2, 2))))).toEqual([
      "to n2: RequestPreVoteReply for term 3: refused, term 2",
    ]);
    expect(linesOf(state, from(n2, preVote(3, at(2, 2), true)))).toEqual([
      "to n2: RequestPreVoteReply for term 3: granted",
    ]);
    expect(linesOf(state, from(n2, requestVote(3, at(2, 2))))).toEqual([]);
    expect(linesOf(state, from(n2, requestVote(3, at(2, 2), true)))).toHaveLength(2);
  });

  test("the flag lifts stickiness and nothing else: an outdated log is refused", () => {
    const state = follower({ self: n3, log: [1, 2], leader: n1 });
    expect(linesOf(state, from(n2, preVote(3, at(1, 1), true)))).toEqual([
      "to n2: RequestPreVoteReply for term 3: refused, term 2",
    ]);
    const [after] = take(state, from(n2, requestVote(3, at(1, 1), true)));
    expect(after).toMatchObject({ currentTerm: 3, votedFor: null });
  });

  test("the old leader's vote counts for the target: two nodes are enough", () => {
    const pair = [n1, n2];
    const old = play(leader({ members: pair, log: [1], matched: [[n2, 2]] }), transferTo("n2"));
    expect(linesOf(old, from(n2, preVote(3, at(2, 2), true)))).toEqual([
      "to n2: RequestPreVoteReply for term 3: granted",
    ]);
    let target = play(follower({ self: n2, members: pair, log: [1, 2], leader: n1 }), from(n1, timeoutNow(2)));
    target = play(target, from(n1, preVoteReply(3, 2, true)), persisted(1), from(n1, voteReply(3, true)));
    expect(target.role.kind).toBe("leader");
  });
});
