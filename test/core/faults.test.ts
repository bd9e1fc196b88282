// Which followers count for nothing? core/faults.ts.
import { describe, expect, test } from "bun:test";
import { quorumDueMs } from "../../src/core/deadline.ts";
import { describeEffect } from "../../src/core/describe.ts";
import type { Effect } from "../../src/core/effects.ts";
import type { State } from "../../src/core/state.ts";
import { asLeader, effectsOf, leader, linesOf, play, progressOf, take } from "./build.ts";
import { accepted, at, from, n1, n2, n3, persisted, propose, read, refused, transferTo, voter, change } from "./say.ts";

/** Leads term 2 with five entries, and both followers have acknowledged all of them; 40 rounds have been sent. */
function leading(): State {
  const state = leader({
    log: [1, 1, 1, 1],
    matched: [
      [n2, 5],
      [n3, 5],
    ],
  });
  return afterRound(state, 40);
}

/** As many rounds have been sent as this. */
const afterRound = (state: State, round: number): State => ({ ...state, role: { ...asLeader(state), round } });

const short = { prevIndex: 5, conflict: at(4, 0), lastIndex: 3 };
const abstaining = (message: ReturnType<typeof accepted>) =>
  message.kind === "appendEntriesReply" ? { ...message, refill: 77 } : message;

describe("P59: a follower whose log ends below what it acknowledged", () => {
  test("is found out by a refusal of a round that was sent after the acknowledgement", () => {
    const [state, effects] = take(leading(), from(n2, refused(2, short, 20)));
    expect(progressOf(state, n2).fault).toEqual({ kind: "lost", confirmed: 5, lastIndex: 3 });
    expect(effectsOf(effects, "followerFault").map(describeEffect)).toEqual([
      "n2 has acknowledged through 5 and its log ends at 3: its disk has lost the rest; it does not count",
    ]);
  });

  test("is not accused by a refusal that was sent before the acknowledgement and comes late (P13)", () => {
    const before = leading();
    const { matchedAfter } = progressOf(before, n2);
    const [state, effects] = take(before, from(n2, refused(2, short, matchedAfter)));
    expect(progressOf(state, n2)).toMatchObject({ fault: null, matchIndex: 5 });
    expect(effectsOf(effects, "followerFault")).toEqual([]);
  });

  test("is not accused when its log holds what it acknowledged and lacks more", () => {
    const state = play(leading(), propose(4), from(n2, refused(2, { ...short, prevIndex: 6, lastIndex: 5 }, 20)));
    expect(progressOf(state, n2).fault).toBeNull();
  });

  test("counts again when its log holds all of it again, as when its right disk is put back", () => {
    const found = play(leading(), from(n2, refused(2, short, 20)));
    const [state, effects] = take(found, from(n2, accepted(2, 5, 30)));
    expect(progressOf(state, n2).fault).toBeNull();
    expect(effectsOf(effects, "followerFault").map(({ fault }) => fault)).toEqual([null]);
    expect(progressOf(play(found, from(n2, accepted(2, 4, 30))), n2).fault).not.toBeNull();
  });

  test("is said once, and told with each message what it has confirmed", () => {
    const found = play(leading(), from(n2, refused(2, short, 20)));
    const [state, effects] = take(found, from(n2, refused(2, short, 22)));
    expect(effectsOf(effects, "followerFault")).toEqual([]);
    const { heartbeatDueMs } = asLeader(state);
    const [, sent] = take(state, { kind: "tick" }, heartbeatDueMs);
    const confirmed = effectsOf(sent, "sendEntries").map(({ to, confirmed: index }) => [to, index]);
    expect(confirmed).toEqual([
      [n2, 5],
      [n3, 5],
    ]);
  });
});

describe("a follower that does not count", () => {
  const lost = (): State => play(leading(), from(n2, refused(2, short, 20)), from(n3, refused(2, short, 20)));

  test("commits nothing", () => {
    const state = play(lost(), propose(4), from(n2, accepted(2, 6, 22)));
    expect(state.commitIndex).toBe(5);
  });

  test("confirms no read", () => {
    const [waiting] = take(lost(), read());
    const [, effects] = take(waiting, from(n2, abstaining(accepted(2, 5, 30))));
    expect(effectsOf(effects, "readReady")).toEqual([]);
  });

  test("is no contact with a quorum", () => {
    const state = play(leading(), from(n2, refused(2, short, 20)));
    expect(quorumDueMs(state, asLeader(state))).toBeGreaterThan(state.nowMs);
    const alone = play(state, from(n3, refused(2, short, 20)));
    expect(quorumDueMs(alone, asLeader(alone))).toBe(asLeader(alone).graceUntilMs);
  });

  test("is not handed leadership, neither by name nor by choice", () => {
    const state = play(leading(), from(n2, refused(2, short, 20)));
    expect(linesOf(state, transferTo("n2"))).toEqual(["transfer: no other voter that could lead has answered lately"]);
    expect(linesOf(state, transferTo(null))).toContain("to n3: TimeoutNow term 2");
    expect(linesOf(lost(), transferTo(null))).toContain("transfer: no other voter that could lead has answered lately");
  });

  test("is not promoted", () => {
    const n4 = voter(n1.replace("n1", "n4") as typeof n1);
    const adding = play(leading(), change({ add: [n4] }));
    const caughtUp = (count: number): State =>
      Array.from({ length: 3 }).reduce<State>(
        (state) => play(state, from(n4.key, abstaining(accepted(2, state.log.last.index, asLeader(state).round)))),
        play(adding, propose(count)),
      );
    expect(caughtUp(4).log.configurations.at(-1)?.configuration.voters).toEqual([n1, n2, n3]);
  });
});

describe("a follower that refills itself", () => {
  /** Found out in round 40, and 60 have been sent since. */
  const refilling = (): State =>
    afterRound(play(leading(), from(n2, abstaining(refused(2, { ...short, lastIndex: 0 }, 20)))), 60);

  test("is sent the log from where its own ends, and does not count", () => {
    const message = abstaining(refused(2, { ...short, lastIndex: 0 }, 20));
    const [state, effects] = take(leading(), from(n2, message));
    expect(effectsOf(effects, "followerFault").map(describeEffect)).toEqual([
      "n2 has lost a part of its data and copies it anew; it does not count until it holds the whole log",
    ]);
    expect(effectsOf(effects, "sendEntries")).toMatchObject([
      { to: n2, prev: at(0, 0), confirmed: 0, refill: { id: 77, through: 5 } },
    ]);
    expect(progressOf(state, n2)).toMatchObject({
      matchIndex: 0,
      fault: { kind: "refilling", id: 77, through: 5, afterRound: 40 },
    });
  });

  test("counts again once it says so", () => {
    const copied = play(refilling(), from(n2, abstaining(accepted(2, 5, 42))), propose(4));
    const whole = play(copied, persisted(copied.durability.issued));
    expect(play(whole, from(n2, abstaining(accepted(2, 6, 43)))).commitIndex).toBe(5);
    const [state, effects] = take(whole, from(n2, accepted(2, 6, 43)));
    expect(effectsOf(effects, "followerFault").map(describeEffect)).toEqual([
      "n2 holds its whole log again and counts",
    ]);
    expect(state.commitIndex).toBe(6);
  });

  test("is not made to count by an acknowledgement from before its loss that comes late", () => {
    const [state, effects] = take(refilling(), from(n2, accepted(2, 5, 20)));
    expect(progressOf(state, n2)).toMatchObject({ matchIndex: 0, fault: { kind: "refilling" } });
    expect(effectsOf(effects, "followerFault")).toEqual([]);
  });
});

describe("P60: a follower with another history", () => {
  const diverged = { kind: "diverged", at: at(5, 2), chain: 11, leaderChain: 22 } as const;
  const found = (): readonly [State, readonly Effect[]] =>
    take(
      leading(),
      from(n2, { kind: "appendEntriesReply", term: 2, round: 21, clockMs: 0, refill: null, outcome: diverged }),
    );

  test("does not count, and both checksums are said", () => {
    const [state, effects] = found();
    expect(progressOf(state, n2).fault).toEqual({
      kind: "diverged",
      at: at(5, 2),
      here: 22,
      there: 11,
      afterRound: 40,
    });
    expect(effectsOf(effects, "followerFault").map(describeEffect)).toEqual([
      "n2 has another history than this leader at 5.2: checksum 11 there, 22 here; it does not count",
    ]);
    expect(play(state, propose(4), from(n2, accepted(2, 6, 22))).commitIndex).toBe(5);
  });

  test("counts again when its log equals the leader's in a later round: its right disk was put back", () => {
    const [state] = found();
    expect(progressOf(play(state, from(n2, accepted(2, 5, 40))), n2).fault).not.toBeNull();
    const later = afterRound(state, 60);
    expect(progressOf(play(later, from(n2, accepted(2, 4, 50))), n2).fault).not.toBeNull();
    const [again, effects] = take(later, from(n2, accepted(2, 5, 50)));
    expect(progressOf(again, n2).fault).toBeNull();
    expect(effectsOf(effects, "followerFault").map(({ fault }) => fault)).toEqual([null]);
  });
});
