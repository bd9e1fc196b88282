// How old what a node knows is at the most: what the leader confirms of its followers' clocks and its own, and from when a
// node may believe it.
import { describe, expect, test } from "bun:test";
import { clockMsOf, freshest } from "../../src/core/freshness.ts";
import type { State } from "../../src/core/state.ts";
import { asLeader, effectsOf, follower, leader, play, progressOf, take } from "./build.ts";
import { accepted, append, at, commands, from, n1, n2, n3, n4, n5, persisted, propose, tick } from "./say.ts";

const roundOf = (state: State): number => asLeader(state).round;
const heartbeat = (state: State): State => take(state, tick, asLeader(state).heartbeatDueMs)[0];
/** `key` answers everything it has been sent, when its clock shows `clockMs`. */
const answers = (state: State, key: typeof n2, clockMs: number) =>
  from(key, accepted(state.currentTerm, 2, roundOf(state), clockMs));
/** What the next heartbeat says to `key` of its own clock. */
const toldTo = (state: State, key: typeof n2): number | null | undefined =>
  effectsOf(take(state, tick, asLeader(state).heartbeatDueMs)[1], "sendEntries").find(({ to }) => to === key)
    ?.freshAsOf;

describe("a leader tells a follower which time of its own clock is confirmed", () => {
  test("once a quorum has answered what was sent after that time was heard of", () => {
    const heard = play(leader({ log: [1], matched: [[n2, 2]] }), answers(leader({ log: [1] }), n3, 7000));
    expect(toldTo(heard, n3)).toBeNull();
    const sent = heartbeat(heard);
    expect(toldTo(sent, n3)).toBeNull();
    expect(toldTo(play(sent, answers(sent, n2, 100)), n3)).toBe(7000);
    expect(toldTo(play(sent, answers(sent, n3, 7050)), n3)).toBe(7000);
  });

  test("each its own, and later times as they are confirmed", () => {
    let state = leader({ log: [1], matched: [[n2, 2]] });
    for (const round of [1, 2, 3, 4]) {
      state = heartbeat(state);
      state = play(state, answers(state, n2, 100 * round), answers(state, n3, 7000 + 100 * round));
    }
    expect([toldTo(state, n2), toldTo(state, n3)]).toEqual([300, 7300]);
  });

  test("what is not confirmed does not move: answer upon answer would leave nothing to confirm", () => {
    let state = heartbeat(
      leader({
        log: [1],
        members: [n1, n2, n3, n4, n5],
        matched: [
          [n2, 2],
          [n3, 2],
        ],
      }),
    );
    state = play(state, answers(state, n4, 50));
    for (const clockMs of [100, 150, 200]) {
      state = heartbeat(state);
      state = play(state, answers(state, n4, clockMs));
    }
    expect(progressOf(state, n4).clock.mark?.clockMs).toBe(50);
    expect(toldTo(play(state, answers(state, n2, 1)), n4)).toBe(50);
  });

  test("P22: nothing before an entry of the leader's own term is committed", () => {
    let state = heartbeat(leader({ log: [1, 1] }));
    state = play(state, from(n3, accepted(2, 0, roundOf(state), 7000)));
    state = heartbeat(state);
    state = play(state, from(n2, accepted(2, 0, roundOf(state), 1)));
    expect(progressOf(state, n3).clock.mark?.clockMs).toBe(7000);
    expect(toldTo(state, n3)).toBeNull();
    expect(toldTo(play(state, from(n2, accepted(2, 3, roundOf(state), 2))), n3)).toBe(7000);
  });
});

describe("a follower", () => {
  const clock = follower().clockStartMs;
  const following = (): State => ({
    ...follower({ log: [1, 1, 1], leader: n2, verifiedIndex: 3, commitIndex: 2 }),
    nowMs: 600,
  });
  const told = (freshMs: number | null, commit: number) =>
    from(n2, append({ term: 1, prev: at(3, 1), commit, freshAsOf: freshMs === null ? null : clock + freshMs }));

  test("knows nothing before it is told", () => {
    expect(freshest(following())).toBeNull();
    expect(freshest(play(following(), told(null, 2)))).toBeNull();
  });

  test("believes it from when it has applied as far as the leader had committed", () => {
    expect(freshest(play(following(), told(500, 3)))).toEqual({ asOfMs: 500, index: 3 });
    const behind = play(
      following(),
      from(n2, append({ term: 1, prev: at(3, 1), entries: commands([1], 4), commit: 4, freshAsOf: clock + 500 })),
    );
    expect(freshest(behind)).toBeNull();
    expect(freshest(play(behind, persisted(1)))).toEqual({ asOfMs: 500, index: 4 });
  });

  test("under load still gets somewhere: a later promise does not push aside one that is about to be kept", () => {
    let state = play(following(), told(100, 3));
    state = play(
      state,
      from(n2, append({ term: 1, prev: at(3, 1), entries: commands([1], 4), commit: 4, freshAsOf: clock + 200 })),
    );
    state = play(
      state,
      from(n2, append({ term: 1, prev: at(4, 1), entries: commands([1], 5), commit: 5, freshAsOf: clock + 300 })),
    );
    expect(freshest(state)).toEqual({ asOfMs: 100, index: 3 });
    state = play(state, persisted(1));
    expect(freshest(state)).toEqual({ asOfMs: 200, index: 4 });
    state = play(state, persisted(2), told(400, 5));
    expect(freshest(state)).toEqual({ asOfMs: 400, index: 5 });
  });

  test("does not go back when an old message comes late", () => {
    expect(freshest(play(following(), told(500, 3), told(300, 3)))).toEqual({ asOfMs: 500, index: 3 });
  });

  test("P23: takes nothing for its own time that another start of it has said", () => {
    for (const stranger of [clock - 1000, clock + 601, 500]) {
      const message = append({ term: 1, prev: at(3, 1), commit: 3, freshAsOf: stranger });
      expect(freshest(play(following(), from(n2, message)))).toBeNull();
    }
    expect(follower({ seed: [9, 2, 3, 4] }).clockStartMs).not.toBe(clock);
  });

  test("sends its clock with every answer, and keeps what it knows when it follows nobody", () => {
    const [state, effects] = take(following(), told(500, 3));
    expect(effectsOf(effects, "send")[0]?.message).toMatchObject({ kind: "appendEntriesReply", clockMs: clock + 600 });
    expect(clockMsOf({ ...state, nowMs: 700.9 })).toBe(clock + 700);
    const standing = take(state, tick, 3000)[0];
    expect(freshest(play(standing, tick))).toEqual({ asOfMs: 500, index: 3 });
  });
});

describe("a leader of its own state", () => {
  test("counts from the last look at its clock that a quorum has confirmed", () => {
    const first = leader({ log: [1], matched: [[n2, 2]] });
    const sent = heartbeat({ ...first, nowMs: 1000 });
    const confirmed = play(sent, answers(sent, n3, 0));
    expect(freshest(confirmed)).toEqual({ asOfMs: 800, index: 2 });
    const written = play(confirmed, propose(4), persisted(3), from(n2, accepted(2, 3, roundOf(confirmed))));
    expect(freshest(written)).toEqual({ asOfMs: 800, index: 2 });
  });

  test("a lone voter's is never old", () => {
    const alone = { ...leader({ members: [n1] }), nowMs: 5000 };
    expect(freshest(alone)).toEqual({ asOfMs: 5000, index: 1 });
  });
});
