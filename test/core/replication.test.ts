// How a leader keeps its followers' logs in step: probing, pipelining, windows, back-off by term.
import { describe, expect, test } from "bun:test";
import type { SendEntries } from "../../src/core/effects.ts";
import { noClock } from "../../src/core/progress.ts";
import { defaultSettings } from "../../src/core/settings.ts";
import { asLeader, effectsOf, leader, linesOf, play, probingOf, progressOf, replicatingOf, take } from "./build.ts";
import { accepted, at, from, genesisOf, hello, n1, n2, n3, n4, propose, refused, tick, wiped } from "./say.ts";

const { electionTimeoutMs, heartbeatIntervalMs } = defaultSettings;

/** n1 leads term 2 with a log of 3; n2 and n3 have acknowledged all of it. */
const inStep = (settings = {}) =>
  leader({
    log: [1, 1],
    settings,
    matched: [
      [n2, 3],
      [n3, 3],
    ],
  });

const toN2 = (effects: Parameters<typeof effectsOf>[0]): readonly SendEntries[] =>
  effectsOf(effects, "sendEntries").filter(({ to }) => to === n2);
const rangesOf = (sent: readonly SendEntries[]): readonly (readonly [number, number])[] =>
  sent.map(({ prev, through }) => [prev.index + 1, through.index]);

describe("probing", () => {
  test("a new leader asks with its no-op, after the last entry it had", () => {
    const state = leader({ log: [1, 1] });
    expect(probingOf(state, n2)).toEqual({
      kind: "probing",
      nextIndex: 3,
      matchIndex: 0,
      matchedAfter: 0,
      heardMs: 800,
      ackedRound: 0,
      clock: noClock,
      fault: null,
      asked: true,
    });
  });

  test("one message at a time: proposals wait for the answer", () => {
    expect(linesOf(leader({ log: [1, 1] }), propose(4))).toEqual(["append 4.2 [3]", "accept 1 from 4.2"]);
  });

  test("an answer that agrees begins the pipeline with what has come meanwhile", () => {
    const state = play(leader({ log: [1, 1] }), propose(4, 4));
    const [after, effects] = take(state, from(n2, accepted(2, 3)));
    expect(rangesOf(toN2(effects))).toEqual([[4, 5]]);
    expect(replicatingOf(after, n2)).toMatchObject({
      nextIndex: 6,
      matchIndex: 3,
      inFlight: [{ through: 5, entries: 2 }],
    });
  });

  test("a probe is not sent again because time passes: on a slow link it may still be on its way", () => {
    let state = leader({ log: [1, 1], matched: [[n3, 3]] });
    for (let nowMs = 850; nowMs <= 2000 + electionTimeoutMs; nowMs += heartbeatIntervalMs) {
      state = play(state, from(n3, accepted(2, 3)));
      const [after, effects] = take(state, tick, nowMs);
      expect(toN2(effects).filter(({ prev, through }) => through.index > prev.index)).toEqual([]);
      state = after;
    }
  });

  test("a heartbeat behind the probe that is refused shows that the probe was lost: it is sent again at once", () => {
    const state = leader({ log: [1, 1], matched: [[n3, 3]] });
    const beats = toN2(take(state, tick, 850)[1]);
    expect(beats.map(({ prev, through }) => [prev.index, through.index])).toEqual([[3, 3]]);
    const lost = refused(2, { prevIndex: 3, conflict: at(3, 0), lastIndex: 2 });
    const [after, effects] = take(state, from(n2, lost));
    expect(toN2(effects).map(({ prev, through }) => [prev.index, through.index])).toEqual([[2, 3]]);
    expect(probingOf(after, n2)).toMatchObject({ nextIndex: 3, asked: true });
  });

  test("a heartbeat's answer shows as well where the logs agree", () => {
    const [after, effects] = take(leader({ log: [1, 1] }), from(n2, accepted(2, 2)));
    expect(rangesOf(toN2(effects))).toEqual([[3, 3]]);
    expect(replicatingOf(after, n2)).toMatchObject({ matchIndex: 2, nextIndex: 4 });
  });

  test("an answer below the point of the question leaves it a question: that disk is behind", () => {
    const state = play(leader({ log: [1, 1] }), from(n2, accepted(2, 1)));
    expect(probingOf(state, n2)).toMatchObject({ matchIndex: 1, nextIndex: 3 });
  });

  test("entries from before this start go one message at a time, as their sizes are not known", () => {
    const state = play(
      leader({ log: [1, 1, 1, 1] }),
      from(n2, refused(2, { prevIndex: 4, conflict: at(1, 0), lastIndex: 0 })),
    );
    expect(probingOf(state, n2)).toMatchObject({ nextIndex: 1, asked: true });
    const [after, effects] = take(state, from(n2, accepted(2, 2)));
    expect(rangesOf(toN2(effects))).toEqual([[3, 5]]);
    expect(probingOf(after, n2)).toMatchObject({ nextIndex: 3, matchIndex: 2 });
    expect(progressOf(play(after, from(n2, accepted(2, 4))), n2).kind).toBe("replicating");
  });
});

describe("pipelining", () => {
  test("messages follow each other without waiting for answers", () => {
    let state = inStep();
    const sent: (readonly [number, number])[] = [];
    for (let count = 0; count < 3; count++) {
      const [after, effects] = take(state, propose(4));
      sent.push(...rangesOf(toN2(effects)));
      state = after;
    }
    expect(sent).toEqual([
      [4, 4],
      [5, 5],
      [6, 6],
    ]);
    expect(replicatingOf(state, n2).inFlight.map(({ through }) => through)).toEqual([4, 5, 6]);
  });

  test("P20: what is sent is contiguous, message after message, also through a narrow window", () => {
    let state = inStep({ windowEntriesMax: 3 });
    let expected = 4;
    const events = [propose(4, 4), propose(4, 4, 4), propose(4)];
    for (const event of [...events, from(n2, accepted(2, 5)), from(n2, accepted(2, 7)), from(n2, accepted(2, 9))]) {
      const [after, effects] = take(state, event);
      for (const [first, last] of rangesOf(toN2(effects))) {
        expect(first).toBe(expected);
        expected = last + 1;
      }
      state = after;
    }
    expect(expected).toBe(10);
  });

  test("the window of entries bounds what is under way", () => {
    const state = play(inStep({ windowEntriesMax: 3 }), propose(4, 4, 4, 4, 4));
    expect(replicatingOf(state, n2)).toMatchObject({ nextIndex: 7, inFlight: [{ through: 6, entries: 3 }] });
    expect(linesOf(state, propose(4)).filter((line) => line.startsWith("to"))).toEqual([]);
    const [after, effects] = take(state, from(n2, accepted(2, 6)));
    expect(rangesOf(toN2(effects))).toEqual([[7, 8]]);
    expect(replicatingOf(after, n2).nextIndex).toBe(9);
  });

  test("the window of bytes bounds what is under way, overshot by one message at most", () => {
    const windowBytesMax = 3000;
    let state = inStep({ windowBytesMax, messageBytesMax: 1000 });
    for (let count = 0; count < 10; count++) state = play(state, propose(900));
    const { inFlight } = replicatingOf(state, n2);
    const bytes = inFlight.reduce((sum, sent) => sum + sent.bytes, 0);
    expect(inFlight.length).toBeGreaterThan(1);
    expect(bytes).toBeGreaterThanOrEqual(windowBytesMax);
    expect(bytes - inFlight.at(-1)!.bytes).toBeLessThan(windowBytesMax);
  });

  test("a message names no more than its bytes allow, so that what is counted as sent is sent", () => {
    const messageBytesMax = 1000;
    const [after, effects] = take(inStep({ messageBytesMax }), propose(400, 400, 400, 2000, 400));
    expect(rangesOf(toN2(effects))).toEqual([
      [4, 5],
      [6, 6],
      [7, 7],
      [8, 8],
    ]);
    expect(replicatingOf(after, n2).inFlight.map(({ bytes }) => bytes)).toEqual([896, 432, 2032, 432]);
  });

  test("an acknowledgement frees the window up to its index, in one step or in several", () => {
    const state = play(inStep(), propose(4), propose(4), propose(4));
    expect(replicatingOf(play(state, from(n2, accepted(2, 5))), n2).inFlight.map(({ through }) => through)).toEqual([
      6,
    ]);
    expect(replicatingOf(play(state, from(n2, accepted(2, 6))), n2).inFlight).toEqual([]);
  });

  test("a heartbeat asks after the end of what was sent; a refusal of it shows what got lost", () => {
    const state = play(inStep(), propose(4), propose(4));
    const [beating, effects] = take(state, tick, 850);
    expect(toN2(effects).map(({ prev, through }) => [prev.index, through.index])).toEqual([[5, 5]]);
    const loss = { prevIndex: 5, conflict: at(4, 0), lastIndex: 3 };
    const [after, resent] = take(beating, from(n2, refused(2, loss, asLeader(beating).round)));
    expect(rangesOf(toN2(resent))).toEqual([[4, 5]]);
    expect(probingOf(after, n2)).toMatchObject({ nextIndex: 4, matchIndex: 3 });
  });

  test("a follower whose missing entries have outgrown the known sizes is probed, not forgotten", () => {
    let state = play(inStep({ windowEntriesMax: 1 }), propose(4), propose(4));
    for (let count = 0; count < 300; count++) state = play(state, propose(60_000));
    expect(state.log.sizedAfter).toBeGreaterThan(5);
    const [after, effects] = take(state, from(n2, accepted(2, 4)));
    expect(rangesOf(toN2(effects))).toEqual([[5, 305]]);
    expect(probingOf(after, n2)).toMatchObject({ matchIndex: 4, nextIndex: 5 });
  });

  test("proposals that outgrow the known sizes in one step go out all the same", () => {
    const [after, effects] = take(inStep(), propose(...Array.from({ length: 300 }, () => 60_000)));
    expect(rangesOf(toN2(effects))).toEqual([[4, 303]]);
    expect(probingOf(after, n2)).toMatchObject({ matchIndex: 3, nextIndex: 4 });
  });

  test("an acknowledgement that overtakes a narrow window moves nextIndex along", () => {
    // The probe carries 4 to 9. The disk over there confirms 4 first, which opens the pipeline, and then all the others.
    const probed = play(inStep({ windowEntriesMax: 2 }), propose(4, 4, 4, 4, 4, 4), hello(n2, genesisOf(n1, n2, n3)));
    const state = play(probed, from(n2, accepted(2, 4)));
    expect(replicatingOf(state, n2).nextIndex).toBe(7);
    expect(replicatingOf(play(state, from(n2, accepted(2, 9))), n2)).toMatchObject({ matchIndex: 9, nextIndex: 10 });
  });
});

describe("back-off", () => {
  // The leader's log: 1 1 1 4 4 5 5 6 6 6 and its no-op of term 8 (figure 7 of the paper, follower by follower).
  const figure7 = () => leader({ log: [1, 1, 1, 4, 4, 5, 5, 6, 6, 6], term: 7 });
  const cases = [
    { title: "a: one entry short", conflict: at(10, 0), lastIndex: 9, next: 10 },
    { title: "b: far short", conflict: at(5, 0), lastIndex: 4, next: 5 },
    { title: "c, d: longer, but in agreement at 10", conflict: at(8, 6), lastIndex: 12, next: 10 },
    { title: "e: only entries of term 4 where the leader has 5 and 6", conflict: at(4, 4), lastIndex: 10, next: 6 },
    { title: "f: terms 2 and 3, which the leader never saw", conflict: at(7, 3), lastIndex: 11, next: 4 },
    {
      title: "a deposed leader's term 7, later than the leader's own there",
      conflict: at(4, 7),
      lastIndex: 11,
      next: 4,
    },
    { title: "f, had it been asked at 6: term 2", conflict: at(4, 2), lastIndex: 11, next: 4 },
  ] as const;
  for (const { title, conflict, lastIndex, next } of cases) {
    test(`${title}: back to ${next} in one step`, () => {
      const state = play(figure7(), from(n2, refused(8, { prevIndex: 10, conflict, lastIndex })));
      expect(probingOf(state, n2)).toMatchObject({ nextIndex: next, matchIndex: 0, asked: true });
    });
  }

  test("it never goes forward, and never back below what is acknowledged", () => {
    const forward = play(figure7(), from(n2, refused(8, { prevIndex: 10, conflict: at(50, 0), lastIndex: 49 })));
    expect(progressOf(forward, n2).nextIndex).toBe(10);
    const known = play(
      figure7(),
      from(n2, accepted(8, 4)),
      from(n2, refused(8, { prevIndex: 10, conflict: at(1, 0), lastIndex: 0 })),
    );
    expect(progressOf(known, n2).nextIndex).toBe(5);
  });

  test("P13: a late refusal changes nothing: not of what is acknowledged, not of a question no longer asked", () => {
    const state = play(inStep(), propose(4), propose(4), from(n2, accepted(2, 4)));
    for (const prevIndex of [3, 4, 6, 99]) {
      const [after] = take(state, from(n2, refused(2, { prevIndex, conflict: at(1, 1), lastIndex: 2 })));
      expect(progressOf(after, n2)).toEqual(progressOf(state, n2));
      expect(after.commitIndex).toBe(state.commitIndex);
    }
    const asking = figure7();
    for (const prevIndex of [3, 9, 11]) {
      const after = play(asking, from(n2, refused(8, { prevIndex, conflict: at(1, 1), lastIndex: 2 })));
      expect(probingOf(after, n2)).toEqual({
        ...probingOf(asking, n2),
        ackedRound: 1,
        clock: probingOf(after, n2).clock,
      });
    }
  });

  test("P13: matchIndex never falls: an older acknowledgement changes nothing", () => {
    const state = play(inStep(), propose(4), from(n2, accepted(2, 4)), from(n3, accepted(2, 4)));
    const after = play(state, from(n2, accepted(2, 2)));
    expect(progressOf(after, n2)).toEqual(progressOf(state, n2));
    expect(after.commitIndex).toBe(4);
  });
});

describe("who is heard", () => {
  test("an acknowledgement of another incarnation, a stranger or another term is nobody's", () => {
    const state = play(leader({ log: [1, 1], matched: [[n3, 2]], isDurable: true }), propose(4));
    const before = asLeader(state).progress;
    for (const [sender, reply] of [
      [wiped(n2), accepted(2, 4)],
      [n4, accepted(2, 4)],
      [n2, accepted(1, 4)],
    ] as const) {
      const after = play(state, from(sender, reply));
      expect(asLeader(after).progress).toEqual(before);
      expect(after.commitIndex).toBe(state.commitIndex);
    }
  });

  test("every answer shows that the follower lives, and the highest round it has heard", () => {
    const beating = take(inStep(), tick, 850)[0];
    const { round } = asLeader(beating);
    const after = take(beating, from(n2, accepted(2, 3, round)), 860)[0];
    expect(progressOf(after, n2)).toMatchObject({ heardMs: 860, ackedRound: round });
    expect(progressOf(play(after, from(n2, accepted(2, 3, 1))), n2)).toMatchObject({ ackedRound: round });
  });

  test("rounds rise with every message sent", () => {
    const [state, effects] = take(inStep(), propose(4));
    const rounds = [...effectsOf(effects, "sendEntries"), ...effectsOf(take(state, tick, 850)[1], "sendEntries")].map(
      ({ round }) => round,
    );
    expect(rounds).toEqual(rounds.map((_, offset) => rounds[0]! + offset));
  });

  test("an answer of a higher term ends this leadership", () => {
    const after = play(inStep(), from(n2, accepted(5, 0)));
    expect(after).toMatchObject({ currentTerm: 5, role: { kind: "follower", leader: null } });
  });

  test("a new connection: what was under way is sent again from the last acknowledgement on", () => {
    const state = play(inStep(), propose(4), propose(4), from(n2, accepted(2, 4)), propose(4));
    const [after, effects] = take(state, hello(n2, genesisOf(n1, n2, n3)));
    expect(rangesOf(toN2(effects))).toEqual([[5, 6]]);
    expect(probingOf(after, n2)).toMatchObject({ nextIndex: 5, matchIndex: 4 });
  });
});
