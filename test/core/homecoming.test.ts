// Leadership lives where the priority is highest: it moves there once, and stays.
import { describe, expect, test } from "bun:test";
import type { MemberKey } from "../../src/core/configuration.ts";
import type { Effect } from "../../src/core/effects.ts";
import type { State } from "../../src/core/state.ts";
import { asLeader, effectsOf, leader, play, take } from "./build.ts";
import { accepted, change, from, genesisOf, n1, n2, n3, requestVote, tick, transferTo } from "./say.ts";

const timeoutMs = 500;

const withPriorities = (...priorities: readonly number[]) => ({
  members: genesisOf(n1, n2, n3).members.map((member, at) => ({ ...member, priority: priorities[at] ?? 0 })),
});

/** n1 leads term 2, and has a log of 2. */
const leading = (...priorities: readonly number[]): State =>
  leader({
    log: [1],
    configuration: withPriorities(...priorities),
    matched: [
      [n2, 2],
      [n3, 2],
    ],
  });

/** Life goes on for so many election timeouts; `heard` answer each heartbeat. */
function live(state: State, timeouts: number, heard: readonly MemberKey[] = [n2, n3]): [State, Effect[]] {
  let next = state;
  const effects: Effect[] = [];
  for (const endMs = state.nowMs + timeouts * timeoutMs; next.nowMs < endMs && next.role.kind === "leader";) {
    const [ticked, sent] = take(next, tick, next.nowMs + 50);
    effects.push(...sent);
    next = ticked;
    for (const key of heard) {
      if (next.role.kind !== "leader") break;
      const [after, more] = take(next, from(key, accepted(2, 2, asLeader(next).round)));
      effects.push(...more);
      next = after;
    }
  }
  return [next, effects];
}
const asked = (effects: readonly Effect[]): readonly MemberKey[] =>
  effectsOf(effects, "send").flatMap(({ to, message }) => (message.kind === "timeoutNow" ? [to] : []));

describe("a leader hands over to a voter of higher priority", () => {
  test("once that one has been in step and heard for a while, and not soon after the election", () => {
    const [early, nothing] = live(leading(0, 0, 1), 9);
    expect(asked(nothing)).toEqual([]);
    expect(asked(live(early, 2)[1])).toEqual([n3]);
  });

  test("of several to the most preferred", () => {
    expect(asked(live(leading(0, 1, 2), 11)[1])).toEqual([n3]);
  });

  test("and tells nobody, since nobody has asked", () => {
    const [state] = live(leading(0, 0, 1), 10.2);
    const won = take(state, from(n3, requestVote(3, state.log.last, true)));
    expect(effectsOf(won[1], "transferSettled")).toEqual([]);
    expect(won[0].role.kind).toBe("follower");
  });

  test("one attempt in ten election timeouts, however it fails", () => {
    const attempts = asked(live(leading(0, 0, 1), 45)[1]);
    expect(attempts).toEqual([n3, n3, n3, n3]);
  });
});

describe("it stays where it is", () => {
  const stays: readonly (readonly [string, readonly number[]])[] = [
    ["among equals", [1, 1, 1]],
    ["at the highest priority", [2, 1, 0]],
  ];
  for (const [name, priorities] of stays) {
    test(name, () => expect(asked(live(leading(...priorities), 30)[1])).toEqual([]));
  }

  test("while the preferred one is silent, or only learns", () => {
    expect(asked(live(leading(0, 0, 1), 30, [n2])[1])).toEqual([]);
    const learning = leader({
      log: [1],
      configuration: { ...withPriorities(0, 0, 1), voters: [n1, n2] },
      matched: [[n2, 2]],
    });
    expect(asked(live(learning, 30)[1])).toEqual([]);
  });

  test("when the preferred one comes and goes", () => {
    let state = leading(0, 0, 1);
    for (let turn = 0; turn < 10; turn++) {
      const [there, attempts] = live(state, 4);
      const [gone, others] = live(there, 2, [n2]);
      expect(asked([...attempts, ...others])).toEqual([]);
      state = gone;
    }
  });

  test("while a change of the members is under way", () => {
    const state = play(live(leading(0, 0, 1), 9.5)[0], change({ demote: ["n2"] }));
    expect(asked(live(state, 3, [n3])[1])).toEqual([]);
  });
});

test("an administrator's wish comes first, and gets its answer", () => {
  const [state] = live(leading(0, 0, 1), 10.2);
  expect(asLeader(state).transfer).toMatchObject({ target: n3, isOwnIdea: true });
  const wished = play(state, transferTo("n2"));
  expect(asLeader(wished).transfer).toMatchObject({ target: n2, isOwnIdea: false });
  const [, effects] = take(wished, from(n2, requestVote(3, state.log.last, true)));
  expect(effectsOf(effects, "transferSettled")).toMatchObject([{ outcome: { kind: "done" } }]);
});
