// When a leader appends a tick: once replicated time reaches what the state machine asks for, not twice, and not too often.
import { describe, expect, test } from "bun:test";
import { nextDeadlineMs } from "../../src/core/deadline.ts";
import type { Effect } from "../../src/core/effects.ts";
import type { Entry } from "../../src/core/entry.ts";
import type { State } from "../../src/core/state.ts";
import { startOver } from "../../src/core/start-over.ts";
import { tickPauseMs } from "../../src/core/ticks.ts";
import { asLeader, effectsOf, elected, follower, leader, play, take } from "./build.ts";
import {
  accepted,
  fitness,
  foundedAtMs,
  from,
  n1,
  n2,
  n3,
  persisted,
  propose,
  tick,
  transferTo,
  type Untimed,
} from "./say.ts";

const matched = [
  [n2, 2],
  [n3, 2],
] as const;
/** It leads since 800 ms, when replicated time was `base`. */
const base = foundedAtMs + 1;
const leading = leader({ log: [1], matched });

const asks = (atMs: number | null, through = 0): Untimed => ({
  kind: "wake",
  wake: atMs === null ? null : { atMs, through },
});
const appendedBy = (effects: readonly Effect[]): readonly Entry[] =>
  effectsOf(effects, "appendLog").flatMap(({ entries }) => entries);
const ticksAt = (state: State, nowMs: number): readonly Entry[] => appendedBy(take(state, tick, nowMs)[1]);

describe("a leader whose state machine asks to be woken", () => {
  test("looks at its clock when that time comes, and appends a tick then, with a stamp that has reached it", () => {
    const asked = play(leading, asks(base + 20));
    expect(nextDeadlineMs(asked)).toBe(820);
    expect(ticksAt(asked, 819.9)).toEqual([]);
    const [ticked, effects] = take(asked, tick, 820);
    expect(appendedBy(effects)).toEqual([{ kind: "tick", index: 3, term: 2, stampMs: base + 20 }]);
    expect(effectsOf(effects, "sendEntries").length).toBe(2);
    expect(ticked.log.last.index).toBe(3);
  });

  test("appends it with that very stamp, also where the clock falls short of it by a rounding", () => {
    const sinceMs = 800.1;
    const asked = play({ ...leading, nowMs: sinceMs, role: { ...asLeader(leading), sinceMs } }, asks(base + 7));
    const dueMs = nextDeadlineMs(asked);
    expect(ticksAt(asked, dueMs).map(({ stampMs }) => stampMs)).toEqual([base + 7]);
  });

  test("appends it at once where time has come already", () => {
    const asked = play(take(leading, propose(1), 840)[0], asks(base + 5, 0));
    const past = { ...asked, role: { ...asLeader(asked), stirring: null } };
    expect(nextDeadlineMs(past)).toBe(840);
    expect(ticksAt(past, 840).length).toBe(1);
  });

  test("appends none for a state machine that asks for nothing any more, as one that has stopped", () => {
    const asked = play(leading, asks(base + 20), asks(null));
    expect(ticksAt(asked, 845)).toEqual([]);
    expect(nextDeadlineMs(asked)).toBe(850);
  });

  test("appends none while its disk is nearly full", () => {
    expect(ticksAt(play(leading, asks(base + 20), fitness([n1, "space"])), 845)).toEqual([]);
  });

  test("appends none while it hands over, and one when that is given up", () => {
    const giving = take(play(leading, asks(base + 20)), transferTo("n2"), 810)[0];
    expect(ticksAt(giving, 845)).toEqual([]);
    const heard = play(take(giving, tick, 1100)[0], from(n2, accepted(2, 2)), from(n3, accepted(2, 2)));
    expect(ticksAt(heard, 1310).map(({ kind }) => kind)).toEqual(["tick"]);
  });
});

describe("a tick is not repeated", () => {
  const ticked = take(play(leading, asks(base + 20)), tick, 820)[0];

  test("while it is on its way to the state machine", () => {
    expect(ticksAt(ticked, 845)).toEqual([]);
    // What the state machine reports meanwhile is older.
    const applied = { ...ticked, appliedIndex: 2, commitIndex: 2 };
    expect(ticksAt(play(applied, asks(base + 21, 2)), 845).length).toBe(1);
    expect(ticksAt(play(applied, asks(base + 20, 2)), 845)).toEqual([]);
  });

  test("nor where a command is on its way that has reached that time", () => {
    const asked = play(leading, asks(base + 20));
    expect(ticksAt(take(asked, propose(1), 820)[0], 845)).toEqual([]);
    expect(ticksAt(take(asked, propose(1), 819)[0], 845).length).toBe(1);
  });

  test("within ten milliseconds, for a state machine that asks for the past again and again", () => {
    const applied = play(ticked, persisted(ticked.durability.issued), from(n2, accepted(2, 3)));
    expect(applied.appliedIndex).toBe(3);
    const again = play(applied, asks(base + 21, 3));
    expect(nextDeadlineMs(again)).toBe(820 + tickPauseMs);
    expect(ticksAt(again, 820 + tickPauseMs - 0.1)).toEqual([]);
    expect(ticksAt(again, 820 + tickPauseMs).length).toBe(1);
  });
});

describe("when it is to be woken is known", () => {
  test("to a new leader, whose state machine has asked while it followed", () => {
    const following = play(follower({ log: [1] }), asks(base + 20));
    const state = elected(following);
    expect(nextDeadlineMs(state)).toBe(820);
    expect(ticksAt(state, 820).map(({ kind }) => kind)).toEqual(["tick"]);
  });

  test("after a full disk: the state machine runs on", () => {
    const asked = play(leading, asks(base + 20));
    expect(startOver(asked, follower({ log: [1] }))[0].wake).toEqual({ atMs: base + 20, through: 0 });
  });
});

test("anybody else lets time go on", () => {
  const state = play(follower({ log: [1], leader: n2 }), asks(base + 20));
  expect(appendedBy(take(state, tick, 790)[1])).toEqual([]);
});
