// A leader changes members: when a change begins, what it becomes in the log, and which answer it gets.
import { describe, expect, test } from "bun:test";
import type { MemberKey } from "../../src/core/configuration.ts";
import { describeConfiguration } from "../../src/core/describe-membership.ts";
import { latestConfiguration } from "../../src/core/log-terms.ts";
import type { State } from "../../src/core/state.ts";
import { asLeader, effectsOf, follower, leader, linesOf, play, preCandidate, progressOf, take } from "./build.ts";
import { accepted, append, at, change, from, learner, n1, n2, n3, n4, n5, noop, persisted, preVote } from "./say.ts";
import { propose, requestVote, tick, transferTo, type Untimed, voter } from "./say.ts";

const all = [n1, n2, n3, n4, n5];

/** n1 leads term 2; its no-op, at 2, is committed. */
const leading = (members: readonly MemberKey[] = [n1, n2, n3]): State =>
  leader({ log: [1], members, matched: members.slice(1).map((key) => [key, 2]) });

/** The log of `key` is as far as the leader's, durably, and so is the leader's own. */
const acked = (state: State, ...keys: readonly MemberKey[]): readonly Untimed[] => [
  persisted(state.durability.issued),
  ...keys.map((key) => from(key, accepted(state.currentTerm, state.log.last.index, asLeader(state).round))),
];
const settledBy = (state: State, ...events: readonly Untimed[]): readonly object[] => {
  let next = state;
  return events.flatMap((event) => {
    const [after, effects] = take(next, event);
    next = after;
    return effectsOf(effects, "changeSettled").map(({ outcome }) => outcome);
  });
};
const inForce = (state: State): string => describeConfiguration(latestConfiguration(state.log)!);

describe("a change begins", () => {
  test("at once, when the leader is at rest: the configuration is in force with its entry (§4.1)", () => {
    expect(linesOf(leading(), change({ remove: ["n3"] }))).toEqual([
      "append 3.2 (voters n1 n2; were n1 n2 n3; leaving n3) [3]",
      "to n2: entries term 2 after 2.2 through 3.2, commit 2",
      "to n3: entries term 2 after 2.2 through 3.2, commit 2",
    ]);
  });

  test("P37: not before an entry of the leader's own term is committed", () => {
    const fresh = play(leader({ log: [1] }), change({ remove: ["n3"] }));
    expect(fresh.log.last.index).toBe(2);
    expect(asLeader(fresh).administration.queue).toHaveLength(1);
    expect(inForce(play(fresh, ...acked(fresh, n2)))).toContain("were n1 n2 n3");
  });

  test("P38: not before the previous one is complete, its joint phase included", () => {
    const first = play(leading(all), change({ remove: ["n5"] }), { ...change({ remove: ["n4"] }), ref: 2 } as Untimed);
    expect(first.log.last.index).toBe(3);
    const joint = play(first, ...acked(first, n2, n3));
    expect(inForce(joint)).toBe("voters n1 n2 n3 n4");
    const complete = play(joint, ...acked(joint, n2, n3));
    expect(inForce(complete)).toBe("voters n1 n2 n3; were n1 n2 n3 n4; leaving n4");
  });

  test("not while leadership is handed over: then it waits, and goes on if that fails", () => {
    const behind = play(leading(), propose(4), transferTo("n3"), change({ remove: ["n2"] }));
    expect(behind.log.last.index).toBe(3);
    const [heard] = take(play(behind, persisted(3)), from(n2, accepted(2, 3)), behind.nowMs + 400);
    const [resumed] = take(heard, tick, behind.nowMs + 500);
    expect(inForce(resumed)).toContain("leaving n2");
  });

  test("only if the configuration is the expected one", () => {
    expect(settledBy(leading(), change({ remove: ["n3"] }, 7))).toEqual([{ kind: "conflict", index: 0 }]);
    expect(linesOf(leading(), change({ remove: ["n3"] }, 0))[0]).toContain("append 3.2");
  });

  test("never on a node that does not lead, which names the leader", () => {
    const notLeader = (key: MemberKey | null) => [{ kind: "notLeader", leader: key }];
    expect(settledBy(follower({ log: [1], leader: n2 }), change({ remove: ["n3"] }))).toEqual(notLeader(n2));
    expect(settledBy(preCandidate({ log: [1] }), change({ remove: ["n3"] }))).toEqual(notLeader(null));
  });

  test("and no more of them wait than 64", () => {
    let state = leader({ log: [1] });
    for (let ref = 1; ref <= 64; ref++) state = play(state, { ...change({ remove: ["n3"] }), ref } as Untimed);
    expect(settledBy(state, { ...change({ remove: ["n3"] }), ref: 65 } as Untimed)).toEqual([
      { kind: "refused", reason: { kind: "tooManyChanges", max: 64 } },
    ]);
  });

  test("nor are more of them begun and not complete, however often the same is asked", () => {
    let state = play(leading(), change({ add: [voter(n4)] }));
    state = play(state, ...acked(state, n2, n3));
    for (let ref = 2; ref <= 64; ref++) state = play(state, { ...change({ promote: ["n4"] }), ref } as Untimed);
    expect(asLeader(state).administration.begun).toHaveLength(64);
    expect(settledBy(state, { ...change({ promote: ["n4"] }), ref: 65 } as Untimed)).toEqual([
      { kind: "refused", reason: { kind: "tooManyChanges", max: 64 } },
    ]);
  });

  test("what cannot be is refused, and the next one has its turn", () => {
    const waiting = play(leader({ log: [1] }), change({ remove: ["n9"] }), {
      ...change({ demote: ["n3"] }),
      ref: 2,
    } as Untimed);
    expect(settledBy(waiting, ...acked(waiting, n2))).toEqual([
      { kind: "refused", reason: { kind: "unknownMember", name: "n9" } },
    ]);
    expect(inForce(play(waiting, ...acked(waiting, n2)))).toBe("voters n1 n2; were n1 n2 n3");
  });
});

describe("P39: the joint configuration decides by both majorities", () => {
  const joint = play(leading(all), change({ remove: ["n4", "n5"], add: [] }));

  test("P39: a majority of the new voters is not enough, nor one of the old", () => {
    const three = play(joint, persisted(joint.durability.issued), from(n4, accepted(2, 3)), from(n5, accepted(2, 3)));
    expect(three.commitIndex).toBe(2);
    const both = play(three, from(n2, accepted(2, 3)));
    expect(both.commitIndex).toBe(3);
    expect(inForce(both)).toBe("voters n1 n2 n3");
  });

  test("P39: learners are never counted", () => {
    const learning = play(leading([n1, n2, n3]), change({ add: [learner(n4), learner(n5)] }));
    const heard = play(
      learning,
      persisted(learning.durability.issued),
      from(n4, accepted(2, 3)),
      from(n5, accepted(2, 3)),
    );
    expect(heard.commitIndex).toBe(2);
  });

  test("a later leader that finds it in its log ends it, once an entry of its own term is committed", () => {
    const outgoing = [n1, n2, n3];
    const later = leader({ log: [1], configuration: { voters: [n1, n2], outgoing, leaving: [n3] } });
    expect(inForce(later)).toContain("were n1 n2 n3");
    expect(inForce(play(later, ...acked(later, n2)))).toBe("voters n1 n2");
  });
});

test("the quorum of a new configuration has an election timeout to answer, whoever was silent before", () => {
  const silent = { ...leading(), nowMs: 1250 };
  const [heard] = take(silent, from(n2, accepted(2, 2)));
  const joint = take(heard, change({ demote: ["n2"] }))[0];
  expect(take(joint, tick, 1700)[0].role.kind).toBe("leader");
  expect(take(joint, tick, 1750)[0].role.kind).toBe("follower");
});

describe("who is followed", () => {
  test("a newcomer from its entry on; it is asked where its log agrees", () => {
    const state = play(leading(), change({ add: [learner(n4)] }));
    expect(progressOf(state, n4)).toMatchObject({ kind: "probing", nextIndex: 3, matchIndex: 0 });
  });

  test("leadership is handed only to those who vote in the configuration to come", () => {
    const joint = play(leading(), change({ demote: ["n3"] }));
    expect(linesOf(joint, transferTo("n3"))).toContain("transfer: n3 is not a voter of this cluster");
    const learning = play(leading(), change({ add: [learner(n4)] }));
    expect(linesOf(learning, transferTo("n4"))).toContain("transfer: n4 is not a voter of this cluster");
    // The best prepared of those that stay, though n3 has the longer log.
    const ahead = play(joint, from(n3, accepted(2, 3)), transferTo(null));
    expect(asLeader(ahead).transfer?.target).toBe(n2);
  });
});

describe("a change is answered", () => {
  test("when its last configuration is committed", () => {
    const joint = play(leading(), change({ remove: ["n3"] }));
    const last = play(joint, ...acked(joint, n2));
    expect(settledBy(last, ...acked(last, n2))).toEqual([{ kind: "done", index: 4 }]);
  });

  test("when the learner votes, and twice if two have asked for it", () => {
    const added = play(leading(), change({ add: [voter(n4)] }));
    let state = play(added, ...acked(added, n2), { ...change({ promote: ["n4"] }), ref: 2 } as Untimed);
    const outcomes: object[] = [];
    for (let turn = 0; turn < 4; turn++) {
      [state] = take(state, tick, state.nowMs + 50);
      const answers = acked(state, n2, n4);
      outcomes.push(...settledBy(state, ...answers));
      state = play(state, ...answers);
    }
    const done = { kind: "done", index: 5 };
    expect(outcomes).toEqual([done, done]);
  });

  test("that it was withdrawn, when a later one has removed the learner", () => {
    const waiting = play(leading(), change({ add: [voter(n4)] }));
    const removing = play(waiting, ...acked(waiting, n2), { ...change({ remove: ["n4"] }), ref: 2 } as Untimed);
    expect(settledBy(removing, ...acked(removing, n2))).toEqual([
      { kind: "refused", reason: { kind: "withdrawn", id: "n4" } },
      { kind: "done", index: 4 },
    ]);
  });

  test("that nobody knows, when leadership is lost meanwhile; one that had not begun may be tried elsewhere", () => {
    const begun = play(leading(), change({ remove: ["n3"] }), { ...change({ remove: ["n2"] }), ref: 2 } as Untimed);
    expect(settledBy(begun, from(n2, append({ term: 9, prev: at(2, 2), entries: [noop(3, 9)] })))).toEqual([
      { kind: "unknown" },
      { kind: "notLeader", leader: n2 },
    ]);
  });
});

describe("P40: a leader that leaves", () => {
  const joint = play(leading(), change({ remove: ["n1"] }));
  const last = play(joint, ...acked(joint, n2, n3));

  test("P40: does not count itself any more", () => {
    expect(inForce(last)).toBe("voters n2 n3");
    const one = play(last, ...acked(last, n2));
    expect(one).toMatchObject({ commitIndex: 3, role: { kind: "leader" } });
  });

  test("P40: steps down when that is committed, not before, and asks a voter to take over", () => {
    const [after, effects] = take(play(last, ...acked(last, n2)), from(n3, accepted(2, 4, asLeader(last).round)));
    expect(after.role.kind).toBe("follower");
    expect(effectsOf(effects, "send").map(({ to, message }) => [to, message.kind])).toEqual([[n2, "timeoutNow"]]);
    expect(effectsOf(effects, "sendEntries").map(({ leaderCommit }) => leaderCommit)).toEqual([4, 4]);
    expect(after.removed?.position).toEqual(at(4, 2));
  });

  test("P40: asks it also when a command has followed that nobody has acknowledged yet", () => {
    const loaded = play(last, persisted(last.durability.issued), propose(4));
    const committed = play(loaded, from(n2, accepted(2, 4, asLeader(loaded).round)));
    const [after, effects] = take(committed, from(n3, accepted(2, 4, asLeader(committed).round)));
    expect([after.role.kind, after.log.last.index, after.commitIndex]).toEqual(["follower", 5, 4]);
    expect(effectsOf(effects, "send").map(({ to, message }) => [to, message.kind])).toEqual([[n2, "timeoutNow"]]);
  });

  test("P40: one that only learns from now on steps down as well, and is not removed", () => {
    const demoting = play(leading(), change({ demote: ["n1"] }));
    const learning = play(demoting, ...acked(demoting, n2, n3));
    const after = play(learning, ...acked(learning, n2, n3));
    expect(after).toMatchObject({ role: { kind: "follower" }, removed: null });
  });

  test("P40: deposed before it is committed it stands again: its log may be the one that is needed", () => {
    const deposed = play(last, from(n2, requestVote(3, at(1, 1), true)));
    expect(deposed.role.kind).toBe("follower");
    const due = deposed.role.kind === "follower" ? deposed.role.electionDueMs : 0;
    const [standing, effects] = take(deposed, tick, due);
    expect(standing.role.kind).toBe("preCandidate");
    expect(effectsOf(effects, "send").map(({ to }) => to)).toEqual([n2, n3]);
    // Its own vote is not among those that count.
    expect(standing.role.kind === "preCandidate" && standing.role.granted).toEqual([]);
  });

  test("P10: learners answer when they are asked for a vote, and never stand", () => {
    const configuration = { voters: [n1, n2] };
    const asked = follower({ self: n3, log: [1], configuration });
    expect(linesOf(asked, from(n2, preVote(2, at(1, 1))))).toEqual(["to n2: RequestPreVoteReply for term 2: granted"]);
    expect(play(asked, from(n2, requestVote(2, at(1, 1)))).votedFor).toBe(n2);
    expect(take(asked, tick, 10_000)[0].role.kind).toBe("follower");
    expect(take(take(asked, tick, 10_000)[0], tick, 20_000)[1]).toEqual([]);
  });
});

describe("a node that was removed, whose removal the log no longer holds", () => {
  test("P9: is taken as a learner; it answers nothing, so it is never promoted and nothing waits for it", () => {
    const begun = play(leading(), change({ add: [voter(n4)] }));
    const added = play(begun, ...acked(begun, n2, n3));
    expect(added.commitIndex).toBe(added.log.last.index);
    // The node itself knows of its removal, durably, and hears nothing.
    let state = added;
    for (let round = 0; round < 40; round += 1) {
      const proposed = play({ ...state, nowMs: state.nowMs + 250 }, propose(4));
      state = play(proposed, ...acked(proposed, n2, n3));
    }
    expect(state.commitIndex).toBe(state.log.last.index);
    expect(state.role.kind).toBe("leader");
    expect(latestConfiguration(state.log)?.voters).toEqual([n1, n2, n3]);
    const removing = play(state, { ...change({ remove: ["n4"] }), ref: 2 } as Untimed);
    expect(latestConfiguration(removing.log)?.members.map(({ key }) => key)).toEqual([n1, n2, n3]);
  });
});
