// What is heard of whom: what one message can do to the terms, and what a node can do that no configuration in force names. How the
// members vouch for such a node is vouching.test.ts.
import { describe, expect, test } from "bun:test";
import { termLeapMax } from "../../src/core/hearing.ts";
import { genesisConfiguration } from "../../src/core/genesis.ts";
import type { Message } from "../../src/core/messages.ts";
import { asking, asLeader, follower, leader, linesOf, play, preCandidate, take } from "./build.ts";
import { accepted, append, at, from, genesisOf, install, n1, n2, n3, n4, n5, preVote } from "./say.ts";
import { preVoteReply, refused, requestVote, snapshotAt, timeoutNow, voteReply } from "./say.ts";

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
    test(`P56, P65: ${name} of a member moves a term by 2^20 at the most, and beyond that does nothing else`, () => {
      const state = follower({ log: [1], term: 3 });
      expect(play(state, from(n2, carrying(3 + termLeapMax))).currentTerm).toBe(3 + termLeapMax);
      for (const term of [4 + termLeapMax, far]) {
        const [after, effects] = take(state, from(n2, carrying(term)));
        expect(after).toMatchObject({ currentTerm: 3 + termLeapMax, votedFor: null, role: { leader: null } });
        expect(effects.map(({ kind }) => kind)).toEqual(["writeVote"]);
      }
    });
  }

  test("P65: a node that was away while the terms leapt comes to hear the leader, leap by leap", () => {
    const term = 3 + 2.5 * termLeapMax;
    const heartbeat = from(n2, append({ term, prev: at(1, 1) }));
    const state = play(follower({ log: [1], term: 3 }), heartbeat, heartbeat, heartbeat);
    expect(state).toMatchObject({ currentTerm: term, role: { kind: "follower", leader: n2 } });
  });

  test("P65: and a candidate that needs its vote, and its own elections bring it there as well", () => {
    const term = 3 + 1.5 * termLeapMax;
    const state = play(follower({ log: [1], term: 3 }), from(n2, requestVote(term, at(1, 1))));
    expect(play(state, from(n2, requestVote(term + 1, at(1, 1)))).votedFor).toBe(n2);
    const asked = play(preCandidate({ log: [1] }), from(n2, preVoteReply(2, term, false)));
    expect(asked).toMatchObject({ currentTerm: 1 + termLeapMax, role: { kind: "follower" } });
  });

  test("P56: the answers of members move a term no further either", () => {
    const refusal = (term: number) => refused(term, { prevIndex: 1, conflict: at(1, 0), lastIndex: 0 });
    const cases = [
      [preCandidate({ log: [1] }), (term: number) => preVoteReply(2, term, false)],
      [asking({ log: [1], term: 1 }), (term: number) => voteReply(term, false)],
      [leader({ log: [1] }), refusal],
    ] as const;
    for (const [state, answer] of cases) {
      const reached = state.currentTerm + termLeapMax;
      expect(play(state, from(n2, answer(reached))).currentTerm).toBe(reached);
      expect(play(state, from(n2, answer(reached + 1))).currentTerm).toBe(reached);
    }
  });

  test("P56, P8: a pre-vote moves no term, however far, and a vote none against a leader", () => {
    const led = follower({ log: [1], leader: n3 });
    for (const message of [preVote(far, farLog), requestVote(far, farLog)]) {
      expect(take(led, from(n2, message))[0]).toEqual(led);
    }
    // A member that was asked to take over says so.
    const handedOver = from(n2, requestVote(far, farLog, true));
    expect(play(led, handedOver).currentTerm).toBe(led.currentTerm + termLeapMax);
  });

  test("a newcomer takes its first term from a leader however old the cluster is, and from nobody else", () => {
    const newcomer = follower({ self: n4 });
    expect(newcomer).toMatchObject({ currentTerm: 0, wasMember: false });
    expect(play(newcomer, from(n5, append({ term: 2 ** 30 })))).toMatchObject({ currentTerm: 2 ** 30 });
    expect(play(newcomer, from(n5, requestVote(2 ** 30, farLog)))).toMatchObject({ currentTerm: termLeapMax });
    const joined = follower({ self: n4, log: [1] });
    expect(play(joined, from(n5, append({ term: 2 ** 30 })))).toMatchObject({ currentTerm: 1 + termLeapMax });
  });
});

describe("of a node that no configuration in force names", () => {
  const led = follower({ log: [1], leader: n3 });
  const alone = follower({ log: [1] });
  const leading = leader({ log: [1], matched: [[n2, 2]] });

  test("P66: without a leader too, its claim to lead and its wish for a vote count for nothing", () => {
    for (const message of [
      append({ term: 2, prev: at(1, 1) }),
      append({ term: 1, prev: at(1, 1) }),
      install(snapshotAt(at(9, 1)), { term: 2 }),
      requestVote(2, farLog),
      requestVote(2, farLog, true),
      requestVote(far, farLog),
      preVote(2, farLog),
    ]) {
      const [after, effects] = take(alone, from(n5, message));
      expect({ ...after, vouching: null }).toEqual({ ...alone, vouching: null });
      expect(effects).toEqual([n2, n3, n5].map((to) => ({ kind: "send", to, message: { kind: "requestMembers" } })));
    }
  });

  test("P66: a node that has been removed is one as well, though an older configuration names it", () => {
    const { members } = genesisConfiguration(genesisOf(n1, n2, n3, n4));
    const learning = follower({ log: [1], configuration: { members } });
    const without = { position: at(1, 1), configuration: genesisConfiguration(genesisOf(n1, n2, n3)) };
    const removing = {
      ...learning,
      log: { ...learning.log, configurations: [...learning.log.configurations, without] },
    };
    // Until the removal is committed it may still be rolled back.
    expect(play(removing, from(n4, requestVote(2, at(1, 1)))).votedFor).toBe(n4);
    const removed = { ...removing, commitIndex: 1, appliedIndex: 1 };
    expect(play(removed, from(n4, requestVote(2, at(1, 1)))).votedFor).toBeNull();
  });

  test("P9: it does not lead a node that has a leader, in this term or a later one", () => {
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

  test("P9: a vote that it asks for ends no leader's term", () => {
    for (const state of [led, leading]) {
      for (const transfer of [false, true]) {
        const request = requestVote(state.currentTerm + 1, farLog, transfer);
        expect(take(state, from(n5, request))).toEqual([state, []]);
      }
      // A member says rightly that it was asked to take over.
      expect(play(state, from(n2, requestVote(state.currentTerm + 1, farLog, true))).votedFor).toBe(n2);
    }
  });

  test("a newcomer hears it from its first word on, and goes on following it", () => {
    const newcomer = play(follower({ self: n4 }), from(n5, append({ term: 7 })));
    expect(newcomer.role).toMatchObject({ kind: "follower", leader: n5 });
    const configuration = genesisConfiguration(genesisOf(n1, n2, n3, n4));
    const added = { ...newcomer, log: { ...newcomer.log, configurations: [{ position: at(0, 0), configuration }] } };
    const later = play({ ...added, nowMs: 400 }, from(n5, append({ term: 7, round: 2 })));
    expect(later.role).toMatchObject({ leader: n5, leaderHeardMs: 400 });
  });

  test("a leader that is over learns it from the answer, whichever node it is", () => {
    const [line] = linesOf(follower({ log: [1], term: 3, leader: n3 }), from(n5, append({ term: 2, prev: at(1, 1) })));
    expect(line).toContain("to n5: AppendEntriesReply term 3: refused");
  });

  test("P9: its answers move nobody's term, for nobody has asked it", () => {
    for (const [state, answer] of [
      [preCandidate({ log: [1] }), preVoteReply(2, 5, false)],
      [asking({ log: [1] }), voteReply(5, false)],
      [leading, accepted(5, 1)],
      [led, timeoutNow(1)],
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
    const accused = expect.objectContaining({ kind: "accuse" });
    expect(take(state, from(n5, accepted(2, 1_000_000)))).toEqual([state, [accused]]);
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
