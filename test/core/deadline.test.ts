// When the node must look at its clock again: never in a busy loop, never too late for ever.
import { describe, expect, test } from "bun:test";
import { nextDeadlineMs } from "../../src/core/deadline.ts";
import type { State } from "../../src/core/state.ts";
import {
  asFollower,
  asking,
  asLeader,
  asPreCandidate,
  candidate,
  follower,
  leader,
  play,
  preCandidate,
  starting,
  take,
} from "./build.ts";
import { restore } from "../../src/core/restore.ts";
import { accepted, append, at, crashed, from, n1, n2, n3, noop, persisted, propose, tick, transferTo } from "./say.ts";
import { saved } from "./build.ts";

describe("what a node waits for", () => {
  test("a follower, a pre-candidate and a candidate: their election", () => {
    expect(nextDeadlineMs(follower())).toBe(800);
    expect(nextDeadlineMs(preCandidate())).toBe(asPreCandidate(preCandidate()).electionDueMs);
    for (const state of [candidate(), asking()]) {
      expect(state.role.kind === "candidate" && state.role.electionDueMs).toBe(nextDeadlineMs(state));
    }
  });

  test("a leader: its next heartbeat, the end of its quorum or of a hand-over, whichever comes first", () => {
    const state = leader({ log: [1] });
    expect(nextDeadlineMs(state)).toBe(850);
    const slow = leader({ log: [1], settings: { heartbeatIntervalMs: 9999 } });
    expect(nextDeadlineMs(slow)).toBe(800 + 500);
    const alone = leader({ members: [n1], settings: { heartbeatIntervalMs: 9999 } });
    expect(nextDeadlineMs(alone)).toBe(800 + 500);
    const pair = leader({ log: [1], settings: { heartbeatIntervalMs: 9999 }, matched: [[n2, 2]] });
    const handing = play({ ...pair, nowMs: 900 }, from(n3, accepted(2, 1)), transferTo("n3"), from(n2, accepted(2, 2)));
    expect(asLeader(handing).transfer?.dueMs).toBe(1400);
    expect(nextDeadlineMs(play({ ...handing, nowMs: 1100 }, from(n2, accepted(2, 2))))).toBe(1400);
  });

  test("a founder that has heard everyone: now. One that has not: nothing but a hello", () => {
    const bootstrap = [{ id: "n1", address: "n1:1" }];
    const fresh = { ...saved(), genesis: null };
    const alone = restore(fresh, starting({ bootstrap, nowMs: 70 }));
    expect(nextDeadlineMs(alone)).toBe(70);
    const waiting = restore(fresh, starting({ bootstrap: [...bootstrap, { id: "n2", address: "n2:1" }] }));
    expect(nextDeadlineMs(waiting)).toBe(Number.POSITIVE_INFINITY);
    expect(nextDeadlineMs(restore(fresh, starting()))).toBe(Number.POSITIVE_INFINITY);
  });

  test("the wait for an election is drawn from [T, 2T), anew each time", () => {
    let state = follower({ log: [1], leader: n2 });
    const waits = new Set<number>();
    for (let round = 0; round < 200; round++) {
      state = play(state, from(n2, append({ term: 1, prev: at(1, 1), round })));
      const wait = asFollower(state).electionDueMs - state.nowMs;
      expect(wait).toBeGreaterThanOrEqual(500);
      expect(wait).toBeLessThan(1000);
      waits.add(wait);
    }
    expect(waits.size).toBe(200);
    expect(Math.min(...waits)).toBeLessThan(550);
    expect(Math.max(...waits)).toBeGreaterThan(950);
  });
});

describe("a tick at the deadline always moves it: no busy loop, and no end of time while there is a genesis", () => {
  const starts: Readonly<Record<string, () => State>> = {
    "a follower": () => follower({ log: [1] }),
    "a follower of a silent leader": () => follower({ log: [1], leader: n2 }),
    "a follower whose leader has crashed": () => play(follower({ log: [1], leader: n2 }), crashed(n2)),
    "a learner whose leader has crashed": () =>
      play(follower({ log: [1], leader: n2, configuration: { voters: [n2, n3] } }), crashed(n2)),
    "a learner": () => follower({ configuration: { voters: [n2, n3] } }),
    "a candidate whose disk never answers": () => candidate(),
    "a candidate whom nobody answers": () => asking(),
    "a leader whom nobody answers": () => leader(),
    "a leader whom one node answers": () => leader({ matched: [[n2, 1]] }),
    "a leader that hands over to a dead node": () => play(leader({ matched: [[n2, 1]] }), transferTo("n3"), propose(4)),
    "a leader alone": () => leader({ members: [n1] }),
    "a follower whose disk owes an acknowledgement": () =>
      play(follower({ leader: n2, term: 1 }), from(n2, append({ term: 1, entries: [noop(1, 1)] }))),
  };
  for (const [name, start] of Object.entries(starts)) {
    for (const lateMs of [0, 30, 200, 5000]) {
      test(`${name}, each tick ${lateMs} ms late`, () => {
        let state = start();
        for (let ticks = 0; ticks < 200; ticks++) {
          const dueMs = nextDeadlineMs(state);
          expect(Number.isFinite(dueMs)).toBe(true);
          state = take(state, tick, Math.max(state.nowMs, dueMs) + lateMs)[0];
          expect(nextDeadlineMs(state)).toBeGreaterThan(state.nowMs);
        }
      });
    }
  }

  test("a lone founder too: its tick writes the genesis", () => {
    const alone = restore({ ...saved(), genesis: null }, starting({ bootstrap: [{ id: "n1", address: "n1:1" }] }));
    const founded = take(alone, tick)[0];
    expect(founded.genesis).not.toBeNull();
    expect(nextDeadlineMs(founded)).toBeGreaterThan(founded.nowMs);
    expect(take(play(founded, persisted(1)), tick, nextDeadlineMs(founded))[0].role.kind).toBe("candidate");
  });
});
