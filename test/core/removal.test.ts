// How a node learns that it has been removed, and what it does then: nothing. Both sides: farewell.ts and removal.ts.
import { describe, expect, test } from "bun:test";
import { nextDeadlineMs } from "../../src/core/deadline.ts";
import { type Configuration, type MemberKey, toMemberKey } from "../../src/core/configuration.ts";
import type { Entry } from "../../src/core/entry.ts";
import { genesisConfiguration } from "../../src/core/genesis.ts";
import { checkTransition } from "../../src/core/invariants.ts";
import { restore } from "../../src/core/restore.ts";
import type { SnapshotRecord } from "../../src/core/snapshot-record.ts";
import type { State } from "../../src/core/state.ts";
import { asLeader, effectsOf, follower, leader, linesOf, play, saved, starting, take } from "./build.ts";
import { accepted, append, at, change, from, genesisOf, hello, n1, n2, n3, n4, persisted, preVote } from "./say.ts";
import { fetched, foundedAtMs, install, propose, read, requestVote, snapshotAt, tick, wiped } from "./say.ts";

const founders = genesisConfiguration(genesisOf(n1, n2, n3));
const joint: Configuration = { ...founders, voters: [n1, n2], outgoing: [n1, n2, n3], leaving: [n3] };
const without = genesisConfiguration(genesisOf(n1, n2));
const placed = (index: number, configuration: Configuration): Entry => ({
  kind: "configuration",
  index,
  term: 1,
  stampMs: foundedAtMs + index,
  configuration,
});
const entries = [placed(2, joint), placed(3, without)];

/** n3 follows n1 and has the configurations that take it out; how much of them is committed is in the message. */
const told = (commit: number, self: MemberKey = n3): State =>
  play(follower({ self, log: [1] }), from(n1, append({ term: 1, prev: at(1, 1), entries, commit })));

describe("P9: a node takes itself for removed", () => {
  test("P9: by a committed configuration that leaves out who was named before", () => {
    const state = told(2);
    expect(state.removed).toBeNull();
    const [after, effects] = take(state, from(n1, append({ term: 1, prev: at(3, 1), commit: 3 })));
    expect(after.removed).toMatchObject({ position: at(3, 1), configuration: without });
    expect(effectsOf(effects, "writeRemoved")).toHaveLength(1);
    // Said at last: whoever hears it may end at once.
    expect(linesOf(after, persisted(after.durability.issued)).at(-1)).toBe("removed by 3.1");
  });

  test("P9: and asks its leader about no read from then on: no answer would be heard, and no tick would end the wait", () => {
    const lines = linesOf(told(3), read()).filter((line) => line.includes("read") || line.startsWith("to "));
    expect(lines).toEqual(["refuse read 1, leader n1"]);
  });

  test("P9: not by one that could still be overwritten, nor by a joint one", () => {
    expect(told(0).removed).toBeNull();
    expect(told(2).removed).toBeNull();
  });

  test("P9: not on a peer's word: neither silence nor any message says it", () => {
    const state = follower({ self: n3, log: [1], leader: n1 });
    for (const event of [hello(n1, genesisOf(n1, n2)), from(n1, append({ term: 1, prev: at(9, 1), commit: 9 }))]) {
      expect(play(state, event).removed).toBeNull();
    }
  });

  test("P9: not who was never named, a newcomer or a new disk under an old name", () => {
    for (const self of [n4, wiped(n3)]) expect(told(3, self).removed).toBeNull();
  });

  test("P9: not who is named later, though what it has heard of does not know it", () => {
    const named = { ...without, members: genesisOf(n1, n2, n4).members };
    const late = append({ term: 1, prev: at(3, 1), entries: [placed(4, named), placed(5, named)], commit: 3 });
    const state = play(told(0, n4), from(n1, late));
    expect(state).toMatchObject({ removed: null, wasMember: true, commitIndex: 3 });
  });

  test("P9: from then on it stands for nothing, votes for nobody and waits for nothing, after a restart as well", () => {
    const gone = told(3);
    const disk = { ...saved({ log: [1] }), removed: { position: at(3, 1), configuration: without } };
    for (const state of [gone, restore(disk, starting({ self: n3 }))]) {
      expect(state.removed).not.toBeNull();
      expect(nextDeadlineMs(state)).toBe(Number.POSITIVE_INFINITY);
      for (const event of [
        tick,
        from(n2, preVote(9, at(9, 9))),
        from(n2, requestVote(9, at(9, 9))),
        hello(n1, "founding"),
      ]) {
        expect(take(state, event, 10_000)).toEqual([{ ...state, nowMs: 10_000 }, []]);
      }
      expect(linesOf(state, propose(4))[0]).toContain("refuse 1");
      expect(linesOf(state, change({ remove: ["n1"] }))[0]).toContain("does not lead");
    }
  });

  test("what it has asked its leader for its clients is refused", () => {
    const asking = play(told(2), read());
    const reads = take(asking, from(n1, append({ term: 1, prev: at(3, 1), commit: 3 })))[1];
    expect(effectsOf(reads, "readRefused")).toHaveLength(1);
  });
});

describe("a learner that was down while it was removed", () => {
  const four = genesisConfiguration(genesisOf(n1, n2, n3, n4));
  const learning = { position: at(4, 1), configuration: { ...four, voters: [n1, n2, n3] } };
  const disk = { ...saved({ log: [1, 1, 1, 1, 1] }), configurations: [learning] };
  const restarted = restore(disk, starting({ self: n4 }));
  const leavingOut = (term: number): SnapshotRecord => ({
    ...snapshotAt(at(9, term)),
    configuration: { position: at(8, term), configuration: genesisConfiguration(genesisOf(n1, n2, n3)) },
  });
  const installed = (term: number): State => {
    const offered = play(restarted, from(n1, install(leavingOut(term), { term })));
    return play(offered, fetched(leavingOut(term)));
  };

  test("does not know whether its last configuration is committed", () => expect(restarted.wasMember).toBe(false));

  test("learns it from a snapshot of the same term, which the logs share so far", () => {
    expect(installed(1).removed?.position).toEqual(at(8, 1));
  });

  test("and not from one of another term: its configuration may have been overwritten", () => {
    expect(installed(2)).toMatchObject({ removed: null, wasMember: false });
  });
});

describe("a leader says farewell", () => {
  const members = [n1, n2, n3];
  /** n1 leads term 2 with a log of 4, of which the last is the configuration without n3; n2 has all of it. */
  const parting = (): State => {
    let state = play(leader({ log: [1], members, matched: [[n2, 2]] }), change({ remove: ["n3"] }));
    for (const index of [3, 4]) state = play(state, persisted(state.durability.issued), from(n2, accepted(2, index)));
    return state;
  };
  const round = (state: State): number => asLeader(state).round;

  test("it sends the log up to the configuration that leaves the node out, and that it is committed", () => {
    const state = play(parting(), propose(4));
    expect(asLeader(state).administration.farewells.get(n3)).toMatchObject({ through: 4 });
    const sent = take(state, from(n3, accepted(2, 2, 1)))[1];
    expect(effectsOf(sent, "sendEntries")).toMatchObject([
      { to: n3, prev: at(2, 2), through: at(4, 2), leaderCommit: 4 },
    ]);
  });

  test("until it has acknowledged both; then it is forgotten", () => {
    const knows = play(parting(), from(n3, accepted(2, 4, 1)));
    expect(asLeader(knows).progress.has(n3)).toBe(true);
    const [sent] = take(knows, tick, knows.nowMs + 50);
    const over = play(sent, from(n3, accepted(2, 4, round(sent))));
    expect(asLeader(over).progress.has(n3)).toBe(false);
    expect(asLeader(over).administration.farewells.size).toBe(0);
  });

  test("or has been silent for four election timeouts", () => {
    let state = parting();
    for (let waited = 0; waited < 2000; waited += 50) {
      expect(asLeader(state).progress.has(n3)).toBe(true);
      [state] = take(state, tick, state.nowMs + 50);
      state = play(state, from(n2, accepted(2, 4, round(state))));
    }
    expect(asLeader(state).progress.has(n3)).toBe(false);
  });

  test("again when the node says hello, or asks for a vote because it does not know", () => {
    const configuration = { members: genesisOf(n1, n2).members, voters: [n1, n2] };
    const later = leader({ log: [1], configuration });
    for (const event of [hello(n3, genesisOf(...members)), from(n3, preVote(9, at(2, 2)))]) {
      expect(asLeader(play(later, event)).administration.farewells.has(n3)).toBe(true);
    }
  });

  test("again in the turn in which it ended, as when this leader has slept: nothing is known of the node any more", () => {
    const acknowledged = play(parting(), from(n3, accepted(2, 3, 1)));
    const [over] = take(acknowledged, tick, acknowledged.nowMs + 5000);
    expect(asLeader(over).progress.has(n3)).toBe(false);
    const again = play(over, from(n3, preVote(9, at(3, 2))));
    expect(asLeader(again).progress.get(n3)).toMatchObject({ matchIndex: 0 });
    expect(() => checkTransition(acknowledged, again)).not.toThrow();
  });

  test("never to a newcomer, which waits to be added, nor to a new disk under an old name", () => {
    for (const key of [n4, wiped(n3)]) {
      expect(asLeader(play(parting(), hello(key, genesisOf(...members)))).progress.has(key)).toBe(false);
    }
  });

  /** Its log begins with a configuration that is not the founders': others may have gone with what was compacted away. */
  const withoutItsPast = (): State => {
    const state = leader({ log: [1], snapshot: at(4, 1) });
    return { ...state, log: { ...state.log, configurations: [{ position: at(3, 1), configuration: founders }] } };
  };

  test("to nobody who asks for a vote and was never named, while every configuration there has been is known", () => {
    for (const state of [leader({ log: [1] }), leader({ log: [1], snapshot: at(4, 1) })]) {
      const asked = play(state, from(n4, preVote(9, at(3, 1))), from(wiped(n3), requestVote(1, at(3, 1))));
      expect(asLeader(asked).progress).toEqual(asLeader(state).progress);
    }
  });

  test("to nobody who asks for a vote with an empty log and was no founder: it has never been a voter", () => {
    const later = withoutItsPast();
    expect(asLeader(play(later, from(n4, preVote(9, at(0, 0))))).progress.has(n4)).toBe(false);
    expect(asLeader(play(later, from(n4, preVote(9, at(3, 1))))).progress.has(n4)).toBe(true);
  });

  test("to no more than 128 at once that this leader does not know", () => {
    let state = withoutItsPast();
    for (let each = 1; each <= 130; each++) {
      state = play(state, from(toMemberKey(`m${each}`, "disk"), requestVote(1, at(3, 1))));
    }
    expect(asLeader(state).administration.farewells.size).toBe(128);
  });

  test("a node that has left counts for nothing", () => {
    const state = play(parting(), propose(4));
    expect(play(state, persisted(state.durability.issued), from(n3, accepted(2, 4, 1))).commitIndex).toBe(4);
  });
});
