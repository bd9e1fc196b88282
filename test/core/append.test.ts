// What a follower does with AppendEntries: tables of log and request against answer, writes and new log.
import { describe, expect, test } from "bun:test";
import { clockMsOf } from "../../src/core/freshness.ts";
import {
  asFollower,
  candidate,
  effectsOf,
  follower,
  leader,
  linesOf,
  play,
  preCandidate,
  progressOf,
  take,
} from "./build.ts";
import { append, at, commands, from, n1, n2, n3, noop, persisted, requestVote, timeoutNow } from "./say.ts";

/** n1 follows n2, which leads the term of the log's last entry. */
const following = (log: readonly number[], more: Parameters<typeof follower>[0] = {}) =>
  follower({ log, leader: n2, ...more });

describe("the check of prevLog", () => {
  const reply = (line: string) => `to n2: AppendEntriesReply term 3: ${line}`;
  const cases = [
    { log: [1, 2, 3], prev: at(3, 3), answer: "matches through 3" },
    { log: [1, 2, 3], prev: at(2, 2), answer: "matches through 2" },
    { log: [1, 2, 3], prev: at(5, 3), answer: "refused after 5, conflict 4.0, last 3" },
    { log: [1, 2, 2, 2], prev: at(4, 3), answer: "refused after 4, conflict 2.2, last 4" },
    { log: [1, 1, 2, 2], prev: at(3, 1), answer: "refused after 3, conflict 3.2, last 4" },
  ] as const;
  for (const { log, prev, answer } of cases) {
    test(`log ${log.join(" ")}, after ${prev.index}.${prev.term}: ${answer}`, () => {
      const state = following(log, { term: 3 });
      expect(linesOf(state, from(n2, append({ term: 3, prev })))).toEqual([reply(answer)]);
    });
  }

  test("P14: prevLog at 0 always matches, also in an empty log", () => {
    const empty = following([], { term: 3 });
    expect(linesOf(empty, from(n2, append({ term: 3 })))).toEqual([reply("matches through 0")]);
    const full = following([1, 2, 3]);
    expect(linesOf(full, from(n2, append({ term: 3 })))).toEqual([reply("matches through 0")]);
    expect(play(full, from(n2, append({ term: 3 }))).log.last).toEqual(at(3, 3));
  });

  test("P14: prevLog below the snapshot is neither a conflict nor a gap: what follows is taken from there on", () => {
    const state = following([3], { snapshot: at(4, 2) });
    const entries = [...commands([1, 2, 2], 2), ...commands([3, 3], 5)];
    const [after, effects] = take(state, from(n2, append({ term: 3, prev: at(1, 1), entries })));
    expect(effectsOf(effects, "appendLog")[0]?.entries.map(({ index }) => index)).toEqual([6]);
    expect(effectsOf(effects, "truncateLog")).toEqual([]);
    expect(asFollower(after).verifiedIndex).toBe(6);
  });

  test("P14: prevLog at the snapshot's end is compared with the snapshot's term", () => {
    const state = following([3], { snapshot: at(4, 2) });
    expect(linesOf(state, from(n2, append({ term: 3, prev: at(4, 2) })))).toEqual([reply("matches through 4")]);
    expect(linesOf(state, from(n2, append({ term: 3, prev: at(4, 1) })))[0]).toStartWith("accuse n2");
  });
});

describe("taking entries", () => {
  const cases = [
    { title: "what follows the end is appended", prev: at(3, 2), entries: [2, 2], log: "append 4.2, 5.2" },
    { title: "what is here already stays", prev: at(1, 1), entries: [1, 2], log: null },
    { title: "of an overlap only the new part is appended", prev: at(2, 1), entries: [2, 2], log: "append 4.2" },
    { title: "P11: an old request that ends before the log removes nothing", prev: at(0, 0), entries: [1], log: null },
    { title: "P11: a heartbeat removes nothing behind it", prev: at(1, 1), entries: [], log: null },
  ] as const;
  for (const { title, prev, entries, log } of cases) {
    test(title, () => {
      const request = append({ term: 2, prev, entries: commands(entries, prev.index + 1) });
      const writes = linesOf(following([1, 1, 2]), from(n2, request)).filter((line) => !line.startsWith("to"));
      expect(writes).toEqual(log === null ? [] : [`${log} [1]`]);
    });
  }

  test("P11: a conflict alone truncates, and from the conflict on", () => {
    const state = following([1, 1, 2, 2], { term: 3 });
    const entries = commands([1, 3], 2);
    expect(linesOf(state, from(n2, append({ term: 3, prev: at(1, 1), entries })))).toEqual([
      "truncate after 2 [1]",
      "append 3.3 [2]",
    ]);
    const after = play(state, from(n2, append({ term: 3, prev: at(1, 1), entries })));
    expect(after.log).toMatchObject({ last: at(3, 3), termStarts: [at(1, 1), at(3, 3)] });
    expect(after.durability.persistedIndex).toBe(2);
  });

  test("P11: a conflict at the first of the entries is one at prev.index + 1", () => {
    const entries = commands([3], 4);
    expect(
      linesOf(following([1, 1, 2, 2, 2], { term: 3 }), from(n2, append({ term: 3, prev: at(3, 2), entries }))),
    ).toEqual(["truncate after 3 [1]", "append 4.3 [2]"]);
  });
});

describe("what is acknowledged", () => {
  const ack = (index: number) => [`to n2: AppendEntriesReply term 2: matches through ${index}`];

  test("new entries when they are on disk, not before", () => {
    const [state, effects] = take(
      following([1]),
      from(n2, append({ term: 2, prev: at(1, 1), entries: commands([2, 2], 2) })),
    );
    // The new term is written first, then the entries.
    expect(effectsOf(effects, "send")).toEqual([]);
    expect(linesOf(state, persisted(1))).toEqual(ack(1));
    expect(linesOf(state, persisted(2))).toEqual(ack(3));
  });

  test("P12: the end of what was verified, not the end of the log", () => {
    const state = following([1, 1, 1, 1, 1], { term: 2 });
    expect(linesOf(state, from(n2, append({ term: 2, prev: at(2, 1) })))).toEqual(ack(2));
    expect(linesOf(state, from(n2, append({ term: 2, prev: at(2, 1), entries: commands([1], 3) })))).toEqual(ack(3));
  });

  test("P12: what one leader verified says nothing about the next one", () => {
    const state = following([1, 1, 1], { verifiedIndex: 3 });
    const [after, effects] = take(state, from(n3, append({ term: 2, prev: at(1, 1) })));
    expect(asFollower(after).verifiedIndex).toBe(1);
    expect(effectsOf(effects, "send")).toEqual([]);
    expect(linesOf(after, persisted(1))).toEqual(["to n3: AppendEntriesReply term 2: matches through 1"]);
  });

  test("a heartbeat while the disk works is answered at once, with what is durable", () => {
    const state = play(following([2]), from(n2, append({ term: 2, prev: at(1, 2), entries: commands([2], 2) })));
    expect(linesOf(state, from(n2, append({ term: 2, prev: at(2, 2) })))).toEqual(ack(1));
    expect(linesOf(play(state, from(n2, append({ term: 2, prev: at(2, 2) }))), persisted(1))).toEqual(ack(2));
  });

  test("a repeated request is answered again with the same", () => {
    const request = from(n2, append({ term: 2, prev: at(1, 2), entries: commands([2], 2) }));
    const state = play(following([2]), request, persisted(1));
    expect(linesOf(state, request)).toEqual(ack(2));
  });

  test("while the new term is not durable nothing is answered, not even a heartbeat", () => {
    const state = following([1]);
    const [after, effects] = take(state, from(n2, append({ term: 2, prev: at(1, 1) })));
    expect(effects.map(({ kind }) => kind)).toEqual(["writeVote"]);
    expect(linesOf(after, persisted(1))).toEqual(ack(1));
  });

  test("what was owed meanwhile is answered once, with all that is durable by then", () => {
    const request = append({ term: 2, prev: at(1, 1), entries: commands([2, 2], 2) });
    const heartbeat = append({ term: 2, prev: at(1, 1) });
    const state = play(following([1]), from(n2, heartbeat), from(n2, heartbeat), from(n2, request));
    expect(linesOf(state, persisted(2))).toEqual(ack(3));
  });

  test("a refusal waits for the new term as well", () => {
    const [after, effects] = take(following([1]), from(n2, append({ term: 2, prev: at(7, 1) })));
    expect(effects.map(({ kind }) => kind)).toEqual(["writeVote"]);
    expect(linesOf(after, persisted(1))).toEqual([
      "to n2: AppendEntriesReply term 2: refused after 7, conflict 2.0, last 1",
    ]);
  });

  test("the answer returns the highest round heard of this leader", () => {
    const state = play(following([2]), from(n2, append({ term: 2, prev: at(1, 2), round: 9 })));
    const [, effects] = take(state, from(n2, append({ term: 2, prev: at(1, 2), round: 4 })));
    expect(effectsOf(effects, "send")[0]?.message).toMatchObject({ round: 9 });
  });
});

describe("commitIndex", () => {
  test("P16: min(leaderCommit, last verified), never the end of the log", () => {
    const state = following([1, 1, 1, 1], { term: 2 });
    expect(play(state, from(n2, append({ term: 2, prev: at(2, 1), commit: 4 }))).commitIndex).toBe(2);
    expect(play(state, from(n2, append({ term: 2, prev: at(4, 1), commit: 3 }))).commitIndex).toBe(3);
    expect(play(state, from(n2, append({ term: 2, prev: at(9, 1), commit: 4 }))).commitIndex).toBe(0);
  });

  test("P13: an old request does not roll it back", () => {
    const state = play(following([2, 2, 2]), from(n2, append({ term: 2, prev: at(3, 2), commit: 3 })));
    expect(play(state, from(n2, append({ term: 2, prev: at(1, 2), commit: 1 }))).commitIndex).toBe(3);
  });

  test("what is committed but not durable here is applied when it is", () => {
    const entries = commands([2, 2], 2);
    const [state, effects] = take(following([2]), from(n2, append({ term: 2, prev: at(1, 2), entries, commit: 3 })));
    expect(state.commitIndex).toBe(3);
    expect(effectsOf(effects, "apply")).toEqual([{ kind: "apply", after: 0, through: 1 }]);
    expect(effectsOf(take(state, persisted(1))[1], "apply")).toEqual([{ kind: "apply", after: 1, through: 3 }]);
  });
});

describe("who is heard", () => {
  test("an AppendEntries of the term names its leader and ends every candidacy", () => {
    for (const state of [preCandidate({ log: [1], term: 2 }), candidate({ log: [1], term: 1 })]) {
      const after = play(state, from(n2, append({ term: 2, prev: at(1, 1) })));
      expect(after.role).toMatchObject({ kind: "follower", leader: n2, leaderHeardMs: 800 });
      expect(after.votedFor).toBe(state.votedFor);
    }
  });

  test("one of an earlier term is refused, with this node's term and nothing that could pass for an answer to a later one", () => {
    const state = following([1, 2, 3]);
    const [after, effects] = take(state, from(n3, append({ term: 2, prev: at(3, 2), round: 40 })));
    expect(after).toEqual(state);
    expect(effectsOf(effects, "send")).toEqual([
      {
        kind: "send",
        to: n3,
        message: {
          kind: "appendEntriesReply",
          term: 3,
          round: 0,
          clockMs: clockMsOf(state),
          refill: null,
          outcome: { kind: "refused", prevIndex: 0, conflict: at(0, 0), lastIndex: 3 },
        },
      },
    ]);
  });

  test("P18: the refusal of an earlier term does not touch the same node's leadership in a later one", () => {
    // n1 leads term 2, and n2, which is in term 2 by now, has just read what n1 sent as the leader of term 1.
    const [, effects] = take(
      following([1, 1], { self: n2, term: 2 }),
      from(n1, append({ term: 1, prev: at(2, 1), round: 40 })),
    );
    const state = leader({ log: [1, 1] });
    const after = play(state, from(n2, effectsOf(effects, "send")[0]!.message));
    expect(progressOf(after, n2)).toEqual({ ...progressOf(state, n2), clock: progressOf(after, n2).clock });
    expect(after.log).toEqual(state.log);
  });

  test("before the genesis nobody is heard", () => {
    const state = { ...follower(), genesis: null, log: { ...follower().log, configurations: [] } };
    const messages = [append({ term: 3, entries: [noop(1, 3)] }), requestVote(3, at(9, 2)), timeoutNow(0)];
    for (const message of messages) expect(take(state, from(n2, message))).toEqual([state, []]);
  });
});
