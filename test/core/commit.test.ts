// When an entry is committed, and when it may be applied here.
import { describe, expect, test } from "bun:test";
import { followCommit } from "../../src/core/commit.ts";
import { effectsOf, elected, follower, leader, linesOf, play, take } from "./build.ts";
import { accepted, append, at, from, n1, n2, n3, n4, n5, persisted, propose } from "./say.ts";

describe("what a leader commits", () => {
  test("what a quorum has on disk, itself among them", () => {
    const state = play(leader({ log: [1] }), from(n2, accepted(2, 2)));
    expect(state).toMatchObject({ commitIndex: 2, appliedIndex: 2 });
  });

  test("P1: nothing of an earlier term by counting, however many hold it", () => {
    const state = play(leader({ log: [1, 1, 1] }), from(n2, accepted(2, 3)), from(n3, accepted(2, 3)));
    expect(state.commitIndex).toBe(0);
    const own = play(state, from(n2, accepted(2, 4)));
    expect(own.commitIndex).toBe(4);
  });

  test("P17: its own log only as far as it is on its own disk", () => {
    const state = leader({ log: [1], isDurable: false });
    const one = play(state, from(n2, accepted(2, 2)));
    expect(one.commitIndex).toBe(0);
    expect(play(one, persisted(state.durability.issued)).commitIndex).toBe(2);
  });

  test("P17: a cluster of one commits when its disk has it, and not before", () => {
    const alone = leader({ members: [n1], isDurable: false });
    expect(alone.commitIndex).toBe(0);
    expect(play(alone, persisted(2)).commitIndex).toBe(1);
  });

  test("§10.2.1: a quorum of followers commits without the leader's disk; it applies when its disk has it", () => {
    const state = leader({ log: [1], isDurable: false });
    const [committed, effects] = take(play(state, from(n2, accepted(2, 2))), from(n3, accepted(2, 2)));
    expect(committed).toMatchObject({ commitIndex: 2, appliedIndex: 1 });
    expect(effectsOf(effects, "apply")).toEqual([{ kind: "apply", after: 0, through: 1 }]);
    expect(linesOf(committed, persisted(2))).toEqual(["apply 2 through 2"]);
  });

  test("P15: of four nodes three must hold it", () => {
    const four = leader({ members: [n1, n2, n3, n4], matched: [[n2, 1]] });
    expect(four.commitIndex).toBe(0);
    expect(play(four, from(n3, accepted(1, 1))).commitIndex).toBe(1);
  });

  test("P15: the middle of unsorted progress", () => {
    const members = [n1, n2, n3, n4, n5];
    let state = play(leader({ members }), propose(4, 4, 4, 4));
    for (const [key, index] of [
      [n2, 5],
      [n3, 1],
      [n4, 3],
      [n5, 2],
    ] as const)
      state = play(state, from(key, accepted(1, index)));
    expect(state.commitIndex).toBe(2);
    expect(play(state, persisted(state.durability.issued)).commitIndex).toBe(3);
  });

  test("P39: in a joint configuration the lower of both majorities; learners do not count", () => {
    const members = [n1, n2, n3, n4, n5];
    const joint = leader({ members, configuration: { voters: [n1, n2], outgoing: [n1, n3, n4] } });
    const state = play(joint, from(n3, accepted(1, 1)), from(n4, accepted(1, 1)), from(n5, accepted(1, 1)));
    expect(state.commitIndex).toBe(0);
    expect(play(state, from(n2, accepted(1, 1))).commitIndex).toBe(1);
  });

  test("P18: a write that completes after re-election does not confirm the entries that took its place", () => {
    // Two entries of term 1 are on their way to the disk when another leader replaces them; then this node leads again.
    const first = play(leader({ members: [n1, n2, n3], isDurable: false }), propose(4));
    const [deposed] = take(
      first,
      from(n2, append({ term: 2, entries: [{ kind: "noop", index: 1, term: 2, stampMs: 0 }] })),
    );
    expect(deposed.log.last).toEqual(at(1, 2));
    const stale = play(deposed, persisted(3));
    expect(stale.durability.persistedIndex).toBe(0);
    expect(stale.log.last).toEqual(at(1, 2));
    const again = elected(play(stale, persisted(deposed.durability.issued)));
    expect(again.log.last).toEqual(at(2, 3));
    expect(play(again, from(n2, accepted(1, 2)), from(n3, accepted(2, 2))).commitIndex).toBe(0);
  });
});

describe("what is applied", () => {
  test("each entry once, in order, without a gap", () => {
    let state = leader({ log: [1] });
    const ranges: (readonly [number, number])[] = [];
    for (const event of [
      from(n2, accepted(2, 2)),
      from(n3, accepted(2, 2)),
      propose(4, 4),
      from(n2, accepted(2, 3)),
      from(n3, accepted(2, 4)),
      persisted(3),
      from(n2, accepted(2, 4)),
    ]) {
      const [after, effects] = take(state, event);
      ranges.push(...effectsOf(effects, "apply").map(({ after: last, through }) => [last + 1, through] as const));
      state = after;
    }
    expect(ranges).toEqual([
      [1, 2],
      [3, 4],
    ]);
  });

  test("P20: what is handed over begins where the last hand-over ended", () => {
    let state = follower({ log: [2, 2, 2, 2, 2, 2], leader: n2 });
    let next = 1;
    for (const commit of [1, 1, 4, 2, 6]) {
      const heartbeat = append({ term: 2, prev: at(6, 2), commit });
      const [after, effects] = take(state, from(n2, heartbeat));
      for (const { after: last, through } of effectsOf(effects, "apply")) {
        expect(last + 1).toBe(next);
        next = through + 1;
      }
      state = after;
    }
    expect(next).toBe(7);
  });
});

test("a follower's commitIndex follows the leader's as far as is verified, and never falls", () => {
  const state = follower({ log: [1, 1, 1, 1], commitIndex: 2 });
  expect(followCommit(state, 9, 3).commitIndex).toBe(3);
  expect(followCommit(state, 3, 9).commitIndex).toBe(3);
  expect(followCommit(state, 1, 9).commitIndex).toBe(2);
  expect(followCommit(state, 9, 1).commitIndex).toBe(2);
});

describe("P22: a new leader knows nothing to be committed before its no-op is", () => {
  test("P22: what an earlier leader committed is not applied on the new one's word alone", () => {
    const state = leader({ log: [1, 1, 1] });
    expect(state).toMatchObject({ commitIndex: 0, appliedIndex: 0 });
    expect(linesOf(state, from(n2, accepted(2, 4)))).toContain("apply 1 through 4");
  });

  test("P22: a command proposed before the no-op commits is committed with it, never earlier", () => {
    const state = play(leader({ log: [1] }), propose(4));
    expect(state.log.last).toEqual(at(3, 2));
    const held = play(state, from(n2, accepted(2, 1)), from(n3, accepted(2, 1)), persisted(state.durability.issued));
    expect(held.commitIndex).toBe(0);
    expect(linesOf(held, from(n2, accepted(2, 3)))).toContain("apply 1 through 3");
  });
});
