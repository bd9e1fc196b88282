// What is heard of whom: what one message can do to the terms, and what a node can do that no configuration has named.
import { describe, expect, test } from "bun:test";
import { isNamed, termLeapMax } from "../../src/core/hearing.ts";
import { genesisConfiguration } from "../../src/core/genesis.ts";
import type { Message } from "../../src/core/messages.ts";
import { asking, asLeader, follower, leader, linesOf, play, preCandidate, take } from "./build.ts";
import { accepted, append, at, from, genesisOf, install, n1, n2, n3, n4, n5, persisted, preVote } from "./say.ts";
import { preVoteReply, refused, requestVote, snapshotAt, timeoutNow, voteReply, wiped } from "./say.ts";

const far = 2 ** 48;
const farLog = at(1e9, 2 ** 39);

describe("how far a term leaps", () => {
  const carriers: readonly (readonly [string, (term: number) => Message])[] = [
    ["RequestVote", (term) => requestVote(term, at(1, 1))],
    ["RequestVote of a transfer", (term) => requestVote(term, at(1, 1), true)],
    ["AppendEntries", (term) => append({ term, prev: at(1, 1) })],
    ["InstallSnapshot", (term) => install(snapshotAt(at(9, 1)), { term })],
  ];
  for (const [name, carrying] of carriers) {
    test(`P56: ${name} of a member moves a term by 2^20 at the most; beyond that it is as if it were lost`, () => {
      const state = follower({ log: [1], term: 3 });
      expect(play(state, from(n2, carrying(3 + termLeapMax))).currentTerm).toBe(3 + termLeapMax);
      for (const term of [4 + termLeapMax, far]) {
        expect(take(state, from(n2, carrying(term)))).toEqual([state, []]);
      }
    });
  }

  test("P56: and so do the answers of members", () => {
    const refusal = (term: number) => refused(term, { prevIndex: 1, conflict: at(1, 0), lastIndex: 0 });
    const cases = [
      [preCandidate({ log: [1] }), (term: number) => preVoteReply(2, term, false)],
      [asking({ log: [1], term: 1 }), (term: number) => voteReply(term, false)],
      [leader({ log: [1] }), refusal],
    ] as const;
    for (const [state, answer] of cases) {
      const reached = state.currentTerm + termLeapMax;
      expect(play(state, from(n2, answer(reached))).currentTerm).toBe(reached);
      expect(take(state, from(n2, answer(reached + 1)))).toEqual([state, []]);
    }
  });

  test("P56: before the first election as well, where all terms are 0", () => {
    const founder = follower({ log: [] });
    for (const message of [requestVote(far, farLog, true), append({ term: far })]) {
      expect(take(founder, from(n5, message))).toEqual([founder, []]);
    }
  });

  test("a newcomer takes its first term from a leader however old the cluster is, and from nobody else", () => {
    const newcomer = follower({ self: n4 });
    expect(newcomer).toMatchObject({ currentTerm: 0, wasMember: false });
    expect(play(newcomer, from(n5, append({ term: 2 ** 30 })))).toMatchObject({ currentTerm: 2 ** 30 });
    expect(take(newcomer, from(n5, requestVote(2 ** 30, farLog)))).toEqual([newcomer, []]);
    const joined = follower({ self: n4, log: [1] });
    expect(take(joined, from(n5, append({ term: 2 ** 30 })))).toEqual([joined, []]);
  });
});

describe("who is named", () => {
  test("by the genesis, or by any configuration in the log; another disk under the same name is another node", () => {
    const state = follower({ configuration: genesisConfiguration(genesisOf(n1, n2, n4)) });
    for (const key of [n1, n2, n3, n4]) expect(isNamed(state, key)).toBe(true);
    for (const key of [n5, wiped(n2)]) expect(isNamed(state, key)).toBe(false);
  });
});

describe("of who has never been named", () => {
  const led = follower({ log: [1], leader: n3 });
  const leading = leader({ log: [1], matched: [[n2, 2]] });

  test("P56, P9: a vote that it asks for on behalf of a leader ends no leader's term", () => {
    for (const state of [led, leading]) {
      const request = requestVote(state.currentTerm + 1, farLog, true);
      const [after, effects] = take(state, from(n5, request));
      expect(after).toMatchObject({ currentTerm: state.currentTerm, votedFor: state.votedFor });
      expect(after.role.kind).toBe(state.role.kind);
      expect(effects).toEqual([]);
      // A member says so rightly.
      expect(play(state, from(n2, request)).votedFor).toBe(n2);
    }
    expect(linesOf(led, from(n5, preVote(2, farLog, true)))).toEqual([
      "to n5: RequestPreVoteReply for term 2: refused, term 1",
    ]);
  });

  test("P10: who has no leader hears it all the same, within the bound", () => {
    const alone = follower({ log: [1] });
    expect(play(alone, from(n5, requestVote(2, at(1, 1), true))).votedFor).toBe(n5);
    expect(take(alone, from(n5, requestVote(2 + termLeapMax, at(1, 1))))).toEqual([alone, []]);
  });

  test("P9: it does not lead whoever has a leader, in this term or a later one", () => {
    for (const state of [led, leading]) {
      for (const term of [state.currentTerm, state.currentTerm + 1]) {
        const snapshot = snapshotAt(at(9, state.currentTerm));
        for (const message of [append({ term, prev: at(1, 1) }), install(snapshot, { term })]) {
          const [after, effects] = take(state, from(n5, message));
          expect(after).toEqual(state);
          // In one term there is no second leader ever.
          expect(effects.map(({ kind }) => kind)).toEqual(term === state.currentTerm ? ["accuse"] : []);
        }
      }
    }
  });

  test("P10: but it does lead a member whose leader has been silent, and a newcomer from its first word on", () => {
    const later = { ...led, nowMs: 500 };
    const next = play(later, from(n5, append({ term: 2, prev: at(1, 1) })));
    expect(next).toMatchObject({ currentTerm: 2, role: { kind: "follower", leader: n5 } });
    expect(linesOf(next, persisted(next.durability.issued))).toEqual([
      "to n5: AppendEntriesReply term 2: matches through 1",
    ]);
    const handedOver = play(next, from(n5, timeoutNow(2)));
    expect(handedOver.role).toMatchObject({ kind: "preCandidate", transfer: true });
    expect(play(follower({ self: n4 }), from(n5, append({ term: 7 }))).role).toMatchObject({ leader: n5 });
  });

  test("a leader that is over learns it from the answer, whoever it is", () => {
    const [line] = linesOf(follower({ log: [1], term: 3, leader: n3 }), from(n5, append({ term: 2, prev: at(1, 1) })));
    expect(line).toContain("to n5: AppendEntriesReply term 3: refused");
  });

  test("P9: its answers move nobody's term, for nobody has asked it", () => {
    for (const [state, answer] of [
      [preCandidate({ log: [1] }), preVoteReply(2, 5, false)],
      [asking({ log: [1] }), voteReply(5, false)],
      [leading, accepted(5, 1)],
    ] as const) {
      expect(take(state, from(n5, answer))).toEqual([state, []]);
    }
  });

  test("P9: it is sent nothing when it asks for a vote, if every configuration there has been is known", () => {
    for (const request of [preVote(9, at(1, 1)), requestVote(9, at(1, 1))]) {
      expect(play(leading, from(n5, request)).role).toEqual(leading.role);
    }
  });

  test("P9: else it is bid farewell, for it may be a former member, and acknowledges nothing that there is not", () => {
    const configurations = [{ position: at(1, 1), configuration: genesisConfiguration(genesisOf(n1, n2, n3)) }];
    const state = play({ ...leading, log: { ...leading.log, configurations } }, from(n5, preVote(9, at(1, 1))));
    expect(asLeader(state).progress.has(n5)).toBe(true);
    expect(take(state, from(n5, accepted(2, 1_000_000)))).toEqual([
      state,
      [expect.objectContaining({ kind: "accuse" })],
    ]);
    expect(take(state, from(n5, accepted(3, 1)))).toEqual([state, []]);
    const [heard] = take(state, from(n5, accepted(2, 1)));
    expect(asLeader(heard).progress.get(n5)?.matchIndex).toBe(1);
  });

  test("P9: once a configuration names it, it is heard as any other", () => {
    const configuration = genesisConfiguration(genesisOf(n1, n2, n3, n5));
    const state = follower({ log: [1], leader: n3, configuration });
    expect(play(state, from(n5, requestVote(2, at(1, 1), true))).votedFor).toBe(n5);
  });
});
