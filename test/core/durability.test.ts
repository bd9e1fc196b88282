// What must be on disk before it may be promised: tickets, promises, and how far the log is durable.
import { describe, expect, test } from "bun:test";
import { appendToLog, confirm, isVoteDurable, promise, truncateLog, writeVote } from "../../src/core/durability.ts";
import type { Effect } from "../../src/core/effects.ts";
import type { State } from "../../src/core/state.ts";
import { follower, linesOf, play, take } from "./build.ts";
import { append, at, commands, from, hello, n1, n2, n3, persisted, requestVote, wiped } from "./say.ts";

/** Runs rules one after the other, and collects what they emit. */
function inTurn(state: State, ...rules: readonly ((state: State, emit: (effect: Effect) => void) => State)[]) {
  const effects: Effect[] = [];
  const emit = (effect: Effect): void => void effects.push(effect);
  return { state: rules.reduce((before, rule) => rule(before, emit), state), effects };
}

const appending = (terms: readonly number[], first: number) => (state: State, emit: (effect: Effect) => void) =>
  appendToLog(state, commands(terms, first), emit);
const truncating = (through: number) => (state: State, emit: (effect: Effect) => void) =>
  truncateLog(state, through, emit);
const confirming = (ticket: number) => (state: State, emit: (effect: Effect) => void) => confirm(state, ticket, emit);

describe("tickets", () => {
  test("rise with every durable effect, whatever its kind", () => {
    const { effects } = inTurn(
      follower({ log: [1] }),
      (state, emit) => writeVote(state, { term: 2, votedFor: n2 }, emit),
      appending([2, 2], 2),
      truncating(2),
      appending([2], 3),
    );
    expect(effects.map((effect) => [effect.kind, "ticket" in effect && effect.ticket])).toEqual([
      ["writeVote", 1],
      ["appendLog", 2],
      ["truncateLog", 3],
      ["appendLog", 4],
    ]);
  });

  test("P2: term and vote are one effect, and no other one changes either", () => {
    const { state, effects } = inTurn(follower({ log: [1] }), (before, emit) =>
      writeVote(before, { term: 5, votedFor: n2 }, emit),
    );
    expect(effects).toEqual([{ kind: "writeVote", ticket: 1, currentTerm: 5, votedFor: n2 }]);
    expect(state).toMatchObject({ currentTerm: 5, votedFor: n2 });
  });

  test("P2: a new term and the vote given in it in the same step are never on disk the other way round", () => {
    const [, effects] = take(follower({ log: [1] }), from(n2, requestVote(4, at(1, 1))));
    expect(effects).toEqual([
      { kind: "writeVote", ticket: 1, currentTerm: 4, votedFor: null },
      { kind: "writeVote", ticket: 2, currentTerm: 4, votedFor: n2 },
    ]);
  });

  test("a confirmation counts for all before it, and a repeated or older one for nothing", () => {
    const { state } = inTurn(follower({ log: [1] }), appending([1], 2), appending([1], 3), appending([1], 4));
    const confirmed = play(state, persisted(2));
    expect(confirmed.durability).toMatchObject({
      confirmed: 2,
      persistedIndex: 3,
      appends: [{ ticket: 3, through: 4 }],
    });
    expect(play(confirmed, persisted(1))).toEqual(confirmed);
    expect(play(confirmed, persisted(2))).toEqual(confirmed);
  });

  test("a confirmation of what was never issued stops the node", () => {
    expect(() => take(follower({ log: [1] }), persisted(1))).toThrow("only 0 issued");
  });
});

describe("how far the log is durable", () => {
  test("up to the last confirmed append", () => {
    const { state } = inTurn(follower({ log: [1] }), appending([1, 1], 2), appending([1], 4));
    expect(state.durability.persistedIndex).toBe(1);
    expect(play(state, persisted(1)).durability.persistedIndex).toBe(3);
    expect(play(state, persisted(2)).durability.persistedIndex).toBe(4);
  });

  test("P18: a write confirmed after its entries were cut off confirms only what is left of them", () => {
    const { state } = inTurn(follower({ log: [1] }), appending([1, 1, 1], 2), truncating(2), appending([2, 2], 3));
    const first = play({ ...state, currentTerm: 2 }, persisted(1));
    expect(first.durability.persistedIndex).toBe(2);
    expect(play(first, persisted(2)).durability.persistedIndex).toBe(2);
    expect(play(first, persisted(3)).durability.persistedIndex).toBe(4);
  });

  test("cutting off what is durable takes its durability with it", () => {
    const { state } = inTurn(follower({ log: [1, 1, 1] }), truncating(1), appending([1], 2));
    expect(state.durability.persistedIndex).toBe(1);
    expect(play(state, persisted(1)).durability.persistedIndex).toBe(1);
    expect(play(state, persisted(2)).durability.persistedIndex).toBe(2);
  });

  test("P19: an append that leaves a gap, or overlaps, stops the node: the step gives no effects", () => {
    expect(() => inTurn(follower({ log: [1] }), appending([1], 3))).toThrow("3 does not follow 1");
    expect(() => inTurn(follower({ log: [1] }), appending([1], 1))).toThrow("1 does not follow 1");
  });

  test("P19: what a later ticket confirms is confirmed for every earlier one: the store may not write them out of order", () => {
    const state = play(
      follower({ log: [1], leader: n2 }),
      from(n2, append({ term: 1, prev: at(1, 1), entries: commands([1], 2, 1000) })),
      from(n2, append({ term: 1, prev: at(2, 1), entries: commands([1], 3, 1) })),
    );
    expect(state.durability.appends).toEqual([
      { ticket: 1, through: 2 },
      { ticket: 2, through: 3 },
    ]);
    expect(linesOf(state, persisted(1))).toEqual(["to n2: AppendEntriesReply term 1: matches through 2"]);
  });

  test("truncating what is committed stops the node", () => {
    expect(() => inTurn(follower({ log: [1, 1], commitIndex: 2 }), truncating(1))).toThrow(
      "Leader Completeness broken",
    );
  });
});

describe("promises", () => {
  const told = (to = n2): Effect & { kind: "send" } => ({ kind: "send", to, message: { kind: "timeoutNow", term: 1 } });

  test("are kept at once when their ticket is confirmed already", () => {
    const { state, effects } = inTurn(follower({ log: [1] }), (before, emit) => promise(before, 0, told(), emit));
    expect(effects).toEqual([told()]);
    expect(state.durability.promised).toEqual([]);
  });

  test("wait for their ticket, and are kept once", () => {
    const { state, effects } = inTurn(
      follower({ log: [1] }),
      appending([1], 2),
      appending([1], 3),
      (before, emit) => promise(before, 1, told(n2), emit),
      (before, emit) => promise(before, 2, told(n3), emit),
    );
    expect(effects.map(({ kind }) => kind)).toEqual(["appendLog", "appendLog"]);
    const first = inTurn(state, confirming(1));
    expect(first.effects).toEqual([told(n2)]);
    expect(inTurn(first.state, confirming(2)).effects).toEqual([told(n3)]);
  });

  test("of a kind only the latest to each waits: a disk that hangs does not heap them up", () => {
    let state = follower({ log: [1], term: 1 });
    for (let round = 1; round <= 400; round++) {
      const unknown = append({ term: 2, prev: at(9, 1), round });
      state = take(state, from(n2, unknown), state.nowMs + 1)[0];
    }
    expect(state.durability.promised).toHaveLength(1);
    expect(linesOf(state, persisted(1))).toHaveLength(1);
    const [, [answer]] = take(state, persisted(1));
    expect(answer).toMatchObject({ to: n2, message: { kind: "appendEntriesReply", round: 400 } });
  });

  test("stay in the order of their tickets, also when a later one was given first", () => {
    const { state } = inTurn(
      follower({ log: [1] }),
      appending([1], 2),
      appending([1], 3),
      (before, emit) => promise(before, 2, told(n3), emit),
      (before, emit) => promise(before, 1, told(n2), emit),
    );
    expect(state.durability.promised.map(({ ticket }) => ticket)).toEqual([1, 2]);
    expect(inTurn(state, confirming(1)).effects).toEqual([told(n2)]);
  });

  test("a newcomer is told of the genesis and a candidate refused while the disk works: neither waits for the wrong ticket", () => {
    const state = play(
      follower({ log: [1, 1] }),
      from(n2, append({ term: 2, prev: at(2, 1), entries: commands([2], 3) })),
      hello(wiped(n3), "founding"),
      from(n3, requestVote(2, at(1, 1))),
    );
    expect(linesOf(state, persisted(1))).toContain("to n3: RequestVoteReply term 2: refused");
    expect(linesOf(state, persisted(2))).toContain("to n3: GenesisNotice c1c1c1c1");
  });

  test("P3: whether the vote is durable is a matter of its own ticket", () => {
    const { state } = inTurn(
      follower({ log: [1] }),
      appending([1], 2),
      (before, emit) => writeVote(before, { term: 2, votedFor: n1 }, emit),
      appending([2], 3),
    );
    expect(isVoteDurable(state)).toBe(false);
    expect(isVoteDurable(inTurn(state, confirming(1)).state)).toBe(false);
    expect(isVoteDurable(inTurn(state, confirming(2)).state)).toBe(true);
  });
});
