// What a leader does because it leads: heartbeats, and stepping down without a quorum.
import { describe, expect, test } from "bun:test";
import { defaultSettings } from "../../src/core/settings.ts";
import { asLeader, effectsOf, leader, linesOf, play, take } from "./build.ts";
import { accepted, at, change, from, n1, n2, n3, n4, propose, refused, tick } from "./say.ts";

const { electionTimeoutMs, heartbeatIntervalMs } = defaultSettings;

describe("heartbeats", () => {
  test("go to everyone when an interval has passed, at an index that each should have by then", () => {
    const state = leader({ log: [1], matched: [[n2, 2]] });
    expect(linesOf(state, tick, 850)).toEqual([
      "to n2: heartbeat term 2 at 2.2, commit 2",
      "to n3: heartbeat term 2 at 2.2, commit 2",
    ]);
    const after = take(state, tick, 850)[0];
    expect(asLeader(after).heartbeatDueMs).toBe(850 + heartbeatIntervalMs);
    expect(linesOf(after, tick, 899)).toEqual([]);
  });

  test("are no sooner for a tick that comes too soon", () => {
    const state = leader();
    expect(take(state, tick, 849)).toEqual([{ ...state, nowMs: 849 }, []]);
  });

  test("do not reach below the log's base, of which nothing can be read: the snapshot is offered in their place", () => {
    const state = leader({ snapshot: at(5, 1), log: [1] });
    const behind = play(state, from(n2, refused(2, { prevIndex: 6, conflict: at(3, 0), lastIndex: 2 })));
    const lines = linesOf(behind, tick, 850);
    expect(lines).toContain("to n2: InstallSnapshot term 2: through 5.1");
    expect(lines.filter((line) => line.startsWith("to n2: entries"))).toEqual([]);
  });
});

describe("stepping down (§6.2)", () => {
  test("an election timeout after a quorum last answered, within its term and with its vote", () => {
    const state = leader({ log: [1], matched: [[n2, 2]] });
    expect(take(state, tick, 799 + electionTimeoutMs)[0].role.kind).toBe("leader");
    const [after, effects] = take(state, tick, 800 + electionTimeoutMs);
    expect(after).toMatchObject({ currentTerm: 2, votedFor: n1, role: { kind: "follower", leader: null } });
    expect(effects).toEqual([]);
  });

  test("one answer of a quorum is enough, and one short of a quorum is not", () => {
    const members = [n1, n2, n3, n4];
    const heard = (...keys: readonly (typeof n1)[]) => {
      const later = { ...leader({ members }), nowMs: 1200 };
      return take(play(later, ...keys.map((key) => from(key, accepted(1, 1)))), tick, 800 + electionTimeoutMs)[0];
    };
    expect(heard(n2, n3).role.kind).toBe("leader");
    expect(heard(n2).role.kind).toBe("follower");
    expect(heard().role.kind).toBe("follower");
  });

  test("a refusal is an answer too: that node lives", () => {
    const state = { ...leader({ log: [1] }), nowMs: 1200 };
    const after = play(state, from(n2, refused(2, { prevIndex: 1, conflict: at(1, 0), lastIndex: 0 })));
    expect(take(after, tick, 1600)[0].role.kind).toBe("leader");
  });

  test("P39: joint: both halves must answer", () => {
    const configuration = { voters: [n1, n2], outgoing: [n1, n3, n4] };
    const state = { ...leader({ members: [n1, n2, n3, n4], configuration }), nowMs: 1200 };
    const half = play(state, from(n3, accepted(1, 1)));
    expect(take(half, tick, 1300)[0].role.kind).toBe("follower");
    expect(take(play(half, from(n2, accepted(1, 1))), tick, 1300)[0].role.kind).toBe("leader");
  });

  test("alone in its cluster a leader never steps down", () => {
    expect(take(leader({ members: [n1] }), tick, 1e9)[0].role.kind).toBe("leader");
  });
});

describe("P52: a leader that was asleep", () => {
  const asleepUntil = (nowMs: number) => take(leader({ log: [1], matched: [[n2, 2]] }), tick, nowMs);

  test("P52: does not hold its own silence against the others: it asks, and gives the answers a moment", () => {
    const [woken, effects] = asleepUntil(60_000);
    expect(asLeader(woken).graceUntilMs).toBe(60_000 + heartbeatIntervalMs);
    expect(effectsOf(effects, "sendEntries").length).toBeGreaterThanOrEqual(2);
    const answered = take(woken, from(n2, accepted(2, 2)), 60_010)[0];
    expect(take(answered, tick, 60_000 + heartbeatIntervalMs)[0].role.kind).toBe("leader");
  });

  test("P52: steps down when the moment passes without an answer: it is given once", () => {
    const [woken] = asleepUntil(60_000);
    expect(take(woken, tick, 60_000 + heartbeatIntervalMs)[0].role.kind).toBe("follower");
    expect(take(woken, tick, 99_000)[0].role.kind).toBe("follower");
  });

  test("P52: after an answer a second sleep is met with a second moment", () => {
    const answered = take(asleepUntil(60_000)[0], from(n2, accepted(2, 2)), 60_010)[0];
    const [again] = take(answered, tick, 90_000);
    expect(asLeader(again).graceUntilMs).toBe(90_000 + heartbeatIntervalMs);
  });

  test("P52: also when it fell asleep with a new quorum, which it had given an election timeout", () => {
    const joint = play(leader({ log: [1], matched: [[n2, 2]] }), change({ demote: ["n3"] }));
    const dueMs = asLeader(joint).graceUntilMs;
    expect(take(joint, tick, dueMs)[0].role.kind).toBe("follower");
    const [woken] = take(joint, tick, 60_000);
    expect(asLeader(woken).graceUntilMs).toBe(60_000 + heartbeatIntervalMs);
    expect(take(woken, tick, 60_000 + heartbeatIntervalMs)[0].role.kind).toBe("follower");
  });

  test("P52: what clients ask of it meanwhile is appended but not committed before a quorum answers", () => {
    const [woken] = asleepUntil(60_000);
    const state = play(woken, propose(4), { kind: "persisted", ticket: woken.durability.issued + 1 });
    expect(state.commitIndex).toBe(woken.commitIndex);
    expect(play(state, from(n3, accepted(7, 0)))).toMatchObject({ currentTerm: 7, role: { kind: "follower" } });
  });
});
