// Leadership lives where the priority is highest: it moves there once, and stays.
import { describe, expect, test } from "bun:test";
import type { MemberKey } from "../../src/core/configuration.ts";
import type { Effect } from "../../src/core/effects.ts";
import type { Impediment } from "../../src/core/impediment.ts";
import type { State } from "../../src/core/state.ts";
import { asLeader, effectsOf, follower, leader, play, take } from "./build.ts";
import {
  accepted,
  append,
  change,
  fitness,
  from,
  genesisOf,
  n1,
  n2,
  n3,
  n4,
  noop,
  persisted,
  preVoteReply,
  propose,
} from "./say.ts";
import { requestVote, tick, timeoutNow, transferTo, voter, voteReply } from "./say.ts";

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

/** Life goes on for so many election timeouts, or until the leader asks another node to lead; `heard` answer each heartbeat. */
function live(
  state: State,
  timeouts: number,
  heard: readonly MemberKey[] = [n2, n3],
  isOnce = false,
): [State, Effect[]] {
  let next = state;
  const effects: Effect[] = [];
  for (const endMs = state.nowMs + timeouts * timeoutMs; next.nowMs < endMs && next.role.kind === "leader";) {
    if (isOnce && asked(effects).length > 0) break;
    const [ticked, sent] = take(next, tick, next.nowMs + 50);
    effects.push(...sent);
    next = ticked;
    for (const key of heard) {
      if (next.role.kind !== "leader") break;
      const [after, more] = take(next, from(key, acknowledged(next)));
      effects.push(...more);
      next = after;
    }
  }
  return [next, effects];
}
/** A command with each tick, which n2 confirms at once, and n3 so many ticks later, until n3 is asked to lead. */
function loaded(state: State, timeouts: number, lagTicks: number): readonly Effect[] {
  let next = state;
  const effects: Effect[] = [];
  const lasts: number[] = [];
  const also = (event: Parameters<typeof take>[1], nowMs = next.nowMs): void => {
    const [after, more] = take(next, event, nowMs);
    effects.push(...more);
    next = after;
  };
  for (const endMs = state.nowMs + timeouts * timeoutMs; next.nowMs < endMs && asked(effects).length === 0;) {
    also(tick, next.nowMs + 50);
    if (asLeader(next).transfer !== null) {
      also(from(n3, acknowledged(next)));
      continue;
    }
    also(propose(1));
    lasts.push(next.log.last.index);
    also(persisted(next.durability.issued));
    also(from(n2, acknowledged(next)));
    also(from(n3, accepted(next.currentTerm, lasts.at(-1 - lagTicks) ?? 1, asLeader(next).round)));
  }
  return effects;
}
const acknowledged = (state: State) => accepted(state.currentTerm, state.log.last.index, asLeader(state).round);

/** A node that has been asked to take over wins, with the votes of n2 and n3. */
function wonByHandOver(asking: State): State {
  const term = asking.currentTerm + 1;
  const voted = play(asking, from(n2, preVoteReply(term, term - 1, true)));
  const won = play(voted, persisted(voted.durability.issued), from(n2, voteReply(term, true)));
  return play(won, persisted(won.durability.issued), from(n2, acknowledged(won)));
}

/** n3 has been asked to lead; it wins, and asks this node to take over before it has led for long. */
function givenBack(state: State): State {
  const term = state.currentTerm + 1;
  const { last } = state.log;
  const opened = append({ term, prev: last, entries: [noop(last.index + 1, term)], commit: last.index });
  const lost = play(state, from(n3, requestVote(term, last, true)), from(n3, opened));
  return wonByHandOver(play(lost, persisted(lost.durability.issued), from(n3, timeoutNow(term))));
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

  test("also under load, where others confirm before it what is on its way to all", () => {
    expect(asked(loaded(leading(0, 0, 1), 12, 1))).toEqual([n3]);
  });

  test("not under load to one that falls behind for longer than that", () => {
    expect(asked(loaded(leading(0, 0, 1), 12, 3))).toEqual([]);
  });

  test("and tells nobody, since nobody has asked", () => {
    const [state] = live(leading(0, 0, 1), 10.2);
    const won = take(state, from(n3, requestVote(3, state.log.last, true)));
    expect(effectsOf(won[1], "transferSettled")).toEqual([]);
    expect(won[0].role.kind).toBe("follower");
  });

  test("and after each attempt that fails it waits for twice as long", () => {
    let state = leading(0, 0, 1);
    const atTimeouts: number[] = [];
    for (let timeout = 1; timeout <= 100; timeout++) {
      const [next, effects] = live(state, 1);
      if (asked(effects).length > 0) atTimeouts.push(timeout);
      state = next;
    }
    // A pause of 10, 20, 40, and 5 more in which the node must look well again.
    expect(atTimeouts).toEqual([10, 25, 50, 95]);
  });

  test("less and less often to one that gives it away by its own hand-over each time", () => {
    let state = leading(0, 0, 1);
    const waits: number[] = [];
    for (let round = 0; round < 4; round++) {
      const sinceMs = state.nowMs;
      const [after, effects] = live(state, 200, [n2, n3], true);
      expect(asked(effects)).toEqual([n3]);
      waits.push(Math.round((after.nowMs - sinceMs) / timeoutMs));
      state = givenBack(after);
    }
    expect(waits).toEqual([10, 15, 25, 45]);
  });

  test("nor does one that has only received it send it back at once", () => {
    const term = 3;
    const following = follower({ log: [1, 2], configuration: withPriorities(0, 0, 1), leader: n3, term });
    const [, effects] = live(wonByHandOver(play(following, from(n3, timeoutNow(term)))), 14);
    expect(asked(effects)).toEqual([]);
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

  test("while somebody waits for a change whose learner loads the state", () => {
    const loading = live(leading(0, 0, 1), 2)[0];
    const begun = play(loading, change({ add: [voter(n4)] }));
    const state = play(begun, persisted(begun.durability.issued));
    expect(asked(live(state, 30)[1])).toEqual([]);
  });

  test("when the preferred one is about to stop voting or to leave", () => {
    for (const step of [
      { demote: [n3], remove: [] },
      { demote: [], remove: [n3] },
    ]) {
      const members = [...withPriorities(0, 0, 1).members, ...genesisOf(n4).members];
      const configuration = { members, voters: [n1, n2, n3], pending: [{ promote: [n4], ...step }] };
      const state = leader({ log: [1], configuration, matched: [[n2, 2]] });
      expect(asked(live(state, 30)[1])).toEqual([]);
    }
  });

  test("while a change of the members is under way", () => {
    const state = play(live(leading(0, 0, 1), 9.5)[0], change({ demote: ["n2"] }));
    expect(asked(live(state, 3, [n3])[1])).toEqual([]);
  });
});

describe("a leader that no node can connect to", () => {
  /** A command waits. n2 answers each heartbeat, and has nothing of what n1 sends; n3 is silent. */
  function stuck(impediment: Impediment | null, timeouts: number): State {
    const unfit = impediment === null ? [] : [[n1, impediment] as const];
    let state = play(leading(), fitness(...unfit), propose(1));
    for (const endMs = state.nowMs + timeouts * timeoutMs; state.nowMs < endMs && state.role.kind === "leader";) {
      state = take(state, tick, state.nowMs + 50)[0];
      if (state.role.kind === "leader") state = play(state, from(n2, accepted(2, 2, state.role.round)));
    }
    return state;
  }

  test("and that commits nothing of what waits steps down, after a while", () => {
    for (const impediment of ["certificate", "hidden"] as const) {
      expect(stuck(impediment, 9.5).role.kind).toBe("leader");
      expect(stuck(impediment, 10.5)).toMatchObject({ role: { kind: "follower", leader: null }, currentTerm: 2 });
    }
  });

  test("stays while it commits, or while nothing waits", () => {
    const unfit = [n1, n2, n3].map((key) => [key, "certificate"] as const);
    expect(live(play(leading(), fitness(...unfit)), 30, [n2])[0].role.kind).toBe("leader");
    let state = play(leading(), fitness(...unfit));
    for (let times = 0; times < 30; times++) {
      const proposed = play(state, propose(1));
      state = live(play(proposed, persisted(proposed.durability.issued)), 1, [n2])[0];
    }
    expect(state.role.kind).toBe("leader");
    expect(state.commitIndex).toBe(state.log.last.index);
  });

  test("another leader stays, whatever waits: no other voter could do better", () => {
    for (const impediment of [null, "space", "stateMachine"] as const)
      expect(stuck(impediment, 30).role.kind).toBe("leader");
  });
});

describe("an unfit leader", () => {
  test("hands over at once to a voter that is fitter, whatever the priorities", () => {
    const state = play(leading(5, 0, 0), fitness([n1, "space"], [n2, "space"]));
    expect(asked(live(state, 1)[1])).toEqual([n3]);
  });

  test("P72: stays while no other voter could lead better", () => {
    const state = play(leading(0, 0, 9), fitness([n1, "stateMachine"], [n2, "stateMachine"], [n3, "stateMachine"]));
    expect(asked(live(state, 30)[1])).toEqual([]);
    const worse = play(leading(0, 0, 9), fitness([n1, "space"], [n2, "hidden"], [n3, "stateMachine"]));
    expect(asked(live(worse, 30)[1])).toEqual([]);
  });

  test("P71: stays rather than hand over to one that no other node can dial", () => {
    const state = play(leading(0, 0, 9), fitness([n1, "stateMachine"], [n2, "hidden"], [n3, "hidden"]));
    expect(asked(live(state, 30)[1])).toEqual([]);
  });

  test("hands over to the fittest, among those to the preferred one", () => {
    const state = play(leading(0, 0, 1), fitness([n1, "stateMachine"], [n3, "space"]));
    expect(asked(live(state, 1)[1])).toEqual([n2]);
    const equals = play(leading(0, 0, 1), fitness([n1, "stateMachine"]));
    expect(asked(live(equals, 1)[1])).toEqual([n3]);
  });

  test("tries again after pauses that grow", () => {
    let state = play(leading(0, 0, 0), fitness([n1, "space"], [n2, "hidden"]));
    const atTimeouts: number[] = [];
    for (let timeout = 1; timeout <= 80; timeout++) {
      const [next, effects] = live(state, 1);
      if (asked(effects).length > 0) atTimeouts.push(timeout);
      state = next;
    }
    expect(atTimeouts).toEqual([1, 11, 31, 71]);
  });

  test("does not wait for a change of the members to end", () => {
    const state = play(live(leading(0, 0, 0), 2)[0], change({ demote: ["n2"] }), fitness([n1, "stateMachine"]));
    expect(asked(live(state, 1, [n3])[1])).toEqual([n3]);
  });

  /** n1 has begun to hand over to n2, which lacks the last entry, and holds a command meanwhile. */
  const handingOver = (): State => {
    const begun = play(leading(), fitness([n1, "space"], [n3, "space"]), propose(1));
    const state = play(live(begun, 0.1, [])[0], propose(2));
    expect(asLeader(state).transfer).toMatchObject({ target: n2, ref: null, timeoutNowSent: false });
    return state;
  };

  test("P72: gives up a hand-over that has begun when the target is found to be as unfit, and takes what it held", () => {
    for (const impediment of ["stateMachine", "hidden"] as const) {
      const own = impediment === "hidden" ? "stateMachine" : impediment;
      const state = play(handingOver(), fitness([n1, own], [n2, impediment], [n3, impediment]));
      expect(asLeader(state).transfer).toBeNull();
      expect(state.log.last.index).toBe(handingOver().log.last.index + 1);
      expect(asked(live(state, 1)[1])).toEqual([]);
    }
  });

  test("waits for a target that has been asked to lead, however unfit", () => {
    const [state, effects] = live(play(leading(), fitness([n1, "space"], [n3, "space"])), 1, [n2, n3], true);
    expect(asked(effects)).toEqual([n2]);
    const worse = play(state, fitness([n1, "space"], [n2, "stateMachine"], [n3, "space"]));
    expect(asLeader(worse).transfer).toMatchObject({ target: n2, timeoutNowSent: true });
  });

  test("goes on with a hand-over that has begun while its target is fitter", () => {
    const state = play(handingOver(), fitness([n1, "stateMachine"], [n2, "space"], [n3, "stateMachine"]));
    expect(asked(live(state, 1)[1])).toEqual([n2]);
  });

  test("goes on with a hand-over that has begun once it is fit again", () => {
    expect(asked(live(play(handingOver(), fitness()), 1)[1])).toEqual([n2]);
  });

  test("goes on with the hand-over that an administrator asked for", () => {
    const state = play(leading(), propose(1), transferTo("n2"), fitness([n1, "stateMachine"], [n2, "stateMachine"]));
    expect(asked(live(state, 0.5)[1])).toEqual([n2]);
  });

  test("a fit leader does not hand over to an unfit voter, however preferred", () => {
    expect(asked(live(play(leading(0, 0, 9), fitness([n3, "space"])), 30)[1])).toEqual([]);
  });
});

test("an administrator's wish comes first, and gets its answer", () => {
  const [state] = live(leading(0, 0, 1), 10.2);
  expect(asLeader(state).transfer).toMatchObject({ target: n3, ref: null });
  const wished = play(state, transferTo("n2"));
  expect(asLeader(wished).transfer).toMatchObject({ target: n2, ref: 1 });
  const stood = play(wished, from(n2, requestVote(3, state.log.last, true)));
  const [, effects] = take(stood, from(n2, append({ term: 3, prev: state.log.last })));
  expect(effectsOf(effects, "transferSettled")).toMatchObject([{ outcome: { kind: "done" } }]);
});
